"""What a report costs: its PDF, in a process of its own."""

from __future__ import annotations

import resource
import time

from bench.cases import Counted
from reports.printing import pdf_of_report
from tests.factories.documents import make_report


def pdf_of(servers: int) -> Counted:
    """The start of the process included. Its memory is the most that any child of the bench has had."""
    report = make_report(servers)
    begun = time.perf_counter()
    pdf = pdf_of_report(report)
    taken = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Counted({"seconds": taken, "peak MiB of the child": peak, "MiB of PDF": len(pdf) / 1024**2})
