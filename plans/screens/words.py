"""How plans are spoken of."""

from __future__ import annotations

from foundation.wording import Badge, Tone, clock, count
from plans.models import Plan


def recovery_badge(plan: Plan) -> Badge | None:
    """That the plan runs in recovery, and since when; None if it does not."""
    if plan.recovered_by is None:
        return None
    return Badge(f"in recovery since {clock(plan.recovered_at)} UTC", Tone.BAD, "emergency_home")


def recovery_sentence(plan: Plan) -> str:
    """The same in a sentence."""
    servers = count(plan.recovered_servers, "server")
    return f"{plan.name} has been running in recovery since {clock(plan.recovered_at)} UTC: {servers}."
