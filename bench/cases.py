"""The cases, each a function that runs once and says what it counted."""

from __future__ import annotations

import random
import resource
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from graphlib import TopologicalSorter
from statistics import median

from django.utils import timezone

from bench.exporting import exporting
from bench.harness import ACCOUNT, JOB_SECONDS, REGIONS, BenchHarness, bench_harness
from bench.history import history
from bench.watching import watching
from executions import tasks
from executions.engine.reconciler import execution_reconcile
from executions.models import DrsJob, Execution
from executions.services.drs_events import drs_event_receive
from plans.models import Plan

THREE_WAVES = (203.0, 311.0, 187.0)
#: How long EventBridge takes to deliver.
_DELIVERY = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class Counted:
    """Name of a figure -> its value in this run."""

    figures: dict[str, float] = field(default_factory=dict)


# --- three waves --------------------------------------------------------------------------------------------------


def three_waves(run: int) -> Counted:
    """No history. The jobs differ by up to two seconds from run to run, so that no run hits a look by luck."""
    rng = random.Random(run)
    with bench_harness({REGIONS[0]: {f"w{n}": 3 for n in range(3)}}) as harness:
        return _three_waves(harness, _plan(harness), [seconds + rng.uniform(-2, 2) for seconds in THREE_WAVES])


def three_waves_with_history(run: int, *, events: bool = False) -> Counted:
    """One earlier run as history; each job now up to 10 % longer or shorter."""
    rng = random.Random(100 + run)
    with bench_harness({REGIONS[0]: {f"w{n}": 3 for n in range(3)}}) as harness:
        plan = _plan(harness)
        _three_waves(harness, plan, THREE_WAVES)
        harness.clock.shift(timedelta(hours=1))
        return _three_waves(harness, plan, [seconds * rng.uniform(0.9, 1.1) for seconds in THREE_WAVES], events=events)


def three_waves_with_events(run: int) -> Counted:
    """As above, and EventBridge posts an event for each server when its job ends."""
    return three_waves_with_history(run, events=True)


def _plan(harness: BenchHarness) -> Plan:
    return harness.plan([{"name": f"Wave {n}", "protection_groups": [f"w{n}"]} for n in range(3)])


def _three_waves(harness: BenchHarness, plan: Plan, seconds: Sequence[float], *, events: bool = False) -> Counted:
    since = len(harness.world.calls)
    execution = harness.drill(plan)
    started = 0

    def over() -> bool:
        nonlocal started
        started = harness.calls_by_operation(since)["StartRecovery"]
        # The simulator's speed is set for the next job before it is started.
        harness.world.speed = JOB_SECONDS / seconds[min(started, len(seconds) - 1)]
        execution.refresh_from_db()
        return execution.status not in ("running",)

    over()
    _run(harness, over, seconds if events else ())
    took = (execution.finished_at - execution.started_at).total_seconds()
    assert execution.status == "succeeded", execution.outcome
    jobs = DrsJob.objects.filter(job_id__in=execution.servers.values("job_id"))
    own = sum((job.ended_at - job.created_at).total_seconds() for job in jobs)
    return Counted({"overhead s": took - own, "DRS calls": harness.call_count(since)})


def _run(harness: BenchHarness, over: Callable[[], bool], ends_told_after: Sequence[float]) -> None:
    """Until it is over; the n-th job's end is told by an event where `ends_told_after` says how long it takes."""
    if not ends_told_after:
        harness.run(until=over)
        return
    harness.tick()
    told = 0
    while not over():
        job = DrsJob.objects.filter(finished=False).first()
        delivered_at = job and job.first_seen_at + timedelta(seconds=ends_told_after[told]) + _DELIVERY
        if job is None or delivered_at is None or harness.next_due() < delivered_at:
            harness.step()
            continue
        harness.clock.move_to(delivered_at)
        told += 1
        _post(harness, job)
        harness.tick()


def _post(harness: BenchHarness, job: DrsJob) -> None:
    event = {
        "source": "aws.drs",
        "detail-type": "DRS Source Server Launch Result",
        "account": ACCOUNT,
        "region": job.site.region,
        "detail": {"state": "RECOVERY_LAUNCH_SUCCEEDED", "job-id": job.job_id, "is-drill": "TRUE"},
    }
    drs_event_receive(event, by=harness.users["omar"])


# --- many servers -------------------------------------------------------------------------------------------------


