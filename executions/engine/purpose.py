"""For which execution the engine works at the moment: lines of the log say it, and AWS is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars

from drs.identity import Caller, calling_for
from executions.models import Execution
from foundation.observing import causes
from foundation.observing.spans import span


@contextmanager
def working_for(execution: Execution, doing: str) -> Iterator[None]:
    """Meanwhile every line of this thread in the log has the execution, who asked for what it does, and the request
    that moved it last; and sessions of roles at AWS are named for it."""
    person = execution.cause.get("person") or execution.requested_by_name
    key, cause = str(execution.pk), causes.taken(execution.cause)
    facts = {"execution": key, "user": person}
    # Whoever nudged it, it belongs to the trace of the request that moved it last.
    trace = span(
        doing, parent=cause.get("traceparent", ""), **{f"drsorch.{name}": fact for name, fact in facts.items()}
    )
    with bound_contextvars(**facts, **cause), trace, calling_for(Caller(person, key)):
        yield
