"""The execution page as parts, each renewed when what it shows has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from executions.models import Execution
from executions.screens.execution_page import ExecutionPage
from foundation.live import Part

_TEMPLATES = "admin/executions"


def live_parts(context: Mapping[str, Any]) -> list[Part]:
    """`context` is the page's, with all that its templates show."""
    return list(_parts(context, context["execution"], context["page"]))


def _parts(context: Mapping[str, Any], execution: Execution, page: ExecutionPage) -> Iterator[Part]:
    def part(name: str, *shows: Any) -> Part:
        return Part(f"live-{name}", f"{_TEMPLATES}/_live_{name}.html", context, shows)

    yield part("say", context["say"])
    commands = [command.name for command in context["commands"]]
    yield part("head", execution, page.badge, page.cleanup, page.review, commands)
    yield part("standstill", execution.standstill)
    yield part("stake", context["stake"], execution.status)
    yield part("late", page.late)
    yield part("next", page.failures, page.steps, page.badge)
    shares = (page.total, page.done, page.percent, page.shares)
    yield part("state", execution, page.headline, page.meters, shares, page.took)
    yield part("approvals", execution.approvals_required, page.approvals, page.approvals_given, sorted(page.lapsed))
    yield part("bases", context["bases"], execution.requested_at)
    picture = page.picture
    places = [(box.x, box.y, box.label) for box in picture.boxes]
    yield part("picture", picture.edges, picture.width, picture.height, picture.words, places)
    for box in picture.boxes:
        drawn = {"picture": picture, "box": box, "linked": True}
        yield Part(f"picture-box-{box.position}", "admin/kit/_picture_box.html", drawn, box, nested=True)
    for card in page.waves:
        offered = (context["may_retry"], context["may_skip"], [command.name for command in context["step_commands"]])
        yield Part(
            f"wave-{card.wave.position}",
            f"{_TEMPLATES}/_wave.html",
            {**context, "card": card},
            (card, execution.started_at, offered),
        )
    yield part("events", page.events, page.event_page, page.event_pages)
