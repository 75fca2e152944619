"""Launches that were in progress when a person ended their execution without the engine.

The engine does not look at that execution again, since looks at it raise. What DRS has launched is noted by the poll
that sees it: a plan may run in recovery by it, and a clean-up has to know it.
"""

from __future__ import annotations

from django.db import InterfaceError, OperationalError

from executions import transitions
from executions.core.results import new_details
from executions.core.states import OperationKind, OperationState
from executions.engine.facts import job_facts, server_facts
from executions.models import DrsJob, Operation
from foundation.due import stopped_a_part


def unfollowed_note(site_id: int) -> None:
    """Note what dropped launches of the site have left, of which the job has nothing more to tell."""
    dropped = Operation.objects.filter(site=site_id, state=OperationState.DROPPED, kind=OperationKind.LAUNCH)
    by_job = {operation.job_id: operation for operation in dropped}
    for job in DrsJob.objects.finished().filter(site=site_id, job_id__in=by_job, complete=True):
        try:
            _note(by_job[job.job_id], job)
        except (OperationalError, InterfaceError):  # the database is away: no job's fault
            raise
        except Exception as error:
            stopped_a_part(error)


def _note(operation: Operation, job: DrsJob) -> None:
    said = job_facts(job)
    mine = [server for server in server_facts(operation.execution_id) if server.operation == str(operation.pk)]
    details = [found for server in mine if (found := new_details(server, said)) is not None]
    transitions.operation_note_left(operation.execution_id, operation.pk, details)
