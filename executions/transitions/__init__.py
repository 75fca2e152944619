"""The one writer of `status`: of executions, waves, steps, servers and operations.

A status is moved under the lock of its execution's row, only from where the function says, and in one transaction with
its event. What really moved is returned: somebody else having been first is a normal outcome. A caller that works under
the execution's lease passes its token; without the lease nothing is written, and `LeaseLost` is raised.

Not every function needs all of that:

- Lock and append: `execution_move`, `execution_abandon`, `execution_end`, `cleanup_move`, `wave_move`, `step_move`,
  `servers_move`, `servers_settle`, `servers_hold_cleanup`, `operation_intend`, `operation_accept`, `operation_adopt`,
  `operation_note_late`, `operation_uncertain`, `operation_refuse`, `operation_lose`, `termination_settle`,
  `operation_note_left`, `late_instances_settle`. Of these `operation_accept`, `operation_uncertain` and
  `operation_refuse` record what AWS answered, which is true whoever holds the lease by then; and
  `operation_note_left` what polls see of an execution that nobody holds any more.
- Lock, and append nothing: `operation_close`, because the events of its servers say how it ended; `servers_note` and
  `servers_hold`, because they write what is shown and move nothing.
- Called with the lock held, because their callers check under it too, and append: `approvals_raise`,
  `execution_review`, `recovery_end`, `replacement_acknowledge`, `servers_gone`, `wave_retry`, `wave_skip`.
  `recovery_note` and `operations_follow` append nothing: the one brings the plan up to date with what the servers'
  events say, the other has the engine follow again what an end had left.
- Under a step's claim, without the execution's lock, and append nothing: `step_claim`, `step_asking`, `step_started`,
  `step_not_started`, `step_may_act_until`, `step_again`. They write how a try stands; the step's status is moved by
  `step_move`.
"""

from executions.transitions.ending import execution_end, operation_note_left, operations_follow
from executions.transitions.executions import (
    approvals_raise,
    cleanup_move,
    execution_abandon,
    execution_move,
    execution_review,
)
from executions.transitions.late import late_instances_settle
from executions.transitions.locking import locked
from executions.transitions.operations.lifecycle import (
    operation_accept,
    operation_adopt,
    operation_close,
    operation_intend,
    operation_lose,
    operation_note_late,
    operation_refuse,
    operation_uncertain,
)
from executions.transitions.operations.terminate import termination_settle
from executions.transitions.recovered import recovery_end, recovery_note, replacement_acknowledge
from executions.transitions.reopening import Snapshots, wave_retry, wave_skip
from executions.transitions.servers import (
    servers_gone,
    servers_hold,
    servers_hold_cleanup,
    servers_move,
    servers_note,
    servers_settle,
)
from executions.transitions.steps import (
    StepClaim,
    step_again,
    step_asking,
    step_claim,
    step_may_act_until,
    step_move,
    step_not_started,
    step_started,
)
from executions.transitions.waves import wave_move

__all__ = [
    "Snapshots",
    "StepClaim",
    "approvals_raise",
    "cleanup_move",
    "execution_abandon",
    "execution_end",
    "execution_move",
    "execution_review",
    "late_instances_settle",
    "locked",
    "operation_accept",
    "operation_adopt",
    "operation_close",
    "operation_intend",
    "operation_lose",
    "operation_note_late",
    "operation_note_left",
    "operation_refuse",
    "operation_uncertain",
    "operations_follow",
    "recovery_end",
    "recovery_note",
    "replacement_acknowledge",
    "servers_gone",
    "servers_hold",
    "servers_hold_cleanup",
    "servers_move",
    "servers_note",
    "servers_settle",
    "step_again",
    "step_asking",
    "step_claim",
    "step_may_act_until",
    "step_move",
    "step_not_started",
    "step_started",
    "termination_settle",
    "wave_move",
    "wave_retry",
    "wave_skip",
]
