"""What a person asks for when they start an execution, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from executions.core.states import ExecutionKind
from foundation.errors import FieldError
from foundation.names import name_clean

#: In characters: a reason is told with every event and in every report of the execution.
MAX_REASON: Final = 2000


@dataclass(frozen=True, slots=True)
class StartRequest:
    """`confirm` is the plan's name as typed; `cleanup_after_seconds` counts from the end of a drill."""

    kind: ExecutionKind
    reason: str = ""
    point_in_time: datetime | None = None
    confirm: str = ""
    cleanup_after_seconds: int | None = None
    break_glass: bool = False

    def errors(self, plan_name: str, now: datetime) -> list[FieldError]:
        """Everything wrong with it at once, each in a sentence."""
        found = self._recovery_errors(plan_name) if self.kind is ExecutionKind.RECOVERY else self._drill_errors()
        if len(self.reason) > MAX_REASON:
            sentence = f"The reason is {len(self.reason):,} characters long; the maximum is {MAX_REASON:,}."
            found.append(FieldError("reason", sentence, "max_length"))
        if self.point_in_time is not None and self.point_in_time > now:
            found.append(
                FieldError("point_in_time", "The point in time is in the future. Choose an earlier one, or none.")
            )
        return found

    def _recovery_errors(self, plan_name: str) -> list[FieldError]:
        found = []
        if name_clean(self.confirm) != plan_name:
            found.append(FieldError("confirm", f"Type the plan's name, {plan_name}, to confirm a real recovery."))
        if not self.reason.strip():
            found.append(FieldError("reason", "A real recovery needs a reason.", "required"))
        if self.cleanup_after_seconds is not None:
            found.append(FieldError("cleanup_after_seconds", "Only drills are cleaned up. Leave this out."))
        return found

    def _drill_errors(self) -> list[FieldError]:
        found = []
        if self.break_glass:
            found.append(FieldError("break_glass", "A drill needs no approval: break-glass is for recoveries only."))
        if self.cleanup_after_seconds is not None and self.cleanup_after_seconds < 0:
            found.append(FieldError("cleanup_after_seconds", "The number of seconds cannot be negative."))
        return found
