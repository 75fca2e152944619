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
from foundation import ticker
from foundation.live import LivePage, SharedPages, live_response
from foundation.people import person
from foundation.screens import screen_response
from protection.uses import unfollowed_jobs
from reports.selectors import overdue_count


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Can we recover today? The page then polls `running` and `attention`."""
    matters, rights, now = _matters(request.user), policy.permissions_of(request.user), timezone.now()
    shown = dashboard(
        matters.running,
        matters.results,
        matters.sites,
        groups_exist=selectors.has_protection_groups(request.user),
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
        has_role=bool(rights),
        running=shown.running,
        attention=urgent,
        more_attention=rest,
        refresh_seconds=settings.DRSORCH_REFRESH_SECONDS,
        may_start=selectors.drillable(matters.results, request.user),
        expiring_tokens=expiry_warnings(person(request), now),
    )


@require_safe
@gzip_page  # nothing secret is in it, and no token
def running(request: HttpRequest) -> HttpResponse:
    """The fragment of what runs now."""
    policy.require(request.user, "executions.view_execution")
    cards = running_cards(selectors.running(request.user), timezone.now())
    context = {"running": cards, "refresh_seconds": settings.DRSORCH_REFRESH_SECONDS}
    return live_response(request, "admin/dashboard/_running.html", LivePage(root=cards, context=context))


@require_safe
@gzip_page  # the same
def attention(request: HttpRequest) -> HttpResponse:
    """The fragment of what needs attention."""
    policy.require(request.user, "executions.view_execution")

    def look() -> LivePage:
        items = attention_of(_matters(request.user), policy.permissions_of(request.user), timezone.now())
        urgent, rest = folded(items)
        return LivePage(root=items, context={"attention": urgent, "more_attention": rest})

    page = SHARED.get(policy.rights_of(request.user), look)
    return live_response(request, "admin/dashboard/_attention.html", page)


#: What needs attention is the same for all who may do the same.
SHARED = SharedPages()


def _matters(by: policy.Person) -> Matters:
    oversees = policy.may_everywhere(by, "audit.view_event")
    return Matters(
        running=selectors.running(by),
        results=selectors.plan_results(by),
        sites=selectors.site_health(by),
        halted=selectors.halted_servers(by),
        waiting_steps=selectors.waiting_steps(by),
        failed_steps=selectors.failed_steps(by),
        unreviewed=selectors.unreviewed(by),
        left=selectors.left_drills(timezone.now(), by),
        late=selectors.launched_late(by),
        stuck=selectors.stuck(by),
        unfollowed=unfollowed_jobs(by),
        trail_faults=check_get().fault_count if oversees else 0,
        signers=signers_trouble() if oversees else "",
        overdue_findings=overdue_count(timezone.now().date(), by),
        stopped_since=ticker.stopped_since(timezone.now()),
    )
