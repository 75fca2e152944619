"""The alarm for what was launched by jobs that appeared after their launch had been given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from executions.core.states import EXECUTION_ACTIVE, LATE_OPEN, CleanupStatus, ExecutionKind, LateStatus
from executions.models import Execution, LateInstance
from foundation.wording import Tone, count, listing


@dataclass(frozen=True, slots=True)
class LateAlarm:
    """`what` happened, to which `servers`, and what to do; the servers' instances in `lines`."""

    what: str
    to_do: str
    lines: tuple[str, ...]
    tone: Tone


def late_alarm(execution: Execution, late: Sequence[LateInstance]) -> LateAlarm | None:
    """None if no job appeared late."""
    if not late:
        return None
    jobs = sorted({one.job_id for one in late})
    job = "job" if len(jobs) == 1 else "jobs"
    is_settled = not any(one.status in LATE_OPEN for one in late)
    return LateAlarm(
        what=(
            f"DRS carried out a launch that drsorch had given up: {job} {listing(jobs)} launched "
            f"{count(len(late), 'server')} again. When DRS launches a server it deletes its earlier instance, so the "
            "instances shown with these servers may be gone."
        ),
        to_do="" if is_settled else _to_do(execution),
        lines=tuple(_line(one) for one in late),
        tone=Tone.WARN if is_settled else Tone.BAD,
    )


def _to_do(execution: Execution) -> str:
    if execution.kind == ExecutionKind.RECOVERY:
        return (
            "drsorch terminates nothing of a recovery. Check in the DRS console which instance of each server exists, "
            "and use that one."
        )
    if execution.cleanup_status == CleanupStatus.NONE:
        when = " when it has ended" if execution.status in EXECUTION_ACTIVE else ""
        return f"Clean up the drill{when} to terminate its late instances."
    if execution.cleanup_status == CleanupStatus.FAILED:
        return "Request the clean-up again to terminate its late instances."
    return "The clean-up of the drill terminates its late instances."


def _line(one: LateInstance) -> str:
    match LateStatus(one.status):
        case LateStatus.LAUNCHING:
            return f"{one}: job {one.job_id} is still launching it."
        case LateStatus.LAUNCHED:
            why = f" {one.cleanup_error}" if one.cleanup_error else ""
            return f"{one}: launched late as {one.recovery_instance_id}.{why}"
        case LateStatus.TERMINATED:
            return f"{one}: {one.recovery_instance_id} was terminated."
        case LateStatus.FAILED:
            return f"{one}: no instance was found. {one.error}".strip()
