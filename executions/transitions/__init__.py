"""The one writer of `status`: of executions, waves, steps, servers and operations.

Every function locks the execution's row, checks that the row it moves still stands where the caller thinks it stands,
writes, appends the event, all in one transaction, and returns what it really moved: somebody else having been first is
a normal outcome. A caller that works under a lease passes its token; without the lease nothing is written.
"""

from executions.transitions.executions import cleanup_move, execution_abandon, execution_move, execution_review
from executions.transitions.locking import locked
from executions.transitions.operations.lifecycle import (
    operation_accept,
    operation_close,
    operation_intend,
    operation_lose,
    operation_refuse,
    operation_uncertain,
)
from executions.transitions.operations.terminate import termination_settle
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
    step_move,
    step_not_started,
    step_started,
)
from executions.transitions.waves import wave_move

__all__ = [
    "Snapshots",
    "StepClaim",
    "cleanup_move",
    "execution_abandon",
    "execution_move",
    "execution_review",
    "locked",
    "operation_accept",
    "operation_close",
    "operation_intend",
    "operation_lose",
    "operation_refuse",
    "operation_uncertain",
    "servers_gone",
    "servers_hold",
    "servers_hold_cleanup",
    "servers_move",
    "servers_note",
    "servers_settle",
    "step_again",
    "step_asking",
    "step_claim",
    "step_move",
    "step_not_started",
    "step_started",
    "termination_settle",
    "wave_move",
    "wave_retry",
    "wave_skip",
]