def branching_plan(run: int) -> Counted:
    """300 servers, 12 waves in a branching graph, one site: makespan over the critical path of the very jobs."""
    rng = random.Random(run)
    graph = {n: sorted(rng.sample(range(n), min(n, rng.choice([1, 1, 2])))) for n in range(12)}
    with bench_harness({REGIONS[0]: {f"w{n:02d}": 25 for n in range(12)}}, jitter=0.12) as harness:
        waves = [
            {"name": f"Wave {n}", "protection_groups": [f"w{n:02d}"], "depends_on": [f"Wave {d}" for d in graph[n]]}
            for n in range(12)
        ]
        execution = harness.drill(harness.plan(waves))
        harness.run(execution)
        execution.refresh_from_db()
        assert execution.status == "succeeded", execution.outcome
        longest: dict[int, float] = {}
        for n in TopologicalSorter(graph).static_order():
            jobs = DrsJob.objects.filter(job_id__in=execution.servers.filter(wave__position=n).values("job_id"))
            took = max((job.ended_at - job.created_at).total_seconds() for job in jobs)
            longest[n] = took + max((longest[d] for d in graph[n]), default=0.0)
        makespan = (execution.finished_at - execution.started_at).total_seconds()
        return Counted({"makespan / critical path": makespan / max(longest.values())})


def big_execution(run: int) -> Counted:
    """4,000 servers, 40 waves, 8 sites, one execution: what a reconcile costs in our own code."""
    tiers = {region: {f"r{i}w{n}": 100 for n in range(5)} for i, region in enumerate(REGIONS)}
    with bench_harness(tiers) as harness:
        names = [f"r{i}w{n}" for n in range(5) for i in range(8)]
        waves = [
            {"name": name, "protection_groups": [name], "depends_on": [names[k - 8]] if k >= 8 else []}
            for k, name in enumerate(names)
        ]
        execution = harness.drill(harness.plan(waves))
        times = _timed_reconciles(harness, execution, measure_memory=False)
        execution.refresh_from_db()
        assert execution.status == "succeeded", execution.outcome
    with bench_harness(tiers) as harness:
        execution = harness.drill(harness.plan(waves))
        peak = max(_timed_reconciles(harness, execution, measure_memory=True))
    return Counted(
        {
            "ms per reconcile (median)": median(times) * 1000,
            "ms per reconcile (longest)": max(times) * 1000,
            "peak MiB of a reconcile": peak,
            "peak MiB of the process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )


def _timed_reconciles(harness: BenchHarness, execution: Execution, *, measure_memory: bool) -> list[float]:
    """Seconds (less what the simulated DRS took), or peak MiB, of every reconcile until the end."""
    found: list[float] = []
    real = tasks.reconciler.execution_reconcile

    def measured(execution_id):
        if measure_memory:
            tracemalloc.start()
        begun, drs = time.perf_counter(), harness.drs_seconds()
        result = execution_reconcile(execution_id)
        took = time.perf_counter() - begun - (harness.drs_seconds() - drs)
        if measure_memory:
            took = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
        if result is not None:
            found.append(took)
        return result

    tasks.reconciler.execution_reconcile = measured
    try:
        harness.run(execution)
    finally:
        tasks.reconciler.execution_reconcile = real
    return found


# --- much history ----------------------------------------------------------------------------------------------------


def much_history(run: int) -> Counted:
    """100,000 executions of 300 plans, 400,000 servers launched, against a tenth of it; 4,000 servers at one site."""
    return Counted(history(run))


def exported() -> Counted:
    """All executions as CSV: what is in memory at once."""
    return Counted(exporting())


def watched(run: int) -> Counted:
    """What 100 people who watch an execution cost, each with a renewal every 2 s."""
    return Counted(watching(run))


# --- many executions ----------------------------------------------------------------------------------------------


def many_executions(count: int) -> Counted:
    """`count` executions at once on 4 sites, one worker."""
    regions = REGIONS[:4]
    tiers = {region: {f"e{n:03d}": 2 for n in range(i, count, 4)} for i, region in enumerate(regions)}
    with bench_harness(tiers) as harness:
        plans = [
            harness.plan([{"name": "Only", "protection_groups": [f"e{n:03d}"]}], name=f"Plan {n:03d}")
            for n in range(count)
        ]
        executions = [harness.drill(plan) for plan in plans]
        since, begun_at, cpu = len(harness.world.calls), timezone.now(), time.process_time()
        harness.run(*executions, steps=20_000)
        minutes = (timezone.now() - begun_at).total_seconds() / 60
        calls = harness.calls_by_operation(since)
        assert set(Execution.objects.values_list("status", flat=True)) == {"succeeded"}
        return Counted(
            {
                "DescribeJobs a site and minute": calls["DescribeJobs"] / 4 / minutes,
                "DRS calls a minute": sum(calls.values()) / minutes,
                "CPU s a simulated minute": (time.process_time() - cpu) / minutes,
                "minutes in all": minutes,
            }
        )
