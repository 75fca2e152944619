"""StartRecovery: the servers of one job, once the launch guard lets them pass."""

from __future__ import annotations

from uuid import UUID

from drs.port import OPERATION_TAG, DrsPort, Job, LaunchTarget
from executions import transitions
from executions.core.actions import Launch
from executions.core.states import OperationKind
from executions.engine.launch_guard import launchable
from executions.engine.operations.sending import send
from executions.models import Operation


def launch(execution_id: UUID, action: Launch, lease: UUID) -> None:
    """Launch servers in one DRS job, unless the intent cannot be committed: then the next look decides again."""
    servers, replaces = launchable(execution_id, action, lease)
    if not servers:
        return
    operation = transitions.operation_intend(
        execution_id,
        OperationKind.LAUNCH,
        action.site,
        servers,
        action.budget_version,
        lease=lease,
        replaces=replaces,
    )
    if operation is not None:
        send(operation, _start_recovery, lease)


def _start_recovery(port: DrsPort, operation: Operation) -> Job:
    targets = [LaunchTarget(target["source_server_id"], target["recovery_snapshot_id"]) for target in operation.targets]
    tags = {OPERATION_TAG: str(operation.pk)} if operation.site.job_tags else {}
    return port.start_recovery(targets, is_drill=operation.is_drill, tags=tags)
