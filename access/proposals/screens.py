"""What takes a second person, and what became of it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from access import policy
from access.models import Proposal
from access.proposals import (
    AGREE,
    proposal_agree,
    proposal_get,
    proposal_reject,
    proposals_for,
    state_of,
    title_of,
    waiting_elsewhere,
)
from foundation.people import person
from foundation.screens import Pages, screen_response
from foundation.wording import Badge, Tone, clock_utc

#: So many are shown; the audit trail has all.
_SHOWN: Final = 50
_BADGES: Final = {
    Proposal.State.OPEN: Badge("waiting", Tone.WARN, "hourglass_top"),
    Proposal.State.AGREED: Badge("agreed", Tone.GOOD, "check_circle"),
    Proposal.State.REJECTED: Badge("rejected", Tone.BAD, "cancel"),
    Proposal.State.WITHDRAWN: Badge("withdrawn", Tone.NEUTRAL, "undo"),
    Proposal.State.EXPIRED: Badge("expired", Tone.NEUTRAL, "timer_off"),
    Proposal.State.OVERTAKEN: Badge("overtaken", Tone.NEUTRAL, "sync_problem"),
}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """One's own proposals; all of them for who agrees or oversees."""
    by, now = person(request), timezone.now()
    rows = list(proposals_for(by)[:_SHOWN])
    agrees = policy.may(by, AGREE)
    lines = [
        {
            "row": row,
            "title": title_of(row),
            "badge": _BADGES[Proposal.State(state := state_of(row, now))],
            "asked": f"Proposed by {row.proposed_by_name}, {clock_utc(row.proposed_at)}.",
            "until": f"It waits until {clock_utc(row.expires_at)}." if state == Proposal.State.OPEN else "",
            "decided": f"{row.decided_by_name}, {clock_utc(row.decided_at)}" if row.decided_at else "",
            "may_agree": state == Proposal.State.OPEN and agrees and row.proposed_by_id != by.pk,
            "may_withdraw": state == Proposal.State.OPEN and row.proposed_by_id == by.pk,
        }
        for row in rows
    ]
    return screen_response(
        request, "admin/access/proposals.html", title="Proposals", lines=lines, elsewhere=waiting_elsewhere(by)
    )


@require_POST
def agree(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """Agree to what somebody else proposed."""
    policy.require(request.user, AGREE)
    by = person(request)
    row = proposal_agree(proposal=proposal_get(by, proposal_id), comment=request.POST.get("comment", ""), by=by)
    messages.success(request, f"Agreed, and done: {title_of(row)}.")
    return HttpResponseRedirect(reverse("admin:access_proposals"))


@require_POST
def reject(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """Reject it, or withdraw one's own."""
    by = person(request)
    row = proposal_reject(proposal=proposal_get(by, proposal_id), comment=request.POST.get("comment", ""), by=by)
    messages.success(request, f"{row.get_state_display()}: {title_of(row)}.")
    return HttpResponseRedirect(reverse("admin:access_proposals"))


PAGES: Final[Pages] = (
    ("proposals/", page, "proposals"),
    ("proposals/<uuid:proposal_id>/agree/", agree, "agree"),
    ("proposals/<uuid:proposal_id>/reject/", reject, "reject"),
)
