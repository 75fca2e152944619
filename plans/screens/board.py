"""The board of a plan: its waves as columns, by what waits for what, and the protection groups as cards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from access.policy import Person
from foundation.durations import exact
from foundation.wording import Badge, Tone, count, listing
from plans.core.document import PlanDocument, StepDocument, WaveDocument, wave_graph
from plans.core.editing import arrangement_of
from plans.core.graph import layers
from plans.core.steps import StepKind, StepWhen
from plans.core.waiting import waiting
from plans.models import STEP_KINDS, Plan
from plans.screens.labels import wave_settings
from plans.selectors import plans_by_group
from protection.core.replication import replication_tone, replication_words, worst_state
from protection.selectors import group_list, replication_by_group


@dataclass(frozen=True, slots=True)
class BoardGroup:
    name: str
    #: Empty for a group that is gone.
    id: int | None
    #: How many servers, where, and how they replicate if nothing is wrong with that.
    about: str
    #: What a person should look at.
    warnings: tuple[Badge, ...]
    #: Other plans that use it.
    others: str


@dataclass(frozen=True, slots=True)
class BoardWave:
    key: str
    name: str
    #: The query string that leads to its form.
    query: str
    waits: str
    groups: tuple[BoardGroup, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    #: What differs from the defaults, in a few words each.
    settings: tuple[str, ...]


#: What a new wave is drawn from.
BLANK = BoardWave("", "", "", "starts immediately", (), (), (), ())


@dataclass(frozen=True, slots=True)
class Board:
    version: int
    #: The waves in columns: those that start immediately, then those that wait for waves of the columns before.
    columns: tuple[tuple[BoardWave, ...], ...]
    #: Groups that are in no wave.
    spare: tuple[BoardGroup, ...]
    #: `editing.arrangement_of` the document as JSON: what the browser changes and sends.
    state: str
    blank: BoardWave = BLANK


def board(plan: Plan, document: PlanDocument, by: Person) -> Board:
    """The board of the plan's document, in three queries however large it is."""
    cards = group_cards(plan, by)
    used = {name for wave in document["waves"] for name in wave["protection_groups"]}
    arrangement, waits = arrangement_of(document), waiting(document["waves"])
    waves = [
        _board_wave(place.key, wave, waits[wave["name"]], cards)
        for place, wave in zip(arrangement.waves, document["waves"], strict=True)
    ]
    return Board(
        version=plan.version,
        columns=tuple(tuple(waves[place] for place in layer) for layer in layers(wave_graph(document["waves"]))),
        spare=tuple(card for name, card in cards.items() if name not in used),
        state=json.dumps(asdict(arrangement), ensure_ascii=False),
    )


def group_cards(plan: Plan, by: Person) -> dict[str, BoardGroup]:
    """Every protection group that the person may see, by its name, in three queries; `others` are plans beside this
    one."""
    states, others = replication_by_group(), plans_by_group(by, other_than=plan)
    return {
        group.name: _board_group(group, states.get(group.pk, {}), others.get(group.pk, ())) for group in group_list(by)
    }


def deleted_group(name: str) -> BoardGroup:
    """Of a name that a plan has and no protection group has any more."""
    return BoardGroup(name, None, "", (_warning("has been deleted"),), "")


def _board_group(group: Any, states: Mapping[str, int], others: Sequence[str]) -> BoardGroup:
    worst = worst_state(states)
    tone = Tone.NEUTRAL if worst is None else replication_tone(worst)
    about, warnings = [count(group.member_count, "server"), group.site.name], []
    if not group.member_count:
        warnings.append(_warning("no servers"))
    if group.missing_count:
        warnings.append(_warning(f"{group.missing_count} missing from DRS"))
    if worst is not None and tone == Tone.GOOD:
        about.append(replication_words(worst))
    elif worst is not None:
        warnings.append(_warning(f"{states[worst]} {replication_words(worst)}", tone))
    return BoardGroup(
        name=group.name,
        id=group.pk,
        about=" · ".join(about),
        warnings=tuple(warnings),
        others=f"Also in {listing(others, most=3)}" if others else "",
    )


_ICONS = {Tone.BAD: "error", Tone.WARN: "warning", Tone.BUSY: "sync"}


def _warning(text: str, tone: Tone = Tone.BAD) -> Badge:
    return Badge(text, tone, _ICONS.get(tone, "help"))


def _board_wave(key: str, wave: WaveDocument, waits: Sequence[str], cards: Mapping[str, BoardGroup]) -> BoardWave:
    return BoardWave(
        key=key,
        name=wave["name"],
        query=urlencode({"name": wave["name"]}),
        waits=f"waits for {listing(waits, most=None)}" if waits else "starts immediately",
        groups=tuple(cards.get(name) or deleted_group(name) for name in wave["protection_groups"]),
        before=tuple(_step_line(step) for step in wave["steps"] if step["when"] == StepWhen.BEFORE),
        after=tuple(_step_line(step) for step in wave["steps"] if step["when"] == StepWhen.AFTER),
        settings=tuple(wave_settings(wave)),
    )


_KINDS = dict(STEP_KINDS)


def _step_line(step: StepDocument) -> str:
    detail = f" {exact(step['parameters']['seconds'])}" if step["kind"] == StepKind.WAIT else ""
    return f"{step['name']} ({_KINDS[step['kind']]}{detail})"
