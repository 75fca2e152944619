"""The board of a plan: a document turned into cards of waves and protection groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from foundation.durations import exact
from foundation.wording import Badge, Tone, count, listing
from plans.core.document import LAUNCH_TIMEOUT_SECONDS, PlanDocument, StepDocument, WaveDocument
from plans.core.steps import OnFailure, StepKind, StepWhen
from plans.models import STEP_KINDS
from plans.screens.clash import ClashCard
from protection.models import ProtectionGroup


@dataclass(frozen=True, slots=True)
class BoardGroup:
    name: str
    #: Empty for a group that is gone.
    id: int | None
    site: str
    servers: str
    #: Something a person should look at.
    warning: Badge | None


@dataclass(frozen=True, slots=True)
class BoardWave:
    name: str
    #: The query string that leads to its form.
    query: str
    waits: str
    groups: tuple[BoardGroup, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    #: What differs from the defaults, in a few words each.
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Board:
    version: int
    waves: tuple[BoardWave, ...]
    #: Groups that are in no wave.
    spare: tuple[BoardGroup, ...]
    #: True while it shows an order that is not saved.
    unsaved: bool
    #: Why it could not be saved, in sentences.
    errors: tuple[str, ...]
    #: What somebody else has saved since the revision that this order began from.
    newer: ClashCard | None


def board(
    document: PlanDocument,
    groups: Iterable[ProtectionGroup],
    *,
    version: int,
    unsaved: bool = False,
    errors: Sequence[str] = (),
    newer: ClashCard | None = None,
) -> Board:
    """The board of a document that may not be saved yet; `groups` as `protection.selectors.group_list` gives them."""
    cards = {group.name: _board_group(group) for group in groups}
    used = {name for wave in document["waves"] for name in wave["protection_groups"]}
    return Board(
        version=version,
        waves=tuple(_board_wave(wave, place, cards) for place, wave in enumerate(document["waves"])),
        spare=tuple(card for name, card in cards.items() if name not in used),
        unsaved=unsaved,
        errors=tuple(errors),
        newer=newer,
    )


def _board_group(group: Any) -> BoardGroup:
    missing = _warning(f"{group.missing_count} missing from DRS") if group.missing_count else None
    return BoardGroup(
        name=group.name,
        id=group.pk,
        site=group.site.name,
        servers=count(group.member_count, "server"),
        warning=missing if group.member_count else _warning("no servers"),
    )


def _warning(text: str) -> Badge:
    return Badge(text, Tone.BAD, "error")


def _board_wave(wave: WaveDocument, place: int, cards: Mapping[str, BoardGroup]) -> BoardWave:
    gone = [name for name in wave["protection_groups"] if name not in cards]
    known = {**cards, **{name: BoardGroup(name, None, "", "", _warning("has been deleted")) for name in gone}}
    return BoardWave(
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
        return "follows the wave above" if place else "comes first, so it starts immediately"
    if not wave["depends_on"]:
        return "starts immediately"
    return f"waits for {listing(wave['depends_on'], most=None)}"


def _settings(wave: WaveDocument) -> Iterable[str]:
    if wave["minimum_success_percent"] < 100:
        yield f"minimum success {wave['minimum_success_percent']} %"
    if wave["on_failure"] == OnFailure.CONTINUE:
        yield "the other waves continue if it fails"
    if wave["start_delay_seconds"]:
        yield f"waits {exact(wave['start_delay_seconds'])} before launching"
    if wave["launch_timeout_seconds"] != LAUNCH_TIMEOUT_SECONDS:
        yield f"launch time-out {exact(wave['launch_timeout_seconds'])}"


_KINDS = dict(STEP_KINDS)


def _step_line(step: StepDocument) -> str:
    detail = f" {exact(step['parameters']['seconds'])}" if step["kind"] == StepKind.WAIT else ""
    return f"{step['name']} ({_KINDS[step['kind']]}{detail})"
