"""What a process counts besides what `foundation` does: calls of AWS."""

from __future__ import annotations

from drs.calls import Call
from foundation.observing import metrics


def count_call(call: Call) -> None:
    """An observer of `drs.calls`."""
    metrics.AWS_CALLS.labels(call.service, call.operation, call.outcome).inc()
    metrics.AWS_SECONDS.labels(call.service, call.operation).observe(call.seconds)
