"""StartRecovery: the servers of one job, once the launch guard lets them pass."""

from __future__ import annotations

from uuid import UUID

from drs.port import EXECUTION_TAG, INSTALLATION_TAG, OPERATION_TAG, DrsPort, Job, LaunchTarget
from executions import transitions
from executions.core.actions import Launch
from executions.core.states import OperationKind
from executions.engine.launch_guard import launchable
from executions.engine.operations.sending import send
from executions.engine.operations.slots import slot
from executions.models import Operation
from foundation.models import installation_id


def launch(execution_id: UUID, action: Launch, lease: UUID) -> None:
    """Launch servers in one DRS job, unless the intent cannot be committed: then the next look decides again."""
    with slot(action.site) as is_free:
        if is_free:
            _launch(execution_id, action, lease)


def _launch(execution_id: UUID, action: Launch, lease: UUID) -> None:
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
    return port.start_recovery(targets, is_drill=operation.is_drill, tags=_tags(operation))


def _tags(operation: Operation) -> dict[str, str]:
    """What the job is found by, and whose it is."""
    if not operation.site.job_tags:
        return {}
    return {
        OPERATION_TAG: str(operation.pk),
        EXECUTION_TAG: str(operation.execution_id),
        INSTALLATION_TAG: str(installation_id()),
    }
