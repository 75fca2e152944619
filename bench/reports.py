"""What a report costs: its PDF, in a process of its own. `python -m bench.reports 300` prints the figures as JSON."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.cases import Counted


def pdf_of(servers: int) -> Counted:
    """Measured from a process that is small itself: what it took counts as the most that its children had."""
    from bench.cases import Counted

    ran = subprocess.run([sys.executable, "-m", "bench.reports", str(servers)], check=True, capture_output=True)
    return Counted(json.loads(ran.stdout))


def main(servers: int) -> None:
    import django

    django.setup()
    from reports.printing import pdf_of_report
    from tests.factories.documents import make_report

    report = make_report(servers)
    begun = time.perf_counter()
    pdf = pdf_of_report(report)
    taken = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"seconds": taken, "peak MiB of the child": peak, "MiB of PDF": len(pdf) / 1024**2}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
