"""Following operations: what DRS has answered, what was lost and found, what became known later."""

from __future__ import annotations

from executions.core.draft import Draft
from executions.core.operations import KINDS
from executions.core.operations.lost import look_for_job, look_for_late_job
from executions.core.states import OperationState


def follow_operations(draft: Draft) -> None:
    """Look at every operation of the execution that is not settled, and at what settled ones have to add."""
    # Those that were given up come last: a job without a tag is one of an operation that still waits for it.
    for operation in sorted(draft.facts.operations, key=lambda one: one.state is OperationState.LOST):
        kind = KINDS[operation.kind]
        if operation.state is OperationState.LOST:
            look_for_late_job(draft, operation, kind.matches, kind.found_late)
        elif not kind.concerns(draft, operation):
            continue
        elif operation.state is OperationState.INTENDED:
            look_for_job(draft, operation, kind.matches)
        else:
            kind.follow(draft, operation, draft.jobs.get((operation.site, operation.job_id)))
