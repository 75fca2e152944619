"""Where a launch, or a termination, happens: the intent is committed, then DRS is asked, then its answer is recorded.

StartRecovery and TerminateRecoveryInstances have no idempotency token (docs/drs.md 2.1), so each is called at most once
per intent. If the process dies anywhere in here, or the answer is lost, the intent stays and `decide` looks for its
job before it asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from drs.errors import Denied, DrsError, NotFound, NotInitialised, QuotaExceeded, Rejected, ServerBusy
from drs.port import OPERATION_TAG, DrsPort, Job, LaunchTarget
from executions import transitions
from executions.core.actions import Launch, Terminate
from executions.core.states import OperationState
from executions.crashpoints import crash_point
from executions.engine import leases
from executions.engine.drill_guard import launchable
from executions.engine.polling.poll import jobs_mirror, poll_soon, poll_when_due
from executions.models import Operation
from protection.gateways import gateway

log = structlog.get_logger(__name__)


def launch(execution_id: UUID, action: Launch, lease: UUID) -> None:
    """Launch servers in one DRS job, unless the intent cannot be committed: then the next look decides again."""
    servers = launchable(execution_id, action, lease)
    if not servers:
        return
    operation = transitions.launch_intend(execution_id, action.site, servers, action.budget_version, lease=lease)
    if operation is not None:
        _ask(operation, _start_recovery, lease)


def terminate(execution_id: UUID, action: Terminate, lease: UUID) -> None:
    """Terminate drill instances in one DRS job; who calls has verified each of them."""
    operation = transitions.terminate_intend(
        execution_id, action.site, action.servers, action.budget_version, lease=lease
    )
    if operation is not None:
        _ask(operation, _terminate_instances, lease)


def _start_recovery(port: DrsPort, operation: Operation) -> Job:
    targets = [LaunchTarget(target["source_server_id"], target["recovery_snapshot_id"]) for target in operation.targets]
    tags = {OPERATION_TAG: str(operation.pk)} if operation.site.job_tags else {}
    return port.start_recovery(targets, is_drill=operation.is_drill, tags=tags)


def _terminate_instances(port: DrsPort, operation: Operation) -> Job:
    return port.terminate_recovery_instances([target["recovery_instance_id"] for target in operation.targets])


def _ask(operation: Operation, call: Callable[[DrsPort, Operation], Job], lease: UUID) -> None:
    # An intent that outlives this process is found by polling: have the site polled whatever happens now.
    poll_soon(operation.site_id, settings.DRSORCH_POLL_CEILING_SECONDS)
    leases.lease_renew(operation.execution_id, lease, settings.DRSORCH_LEASE_SECONDS)
    crash_point("operation.after_intent")
    if leases.is_held_up(operation.created_at):
        why = "It was not sent, because the process that was to send it was held up; it is tried again."
        transitions.operation_return(operation.execution_id, operation.pk, OperationState.REFUSED, why, lease=lease)
        return
    try:
        job = call(gateway(operation.site), operation)
    except DrsError as error:
        log.warning("not_accepted", kind=operation.kind, operation=str(operation.pk), error=error.message)
        _record_failure(operation, error, lease)
        return
    crash_point("operation.after_call")
    # DescribeJobs may not show the job for a while; what DRS answered is enough to know it.
    jobs_mirror(operation.site, [job])
    crash_point("operation.after_mirror")
    transitions.operation_accept(operation.execution_id, operation.pk, job.job_id, lease=lease)
    crash_point("operation.after_record")
    poll_when_due(operation.site)


def _record_failure(operation: Operation, error: DrsError, lease: UUID) -> None:
    if not error.did_nothing:
        transitions.operation_uncertain(operation.execution_id, operation.pk, error.message, lease=lease)
        poll_soon(operation.site_id)
        return
    sources = [target["source_server_id"] for target in operation.targets]
    hopeless = _hopeless(error, sources)
    # DRS refused the call for one of its servers, and did not say for which.
    unnamed_culprit = isinstance(error, Rejected | NotFound) and len(hopeless) == len(sources) > 1
    transitions.operation_return(
        operation.execution_id,
        operation.pk,
        OperationState.REFUSED,
        error.message,
        lease=lease,
        not_before=lambda tries: _retry_at(error, tries),
        failed=() if unnamed_culprit else hopeless,
        alone=unnamed_culprit,
    )
    if isinstance(error, ServerBusy | QuotaExceeded):
        # Somebody's job takes the room: learn whose.
        poll_soon(operation.site_id)


def _hopeless(error: DrsError, sources: list[str]) -> Collection[str]:
    """The servers for which trying again cannot help: the culprit that DRS names, or all of the call."""
    if isinstance(error, ServerBusy | QuotaExceeded):
        return ()
    if isinstance(error, Rejected | NotFound | Denied | NotInitialised):
        return [error.resource_id] if error.resource_id in sources else sources
    return ()


def _retry_at(error: DrsError, tries: int) -> datetime:
    gap = min(settings.DRSORCH_POLL_FLOOR_SECONDS * 2 ** min(tries, 10), settings.DRSORCH_POLL_CEILING_SECONDS)
    return timezone.now() + timedelta(seconds=max(gap, error.retry_after_seconds or 0))
