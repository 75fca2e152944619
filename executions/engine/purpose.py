"""For which execution the engine works at the moment: lines of the log say it, and AWS is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars

from drs.identity import Caller, calling_for
from executions.models import Execution
from foundation import causes


@contextmanager
def working_for(execution: Execution) -> Iterator[None]:
    """Meanwhile every line of this thread in the log has the execution, who requested it, and the request that moved it
    last; and sessions of roles at AWS are named for it."""
    person = execution.requested_by_name
    facts = {"execution": str(execution.pk), "user": person, **causes.taken(execution.cause)}
    with bound_contextvars(**facts), calling_for(Caller(person, str(execution.pk))):
        yield
