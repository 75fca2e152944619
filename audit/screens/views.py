"""The audit trail on screens. Who may read it is asked by the admin (`audit.admin`)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from audit import checking, selectors, sight, verification
from audit.daily import heads_trouble
from audit.models import Event, TrailCheck
from audit.screens.forms import TrailForm
from audit.screens.lines import trail_lines
from audit.signers import signers_trouble
from audit.tasks import check_request
from foundation.people import person
from foundation.references import id_of
from foundation.screens import screen_response
from foundation.wording import Badge, Tone, ago, count


@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """Events of everything, newest first."""
    _require(request)
    form = TrailForm(request.GET)
    narrowed = form.narrowed()
    older, newer = (id_of(request.GET.get(name, "")) for name in ("older", "newer"))
    page = selectors.page(selectors.events(narrowed, request.user), older_than=older, newer_than=newer)
    kept = request.GET.copy()
    for name in ("older", "newer"):
        kept.pop(name, None)
    for name in [name for name, value in kept.items() if not value]:
        kept.pop(name)
    return screen_response(
        request,
        "admin/audit/trail.html",
        title="Audit trail",
        about=Event,
        form=form,
        narrowed=bool(kept),
        lines=trail_lines(page.events),
        page=page,
        query=kept.urlencode(),
        on_first_page=older is None and newer is None,
        **(_check() if sight.reads_all(request.user) else {"limited": True}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The last verification of the whole trail; a POST has a worker verify it again."""
    _require_all(request)
    if request.method == "POST":
        check_request(by=person(request))
        messages.success(request, "The audit trail is being verified. The result will be shown here.")
        return redirect(reverse("admin:audit_event_verify"))
    return screen_response(request, "admin/audit/verify.html", title="Verify the audit trail", about=Event, **_check())


@require_safe
def verify_state(request: HttpRequest) -> HttpResponse:
    """The part of the page that renews itself while the trail is being verified."""
    _require_all(request)
    shown = _check()
    if "whole" in request.GET and not shown["busy"]:
        return HttpResponseClientRefresh()  # the faults, and the button, are on the rest of the page
    return TemplateResponse(request, "admin/audit/_check.html", {**shown, "whole": "whole" in request.GET})


def _require(request: HttpRequest) -> None:
    if not person(request).has_perm("audit.view_event"):
        raise PermissionDenied


def _require_all(request: HttpRequest) -> None:
    """Verifying reads, and names, everything."""
    if not sight.reads_all(request.user):
        raise PermissionDenied


def _check() -> dict[str, Any]:
    check, now = checking.check_get(), timezone.now()
    busy = checking.is_running(check) or (check.due_at is not None and check.due_at <= now)
    return {
        "check": check,
        "badge": _badge(check, busy=busy),
        "busy": busy,
        "verified": f"verified {ago(check.finished_at, now)}" if check.finished_at else "never verified",
        "event_count": count(check.events, "event"),
        "faults": count(check.fault_count, "fault"),
        "heads_at": settings.DRSORCH_AUDIT_HEADS,
        "heads_trouble": heads_trouble(),
        "warnings": [each for each in (*verification.warnings(), signers_trouble()) if each],
        "refresh_seconds": settings.DRSORCH_REFRESH_SECONDS,
    }


def _badge(check: TrailCheck, *, busy: bool) -> Badge:
    if busy:
        return Badge("being verified", Tone.BUSY, "progress_activity")
    if check.finished_at is None:
        return Badge("not verified yet", Tone.NEUTRAL, "help")
    return Badge("intact", Tone.GOOD, "verified") if check.ok else Badge("damaged", Tone.BAD, "gpp_bad")
