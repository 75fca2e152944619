"""The execution page as parts, each renewed when what it shows has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from executions.models import Execution
from executions.screens.execution_page import ExecutionPage
from executions.screens.monitor.timeline import DrawnWave, Timeline
from foundation.live import Part

_TEMPLATES = "admin/executions"


def live_parts(context: Mapping[str, Any]) -> list[Part]:
    """`context` is the page's, with all that its templates show."""
    return list(_parts(context, context["execution"], context["page"]))


def _parts(context: Mapping[str, Any], execution: Execution, page: ExecutionPage) -> Iterator[Part]:
    def part(name: str, *shows: Any) -> Part:
        return Part(f"live-{name}", f"{_TEMPLATES}/_live_{name}.html", context, shows)

    yield part("say", context["say"])
    yield part("head", execution, page.badge, page.cleanup, page.review)
    yield part("needs", page.needs)
    yield part("late", page.late)
    yield part("stake", context["stake"], execution.status)
    yield part("next", page.steps, page.badge)
    shares = (page.total, page.done, page.percent, page.shares)
    commands = [command.name for command in context["commands"]]
    yield part("state", execution, page.headline, page.meters, shares, page.took, page.split, commands)
    if page.timeline:
        yield from _timeline(context, page.timeline)
    yield part("why", page.why)
    yield part("approvals", execution.approvals_required, page.approvals, page.approvals_given, sorted(page.lapsed))
    picture = page.picture
    places = [(box.x, box.y, box.label) for box in picture.boxes]
    yield part("picture", picture.edges, picture.width, picture.height, picture.words, places)
    for box in picture.boxes:
        drawn = {"picture": picture, "box": box, "linked": True}
        yield Part(f"picture-box-{box.position}", "admin/kit/_picture_box.html", drawn, box, nested=True)
    cards = {card.wave.position: card for card in page.waves}
    for card in (cards[position] for group in page.groups for position in group.positions):
        offered = (context["may_retry"], context["may_skip"], [command.name for command in context["step_commands"]])
        yield Part(
            f"wave-{card.wave.position}",
            f"{_TEMPLATES}/_wave.html",
            {**context, "card": card},
            (card, execution.started_at, offered),
        )
    yield part("bases", context["bases"], execution.requested_at)
    yield part("events", page.events, page.event_page, page.event_pages)


def _timeline(context: Mapping[str, Any], timeline: Timeline) -> Iterator[Part]:
    lines = [DrawnWave(timeline, wave) for wave in timeline.waves]
    drawn = {**context, "timeline": timeline, "lines": lines}
    yield Part("live-timeline", f"{_TEMPLATES}/_live_timeline.html", drawn, timeline.shows())
    for line in lines:
        shows = (line.wave, timeline.frame)
        template = f"{_TEMPLATES}/_timeline_wave.html"
        yield Part(f"timeline-{line.wave.position}", template, {"line": line}, shows, nested=True)
