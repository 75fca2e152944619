"""Figures for Prometheus: what a process counts while it works, and what is read of the database when it is asked.

What is counted lives in memory or, where several processes are to be seen as one, in a file of each process in the
directory that the settings name. A gauge that is about rows belongs into `GAUGES`: whichever process is asked, the rows
are the same.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

if settings.DRSORCH_METRICS_DIRECTORY and not values.ValueClass._multiprocess:
    values.ValueClass = MultiProcessValue()  # it was imported before the settings were read

# When each series began: another series for each of ours, which nobody reads.
disable_created_metrics()

REGISTRY: Final = CollectorRegistry()
#: In seconds: from an answer out of memory to a call that is given up.
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

LOOKS: Final = Histogram(
    "drsorch_look_seconds", "How long a worker worked on a row that was due, by kind of row. Executions: reconciles.",
    ["kind"], buckets=_BUCKETS, registry=REGISTRY,
)  # fmt: skip
LOOKS_RAISED: Final = Counter(
    "drsorch_looks_raised", "Times that working on a row ended in an error of drsorch's own, by kind of row.", ["kind"],
    registry=REGISTRY,
)  # fmt: skip
AWS_CALLS: Final = Counter(
    "drsorch_aws_calls", "Calls of AWS, by service, operation and outcome: ok, or the class of the error.",
    ["service", "operation", "outcome"], registry=REGISTRY,
)  # fmt: skip
AWS_SECONDS: Final = Histogram(
    "drsorch_aws_call_seconds", "How long calls of AWS took, with their repetitions by the SDK.",
    ["service", "operation"], buckets=_BUCKETS, registry=REGISTRY,
)  # fmt: skip
REQUESTS: Final = Histogram(
    "drsorch_http_request_seconds", "How long requests of browsers and scripts took, by method and class of status.",
    ["method", "status"], buckets=_BUCKETS, registry=REGISTRY,
)  # fmt: skip

#: Each reads some rows, in a number of queries that does not grow with them.
Gauges = Callable[[datetime], Iterable[Metric]]
GAUGES: Final[list[Gauges]] = []


def gauges(read: Gauges) -> Gauges:
    """Decorates a function that reads gauges of the database, for whoever scrapes."""
    GAUGES.append(read)
    return read


def counted() -> Iterator[Metric]:
    """What has been counted: by this process, or by all that share the directory."""
    directory = settings.DRSORCH_METRICS_DIRECTORY
    if not directory:
        yield from REGISTRY.collect()
        return
    with _held(directory, fcntl.LOCK_SH):
        yield from list(MultiProcessCollector(None, directory).collect())


def sum_up_the_dead(directory: str) -> int:
    """Add what processes that are over have counted to one file, and remove theirs, when one begins; returns how many
    there were. Without their counts every counter would seem to begin anew, and rules would see what never was.
    """
    removed = 0
    with _held(directory, fcntl.LOCK_EX):
        for path in Path(directory).glob("*_*.db"):
            kind, _, pid = path.stem.rpartition("_")
            if not pid.isdigit() or _lives(int(pid)):
                continue
            if path.stat().st_size:  # else it died as it made the file
                total = MmapedDict(str(path.with_name(f"{kind}_dead.db")))
                for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(path)):
                    total.write_value(key, total.read_value(key)[0] + value, timestamp)
                total.close()
            path.unlink()
            removed += 1
    return removed


@contextmanager
def _held(directory: str, how: int) -> Iterator[None]:
    """Scrapes read beside each other; a file that goes, or is counted twice, they do not see."""
    with (Path(directory) / "lock").open("a") as file:
        fcntl.flock(file, how)
        yield


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
