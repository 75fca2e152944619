"""The landing page, and its part that is polled. No rule is here."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from access import policy
from access.screens.tokens import expiry_warnings
from audit.checking import check_get
from audit.signers import signers_trouble
from dashboard import selectors
from dashboard.attention import Matters, folded
from dashboard.attention import attention as attention_of
from dashboard.presentation import dashboard, running_cards
from foundation import due
from foundation.live import LivePage, SharedPages, live_response
from foundation.people import person
from foundation.screens import screen_response
from protection import uses
from reports.selectors import overdue_count


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Can we recover today? The page then polls `running` and `attention`."""
    matters, rights, now = _matters(), policy.permissions_of(request.user), timezone.now()
    shown = dashboard(
        matters.running,
        matters.results,
        matters.sites,
        groups_exist=selectors.has_protection_groups(),
        rights=rights,
        now=now,
        every_plan=request.GET.get("plans") == "all",
    )
    urgent, rest = folded(attention_of(matters, rights, now))
    return screen_response(
        request,
        "admin/index.html",
        title="Dashboard",
        page=shown,
        running=shown.running,
        attention=urgent,
        more_attention=rest,
        refresh_seconds=settings.DRSORCH_REFRESH_SECONDS,
        may_start=policy.may(request.user, "executions.start_drill"),
        expiring_tokens=expiry_warnings(person(request), now),
    )


@require_safe
@gzip_page  # nothing secret is in it, and no token
def running(request: HttpRequest) -> HttpResponse:
    """The fragment of what runs now."""
    policy.require(request.user, "executions.view_execution")
    cards = running_cards(selectors.running(), timezone.now())
    context = {"running": cards, "refresh_seconds": settings.DRSORCH_REFRESH_SECONDS}
    return live_response(request, "admin/dashboard/_running.html", LivePage(root=cards, context=context))


@require_safe
@gzip_page  # the same
def attention(request: HttpRequest) -> HttpResponse:
    """The fragment of what needs attention."""
    policy.require(request.user, "executions.view_execution")

    def look() -> LivePage:
        items = attention_of(_matters(), policy.permissions_of(request.user), timezone.now())
        urgent, rest = folded(items)
        return LivePage(root=items, context={"attention": urgent, "more_attention": rest})

    page = SHARED.get(policy.rights_of(request.user), look)
    return live_response(request, "admin/dashboard/_attention.html", page)


#: What needs attention is the same for all who may do the same.
SHARED = SharedPages()


def _matters() -> Matters:
    return Matters(
        running=selectors.running(),
        results=selectors.plan_results(),
        sites=selectors.site_health(),
        halted=selectors.halted_servers(),
        waiting_steps=selectors.waiting_steps(),
        failed_steps=selectors.failed_steps(),
        unreviewed=selectors.unreviewed(),
        left=selectors.left_drills(timezone.now()),
        late=selectors.launched_late(),
        stuck=due.raising(),
        unfollowed=uses.unfollowed_jobs(),
        trail_faults=check_get().fault_count,
        signers=signers_trouble(),
        overdue_findings=overdue_count(timezone.now().date()),
    )
