"""Where a launch happens: the intent is committed, then DRS is asked, then its answer is recorded.

StartRecovery has no idempotency token (DRS_FACTS 3), so it is called at most once per intent. If the process dies
anywhere in here, or the answer is lost, the intent stays and `decide` looks for its job before it launches again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from drs.errors import Denied, DrsError, NotFound, NotInitialised, QuotaExceeded, Rejected, ServerBusy
from drs.port import OPERATION_TAG, LaunchTarget
from executions import transitions
from executions.core.actions import Launch
from executions.core.states import OperationState
from executions.models import Operation
from executions.observer import jobs_mirror, poll_soon
from protection.gateways import gateway

log = structlog.get_logger(__name__)


def launch(execution_id: UUID, action: Launch, lease: UUID) -> bool:
    """Launch servers in one DRS job. False if the intent could not be committed: decide again."""
    operation = transitions.launch_intend(execution_id, action.site, action.servers, action.budget_version, lease=lease)
    if operation is None:
        return False
    # An intent that outlives this process is found by polling: have the site polled whatever happens now.
    poll_soon(operation.site_id, settings.DRSORCH_POLL_CEILING_SECONDS)
    transitions.lease_renew(execution_id, lease, settings.DRSORCH_LEASE_SECONDS)
    _send(operation, lease)
    return True


def _send(operation: Operation, lease: UUID) -> None:
    site = operation.site
    targets = [LaunchTarget(t["source_server_id"], t["recovery_snapshot_id"]) for t in operation.targets]
    tags = {OPERATION_TAG: str(operation.pk)} if site.job_tags else {}
    try:
        job = gateway(site).start_recovery(targets, is_drill=operation.is_drill, tags=tags)
    except DrsError as error:
        log.warning("launch_not_accepted", site=site.name, operation=str(operation.pk), error=error.message)
        _record_failure(operation, error, lease)
        return
    # DescribeJobs may not show the job for a while; what StartRecovery answered is enough to know it.
    jobs_mirror(site, [job])
    transitions.operation_accept(operation.execution_id, operation.pk, job.job_id, lease=lease)
    poll_soon(site.pk, settings.DRSORCH_POLL_CEILING_SECONDS)


def _record_failure(operation: Operation, error: DrsError, lease: UUID) -> None:
    if not error.did_nothing:
        transitions.operation_uncertain(operation.execution_id, operation.pk, error.message, lease=lease)
        poll_soon(operation.site_id)
        return
    sources = [target["source_server_id"] for target in operation.targets]
    transitions.operation_return(
        operation.execution_id,
        operation.pk,
        OperationState.REFUSED,
        error.message,
        lease=lease,
        not_before=lambda tries: _retry_at(error, tries),
        failed=_hopeless(error, sources),
    )
    if isinstance(error, ServerBusy | QuotaExceeded):
        # Somebody's job takes the room: learn whose.
        poll_soon(operation.site_id)


def _hopeless(error: DrsError, sources: list[str]) -> list[str]:
    """The servers for which trying again cannot help: the culprit that DRS names, or all of the call."""
    if isinstance(error, ServerBusy | QuotaExceeded):
        return []
    if isinstance(error, Rejected | NotFound | Denied | NotInitialised):
        return [error.resource_id] if error.resource_id in sources else sources
    return []


def _retry_at(error: DrsError, tries: int) -> datetime:
    gap = min(
        settings.DRSORCH_POLL_FLOOR_SECONDS * 2 ** min(tries, 10),
        settings.DRSORCH_POLL_CEILING_SECONDS,
    )
    return timezone.now() + timedelta(seconds=max(gap, error.retry_after_seconds or 0))
