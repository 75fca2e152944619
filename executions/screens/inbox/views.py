"""The inbox of whoever approves. It is answered by the commands of the executions (`executions.screens.views`)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from access.models import Proposal
from access.proposals import open_for, title_of
from executions.screens.inbox.presentation import cards, sentence
from executions.screens.inbox.selectors import APPROVE, inbox_rows, waiting_for
from foundation.live import LivePage, Part, live_response
from foundation.people import person
from foundation.screens import screen_response
from foundation.wording import count

_TEMPLATES = "admin/executions/inbox"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """All that waits for this person, each with its form; the page then polls `fragment`."""
    policy.require(request.user, APPROVE)
    proposed = [title_of(row) for row in proposals_waiting(request)]
    return screen_response(
        request, f"{_TEMPLATES}/page.html", title="Approvals", proposed=proposed, **_look(request).whole(request)
    )


@require_safe
def fragment(request: HttpRequest) -> HttpResponse:
    """What of it has changed. Not compressed: its forms carry a token."""
    policy.require(request.user, APPROVE)
    return live_response(request, f"{_TEMPLATES}/_cards.html", _look(request))


@require_safe
def header(request: HttpRequest) -> HttpResponse:
    """Its entry in the header of every page."""
    policy.require(request.user, APPROVE)
    context = header_context(request)
    return live_response(request, f"{_TEMPLATES}/_header.html", LivePage(root=context, context=context))


def proposals_waiting(request: HttpRequest) -> list[Proposal]:
    """What takes this person's agreement besides executions. No query where no second person is ever needed."""
    return list(open_for(person(request))) if settings.DRSORCH_TWO_PERSONS else []


def header_context(request: HttpRequest) -> dict[str, Any]:
    """For the header; empty for who may not approve."""
    if not policy.may(request.user, APPROVE):
        return {}
    waiting = waiting_for(person(request))
    announced = [(one.key, sentence(one)) for one in waiting]
    number = len(waiting) + len(proposals_waiting(request))
    words = f"{count(number, 'approval')} {'waits' if number == 1 else 'wait'} for you" if number else "Approvals"
    return {"inbox": {"announced": announced, "number": number, "words": words}}


def _look(request: HttpRequest) -> LivePage:
    shown = cards(inbox_rows(person(request)), timezone.now())
    parts = [
        Part(f"waits-{card.id}", f"{_TEMPLATES}/_card.html", {"card": card}, (card, card.execution)) for card in shown
    ]
    title = f"({len(shown)}) Approvals" if shown else "Approvals"
    context = {"cards": shown, "tab_title": title, "refresh_seconds": settings.DRSORCH_REFRESH_SECONDS}
    return LivePage(root=[card.id for card in shown], parts=parts, context=context)
