"""How plans are spoken of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from foundation.wording import Badge, Tone, clock, count
from plans.core.steps.variables import OF_SERVER, VARIABLES, written
from plans.models import Plan

ARCHIVED: Final = Badge("archived", Tone.NEUTRAL, "inventory_2")


def recovery_badge(plan: Plan) -> Badge | None:
    """That the plan runs in recovery, and since when; None if it does not."""
    if plan.recovered_by is None:
        return None
    return Badge(f"in recovery since {clock(plan.recovered_at)} UTC", Tone.BAD, "emergency_home")


def recovery_sentence(plan: Plan) -> str:
    """The same in a sentence."""
    servers = count(plan.recovered_servers, "server")
    return f"{plan.name} has been running in recovery since {clock(plan.recovered_at)} UTC: {servers}."


@dataclass(frozen=True, slots=True)
class VariableLine:
    typed: str
    meaning: str


def variable_lines(server: str) -> tuple[VariableLine, ...]:
    """What a step's fields may refer to; `server` is one of the plan, for the example."""
    one = server or "web-1"
    return (
        *(VariableLine(written(f"{each.name}:{one}"), f"{each.meaning}, here of {one}") for each in OF_SERVER.values()),
        *(VariableLine(written(each.name), each.meaning) for each in VARIABLES.values()),
    )
