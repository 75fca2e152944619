"""The one writer of `status`: of executions, waves, steps, servers and operations.

Every function locks the execution's row, checks that the row it moves still stands where the caller thinks it stands,
writes, appends the event, all in one transaction, and returns what it really moved: somebody else having been first is
a normal outcome. A caller that works under a lease passes its token; without the lease nothing is written.
"""

from executions.transitions.executions import cleanup_move, execution_abandon, execution_move, execution_review
from executions.transitions.locking import locked
from executions.transitions.operations import (
    launch_intend,
    operation_accept,
    operation_close,
    operation_return,
    operation_uncertain,
    terminate_intend,
    termination_settle,
)
from executions.transitions.reopening import REOPENABLE, Snapshots, wave_retry, wave_skip
from executions.transitions.servers import (
    servers_gone,
    servers_hold,
    servers_hold_cleanup,
    servers_move,
    servers_note,
    servers_settle,
)
from executions.transitions.steps import (
    Claim,
    step_again,
    step_asking,
    step_claim,
    step_move,
    step_not_started,
    step_started,
)
from executions.transitions.waves import wave_move

__all__ = [
    "REOPENABLE",
    "Claim",
    "Snapshots",
    "cleanup_move",
    "execution_abandon",
    "execution_move",
    "execution_review",
    "launch_intend",
    "locked",
    "operation_accept",
    "operation_close",
    "operation_return",
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
    "terminate_intend",
    "termination_settle",
    "wave_move",
    "wave_retry",
    "wave_skip",
]
