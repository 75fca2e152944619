"""Finding what a command names."""

from __future__ import annotations

from executions.models import Execution, StepRun, WaveRun
from foundation.errors import Invalid


def wave_named(execution: Execution, name: str) -> WaveRun:
    """Raises `Invalid` naming the waves that there are."""
    found = execution.waves.filter(name=name).first()
    if found is None:
        names = ", ".join(execution.waves.values_list("name", flat=True))
        raise Invalid.field("wave", f"This execution has no wave “{name}”. Its waves are {names}.", "unknown")
    return found


def step_named(execution: Execution, wave: str, name: str | None) -> StepRun | None:
    """None for None; raises `Invalid` where the wave has no such step."""
    if name is None:
        return None
    found = StepRun.objects.filter(execution=execution, wave__name=wave, name=name).first()
    if found is None:
        raise Invalid.field("step", f"Wave {wave} has no step “{name}”.", "unknown")
    return found
