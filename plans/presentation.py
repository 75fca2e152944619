"""What the plan screens show: rows and documents turned into words, cards and a picture. Nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from foundation.durations import exact
from foundation.wording import count, listing, short
from plans.core.document import LAUNCH_TIMEOUT_SECONDS, PlanDocument, StepDocument, WaveDocument, wave_graph
from plans.core.findings import Finding, Severity
from plans.core.graph import cycle
from plans.core.picture import NODE_HEIGHT, NODE_WIDTH, Edge, draw
from plans.core.steps import OnFailure, StepKind, StepWhen
from plans.models import STEP_KINDS
from protection.models import ProtectionGroup

#: As many characters as fit into a box of the picture.
_FITS = 22


@dataclass(frozen=True, slots=True)
class GroupCard:
    name: str
    #: Empty for a group that is gone.
    id: int | None
    site: str
    servers: str
    #: Something a person should look at, in a few words.
    warning: str


@dataclass(frozen=True, slots=True)
class WaveCard:
    name: str
    #: The query string that leads to its form.
    query: str
    waits: str
    groups: tuple[GroupCard, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    #: What differs from the defaults, in a few words each.
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Board:
    version: int
    waves: tuple[WaveCard, ...]
    #: Groups that are in no wave.
    spare: tuple[GroupCard, ...]
    #: True while it shows an order that is not saved.
    unsaved: bool
    #: Why it could not be saved, in sentences.
    errors: tuple[str, ...]


def board(
    document: PlanDocument,
    groups: Iterable[ProtectionGroup],
    *,
    version: int,
    unsaved: bool = False,
    errors: Sequence[str] = (),
) -> Board:
    """The board of a document that may not be saved yet; `groups` as `protection.selectors.group_list` gives them."""
    cards = {group.name: _group_card(group) for group in groups}
    used = {name for wave in document["waves"] for name in wave["protection_groups"]}
    return Board(
        version=version,
        waves=tuple(_wave_card(wave, place, cards) for place, wave in enumerate(document["waves"])),
        spare=tuple(card for name, card in cards.items() if name not in used),
        unsaved=unsaved,
        errors=tuple(errors),
    )


def _group_card(group: Any) -> GroupCard:
    missing = f"{group.missing_count} gone from DRS" if group.missing_count else ""
    return GroupCard(
        name=group.name,
        id=group.pk,
        site=group.site.name,
        servers=count(group.member_count, "server"),
        warning="no servers" if not group.member_count else missing,
    )


def _wave_card(wave: WaveDocument, place: int, cards: Mapping[str, GroupCard]) -> WaveCard:
    gone = [name for name in wave["protection_groups"] if name not in cards]
    known = {**cards, **{name: GroupCard(name, None, "", "", "deleted meanwhile") for name in gone}}
    return WaveCard(
        name=wave["name"],
        query=urlencode({"name": wave["name"]}),
        waits=waits(wave, place),
        groups=tuple(known[name] for name in wave["protection_groups"]),
        before=tuple(_step_line(step) for step in wave["steps"] if step["when"] == StepWhen.BEFORE),
        after=tuple(_step_line(step) for step in wave["steps"] if step["when"] == StepWhen.AFTER),
        settings=tuple(_settings(wave)),
    )


def waits(wave: WaveDocument, place: int) -> str:
    """What has to end before the wave may start."""
    if wave["depends_on"] is None:
        return "follows the wave above" if place else "comes first, so it starts at once"
    if not wave["depends_on"]:
        return "starts at once"
    return f"waits for {listing(wave['depends_on'], most=None)}"


def _settings(wave: WaveDocument) -> Iterable[str]:
    if wave["minimum_success_percent"] < 100:
        yield f"{wave['minimum_success_percent']}% is enough"
    if wave["on_failure"] == OnFailure.CONTINUE:
        yield "carries on if it fails"
    if wave["start_delay_seconds"]:
        yield f"starts {exact(wave['start_delay_seconds'])} late"
    if wave["launch_timeout_seconds"] != LAUNCH_TIMEOUT_SECONDS:
        yield f"gives up after {exact(wave['launch_timeout_seconds'])}"


_KINDS = dict(STEP_KINDS)


def _step_line(step: StepDocument) -> str:
    detail = f" {exact(step['parameters']['seconds'])}" if step["kind"] == StepKind.WAIT else ""
    return f"{step['name']} ({_KINDS[step['kind']]}{detail})"


@dataclass(frozen=True, slots=True)
class Box:
    name: str
    #: The name cut to what fits.
    label: str
    below: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class WavePicture:
    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    #: The picture in words, for those who do not see it.
    words: str
    box_width: int = NODE_WIDTH
    box_height: int = NODE_HEIGHT


def picture(document: PlanDocument) -> WavePicture | None:
    """The waves as a graph; None where there is none to draw."""
    graph = wave_graph(document["waves"])
    if not graph or cycle(graph):
        return None
    drawn = draw(graph)
    names = [wave["name"] for wave in document["waves"]]
    return WavePicture(
        width=drawn.width,
        height=drawn.height,
        boxes=tuple(
            Box(
                name=names[node.position],
                label=short(names[node.position], _FITS),
                below=_below(document["waves"][node.position]),
                x=node.x,
                y=node.y,
            )
            for node in drawn.nodes
        ),
        edges=drawn.edges,
        words=". ".join(f"{wave['name']} {waits(wave, place)}" for place, wave in enumerate(document["waves"])) + ".",
    )


def _below(wave: WaveDocument) -> str:
    parts = [count(len(wave["protection_groups"]), "group")] if wave["protection_groups"] else []
    parts += [count(len(wave["steps"]), "step")] if wave["steps"] else []
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Readiness:
    blocking: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    #: "good", "warn" or "bad".
    level: str
    #: A Material symbol.
    icon: str
    short: str
    summary: str


def readiness(findings: Sequence[Finding]) -> Readiness:
    """Findings by what they mean for a run, and the outcome in a line."""
    blocking = tuple(finding for finding in findings if finding.severity == Severity.BLOCKING)
    warnings = tuple(finding for finding in findings if finding.severity == Severity.WARNING)
    if blocking:
        verb = "blocks" if len(blocking) == 1 else "block"
        summary = f"Not ready: {count(len(blocking), 'finding')} {verb} a run."
        return Readiness(blocking, warnings, "bad", "block", "Not ready", summary)
    if warnings:
        many = count(len(warnings), "warning")
        return Readiness(blocking, warnings, "warn", "warning", f"Ready, {many}", f"Ready, with {many}.")
    summary = "Ready: nothing stands in the way of a run."
    return Readiness(blocking, warnings, "good", "check_circle", "Ready", summary)


@dataclass(frozen=True, slots=True)
class DiffLine:
    where: str
    before: str
    after: str


def diff_lines(diff: Iterable[Mapping[str, Any]]) -> list[DiffLine]:
    """A revision's diff in words."""
    return [
        DiffLine(
            where=" › ".join(change["path"].split(".")).replace("_seconds", "").replace("_", " "),
            before=_value(change["path"], change["before"]),
            after=_value(change["path"], change["after"]),
        )
        for change in diff
    ]


def _value(path: str, value: Any) -> str:
    field = path.rpartition(".")[2]
    if field == "depends_on" and not value:
        return "the wave above" if value is None else "nothing, starts at once"
    if value is None:
        return "—"
    if field.endswith("_seconds") and isinstance(value, int):
        return exact(value)
    if isinstance(value, Mapping) and "protection_groups" in value:
        value = [f"wave with {', '.join(value['protection_groups']) or 'no groups'}"]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
