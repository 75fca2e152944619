"""How DRS is asked for something that must happen at most once, whatever its kind.

The intent is committed, then DRS is asked, then its answer is recorded. No such call has an idempotency token
(docs/drs.md 2.1), so each is made at most once per intent. If the process dies anywhere in here, or the answer is lost,
the intent stays and `decide` looks for its job before it asks again.

A call may take longer than the lease of the execution: then another worker moves what else there is to move, and leaves
the intent alone for as long as AWS may act on it. The answer is recorded all the same, and that worker is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from structlog.contextvars import bound_contextvars

from drs.errors import DrsError, OutcomeUnknown
from drs.port import DrsPort, Job
from drs.timing import to_go_out_by
from executions import transitions
from executions.core.refusals import refusal_of
from executions.crashpoints import crash_point
from executions.engine.call_limit import goes_out_by, is_too_late
from executions.engine.polling.listing import jobs_mirror
from executions.engine.polling.schedule import poll_soon, poll_when_due
from executions.models import Execution, Operation
from foundation.backoff import Backoff
from protection.gateways import gateway

log = structlog.get_logger(__name__)

_HELD_UP = "The request was not sent because the worker was delayed. It will be sent again."


def send(operation: Operation, call: Callable[[DrsPort, Operation], Job], lease: UUID) -> None:
    """Make the call whose intent is committed, and record what DRS says. Raises `LeaseLost` if it is not made because
    another worker has the execution by now."""
    # An intent that outlives this process is found by polling: have the site polled whatever happens now.
    poll_soon(operation.site_id, settings.DRSORCH_POLL_CEILING_SECONDS)
    Execution.objects.renew(operation.execution_id, lease, seconds=settings.DRSORCH_LEASE_SECONDS)
    crash_point("operation.after_intent")
    if is_too_late(operation.created_at):
        transitions.operation_refuse(operation.execution_id, operation.pk, _HELD_UP)
        return
    try:
        with to_go_out_by(goes_out_by(operation.created_at)), bound_contextvars(operation_key=str(operation.pk)):
            job = call(gateway(operation.site), operation)
    except DrsError as error:
        log.warning("not_accepted", **_facts(operation), error=error.message, aws_request_id=error.aws_request_id)
        _record_failure(operation, error)
    else:
        log.info("job_begun", **_facts(operation), job=job.job_id)
        crash_point("operation.after_call")
        # DescribeJobs may not show the job for a while; what DRS answered is enough to know it.
        jobs_mirror(operation.site, [job])
        crash_point("operation.after_mirror")
        transitions.operation_accept(operation.execution_id, operation.pk, job.job_id)
        crash_point("operation.after_record")
        poll_when_due(operation.site)
    if not Execution.objects.held(operation.execution_id, lease).exists():
        # The call took longer than the lease: whoever holds the execution by now decides anew.
        Execution.objects.filter(pk=operation.execution_id).nudge()


def _facts(operation: Operation) -> dict[str, Any]:
    return {
        "kind": operation.kind,
        "drill": operation.is_drill,
        "operation_key": str(operation.pk),
        "site": operation.site.name,
        "servers": len(operation.targets),
    }


def _record_failure(operation: Operation, error: DrsError) -> None:
    if isinstance(error, OutcomeUnknown):
        is_over = error.is_over
        transitions.operation_uncertain(operation.execution_id, operation.pk, error.message, is_over=is_over)
        poll_soon(operation.site_id)
        return
    refusal = refusal_of(error, [target["source_server_id"] for target in operation.targets])
    backoff = Backoff(2 * settings.DRSORCH_POLL_FLOOR_SECONDS, settings.DRSORCH_POLL_CEILING_SECONDS)
    transitions.operation_refuse(
        operation.execution_id,
        operation.pk,
        error.message,
        refusal=refusal,
        wait_seconds=lambda refused: backoff.after(refused, retry_after_seconds=error.retry_after_seconds),
    )
    if refusal.no_room:
        # Somebody's job takes the room: learn whose.
        poll_soon(operation.site_id)
