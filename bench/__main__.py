"""`python -m bench [case …]`: run the cases and print one table of medians."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from statistics import median
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("cases", nargs="*", help="numbers of the cases to run; none for all")
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        os.environ["DATABASE_URL"] = os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from audit.once import triggers
        from audit.once.append_only import AppendOnly

        call_command("migrate", verbosity=0)
        triggers.remove(connection, AppendOnly.tables())
        logging.disable(logging.WARNING)
        return _run(asked.cases, asked.runs)


def _run(wanted: list[str], runs: int) -> int:
    from rich.console import Console
    from rich.table import Table

    from bench import audit_trail, cases, exporting, forecasts, reports

    every: list[tuple[str, Callable[[int], Any], int, dict[str, float]]] = [
        ("three waves of 203, 311 and 187 s, no history", cases.three_waves, runs, {"overhead s": 25, "DRS calls": 66}),
        ("the same with one earlier run as history, jobs ±10 %", cases.three_waves_with_history, runs,
         {"overhead s": 6, "DRS calls": 66}),
        ("the same with EventBridge events", cases.three_waves_with_events, runs, {"overhead s": 2}),
        ("300 servers, 12 branching waves, one site", cases.branching_plan, runs, {"makespan / critical path": 1.03}),
        ("4,000 servers, 40 waves, 8 sites", cases.big_execution, 1,
         {"ms per reconcile (median)": 150, "peak MiB of a reconcile": 200}),
        ("20 executions at once on 4 sites", lambda run: cases.many_executions(20), 1, {}),
        ("200 executions at once on 4 sites", lambda run: cases.many_executions(200), 1, {}),
        (f"verifying an audit trail of {audit_trail.EVENTS:,} events", lambda run: audit_trail.verifying(), 1,
         {"peak MiB beyond Django": 100}),
        ("100,000 executions, 300 plans, 4,000 servers, against a tenth of it", cases.much_history, 1,
         {"refuse to delete the site, times": 2, "dashboard, ms": 150, "* of executions, ms": 150,
          "executions *, ms": 150, "register*, ms": 150, "comparison of 336 *, ms": 150,
          "list of *, ms": 150,
          "API *, ms": 150, "board of 336 *, ms": 150, "monitor of 336 *, ms": 150,
          "report of 336 *, ms": 150}),
        ("a forecast of 300 servers, 12 waves, from 200 runs", forecasts.branching_forecast, runs, {"CPU s": 1}),
        ("forecasts of 20 drills of one plan, 24 servers", lambda run: forecasts.calibration(), 1, {}),
        ("100 people watch an execution of 300 servers", cases.watched, 1,
         {"queries of it": 1, "CPU s of all in 10 s in which nothing happens": 1}),
        (f"the history as CSV, {exporting.LITTLE:,} and {exporting.MUCH:,} rows", lambda run: cases.exported(), 1,
         {"peak MiB *": 20, "peak, times": 1.5}),
        ("the PDF of a report of 300 servers, 900 events", lambda run: reports.pdf_of(300), runs,
         {"seconds": 3, "peak MiB of the child": 500}),
        ("the PDF of a report of 4,000 servers, 12,000 events", lambda run: reports.pdf_of(4000), 1,
         {"seconds": 30, "peak MiB of the child": 2500}),
    ]  # fmt: skip
    table = Table("case", "counted", "median", "least", "most", "must be", title=f"medians of {runs} runs or of one")
    missed = 0
    for number, (name, case, times, limits) in enumerate(every, start=1):
        if wanted and str(number) not in wanted:
            continue
        print(f"{number}. {name} …", file=sys.stderr, flush=True)
        found = [partial(case, run)().figures for run in range(times)]
        for row, figure in enumerate(found[0]):
            values = [one[figure] for one in found]
            limit = next((limits[pattern] for pattern in limits if fnmatchcase(figure, pattern)), None)
            missed += limit is not None and median(values) > limit
            shown = [_shown(value) for value in (median(values), min(values), max(values))]
            first = f"{number}. {name} ({times} runs)" if row == 0 else ""
            table.add_row(first, figure, *shown, f"≤ {limit}" if limit else "")
    Console(width=150).print(table)
    return 1 if missed else 0


def _shown(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
