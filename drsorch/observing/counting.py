"""What a process counts besides what `foundation` does: calls of AWS."""

from __future__ import annotations

from typing import Final

from drs.calls import Call
from drs.errors import Denied
from foundation.observing import metrics

#: What nothing works without, by service.
_NEEDED: Final = {
    "drs": (
        "DescribeSourceServers", "DescribeRecoverySnapshots", "DescribeRecoveryInstances", "DescribeJobs",
        "DescribeJobLogItems", "StartRecovery", "TerminateRecoveryInstances",
    ),
    "sts": ("AssumeRole",),
}  # fmt: skip


def count_from_zero() -> None:
    """For each process that serves or works, when it begins. A counter that was never there cannot rise: a rule would
    miss the first refusal of AWS."""
    for service, operations in _NEEDED.items():
        for operation in operations:
            metrics.AWS_CALLS.labels(service, operation, Denied.__name__)


def count_call(call: Call) -> None:
    """An observer of `drs.calls`."""
    metrics.AWS_CALLS.labels(call.service, call.operation, call.outcome).inc()
    metrics.AWS_SECONDS.labels(call.service, call.operation).observe(call.seconds)
