"""What a run is for, in the words of the form it was entered in: of a plan, and of an execution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from foundation.wording import listing
from plans.core.purpose import NAMES, PurposeDocument
from plans.screens import labels
from plans.screens.revisions import value_words

#: Shown first, in this order; the rest is folded where there is little room.
_FIRST: Final = ("scenario_type", "business_owner", "mtpd_seconds", "business_functions", "scenario", "objectives")
_SHORT: Final = frozenset({"scenario_type", "business_owner", "mtpd_seconds"})


@dataclass(frozen=True, slots=True)
class PurposeLine:
    label: str
    text: str
    is_link: bool
    #: It needs a line of its own.
    is_wide: bool


@dataclass(frozen=True, slots=True)
class PurposeCard:
    first: tuple[PurposeLine, ...]
    more: tuple[PurposeLine, ...]


def purpose_lines(purpose: PurposeDocument) -> tuple[PurposeLine, ...]:
    """What is filled in, the most important first."""
    values = {name: value for name, value in purpose.items() if name in NAMES and value}
    order = sorted(values, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return tuple(_line(name, values[name]) for name in order)


def purpose_card(purpose: PurposeDocument) -> PurposeCard | None:
    """The same for where there is little room; None if nothing is filled in."""
    lines = purpose_lines(purpose)
    at = sum(1 for name in _FIRST if purpose[name])
    return PurposeCard(lines[:at], lines[at:]) if lines else None


def _line(name: str, value: object) -> PurposeLine:
    text = value_words(name, value)
    return PurposeLine(labels.OF_PLAN[name], text, text.startswith("https://"), name not in _SHORT)


def purpose_sentence(purpose: PurposeDocument) -> str:
    """The least that a report needs, in a line; empty if there is neither a scenario nor an objective."""
    if not (purpose["scenario_type"] or purpose["scenario"] or purpose["objectives"]):
        return ""
    scenario = value_words("scenario_type", purpose["scenario_type"], absent="described in the plan")
    parts = [f"Scenario: {scenario}."]
    if purpose["business_functions"]:
        parts.append(f"Business functions: {listing(purpose['business_functions'])}.")
    if purpose["business_owner"]:
        parts.append(f"Business owner: {purpose['business_owner']}.")
    return " ".join(parts)
