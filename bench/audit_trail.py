"""Verifying a long audit trail: executions with their servers, each with its events, its seals and its rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.db import connection, transaction

from audit import record
from audit.daily import daily_head
from audit.event_types import EventType
from audit.record import Entry
from bench.cases import Counted
from bench.harness import empty
from executions.models import Execution, ServerRun, WaveRun
from executions.sealing import DECISIONS, FROZEN, RESULT, sealed
from tests.factories.plans import PlanFactory
from tests.factories.protection import SyncedSiteFactory

#: A tenth of what README tells of, so that it takes a minute: BENCH_EVENTS=1000000.
EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
_SERVERS = 24
#: Of one execution: four of its own, and of each server.
_OF_ONE = 4 + 4 * _SERVERS
_A_DAY = 20

_VERIFY = """
import json, pathlib, time
import django
django.setup()
from django.db import connection
from audit.verification import verify
from audit.holding import HOLDERS

# Factories made these, and recorded nothing.
for made in ("plan", "site"):
    del HOLDERS[made]
connection.ensure_connection()

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])

before = peak()
begun = time.perf_counter()
result = verify()
print(json.dumps({
    "ok": result.ok, "events": result.events, "seconds": time.perf_counter() - begun,
    "MiB": (peak() - before) / 1024,
    "faults": [fault.message for fault in result.faults[:5]],
}))
"""


def verifying() -> Counted:
    """In a process of its own, whose memory is measured."""
    empty()
    executions = _seed(EVENTS // _OF_ONE)
    connection.close()
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run([sys.executable, "-c", _VERIFY], env=environment, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["ok"], found["faults"]
    return Counted(
        {
            "events": found["events"],
            "executions with their rows": executions,
            "events verified a second": found["events"] / found["seconds"],
            "seconds": found["seconds"],
            "peak MiB beyond Django": found["MiB"],
        }
    )


def _seed(number: int) -> int:
    plan, site = PlanFactory.create(), SyncedSiteFactory.create()
    start = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock:
        for day in range(0, number, _A_DAY):
            for _ in range(min(_A_DAY, number - day)):
                with transaction.atomic():
                    _execution(plan, site)
            clock.shift(timedelta(days=1))
            daily_head(datetime.now(UTC))
    return number


def _execution(plan: Any, site: Any) -> None:
    now = datetime.now(UTC)
    execution = Execution.objects.create(
        plan=plan, plan_name=plan.name, plan_revision=1, kind="drill", status="succeeded", requested_by_name="omar",
        requested_at=now, started_at=now, finished_at=now, rto_actual_seconds=840, outcome="24 of 24 servers launched.",
    )  # fmt: skip
    wave = WaveRun.objects.create(
        execution=execution, position=0, name="Only", minimum_success_percent=100, on_failure="stop",
        start_delay_seconds=0, launch_timeout_seconds=3600, status="succeeded", started_at=now, finished_at=now,
    )  # fmt: skip
    servers = ServerRun.objects.bulk_create(
        ServerRun(
            execution=execution, wave=wave, site=site, position=n, source_server_id=f"s-{n:017x}", hostname=f"web-{n}",
            status="launched", attempts=1, job_id="drsjob-0123456789abcdef0", recovery_instance_id=f"i-{n:017x}",
            started_at=now, finished_at=now, recovery_point_at=now, private_ips=["10.0.0.7"],
        )
        for n in range(_SERVERS)
    )  # fmt: skip
    of_servers = [
        Entry(kind, server.hostname, {"source_server": server.source_server_id, "job": server.job_id})
        for kind in (
            EventType.SERVER_QUEUED,
            EventType.LAUNCH_INTENDED,
            EventType.LAUNCH_ACCEPTED,
            EventType.SERVER_LAUNCHED,
        )
        for server in servers
    ]
    record.append(
        execution,
        [
            Entry(EventType.EXECUTION_REQUESTED, plan.name, {}, "omar", documents=sealed(execution, FROZEN, DECISIONS)),
            Entry(EventType.EXECUTION_STARTED, plan.name, {}, "omar"),
            *of_servers,
            Entry(EventType.WAVE_SUCCEEDED, "Only"),
            Entry(EventType.EXECUTION_SUCCEEDED, plan.name, documents=sealed(execution, RESULT)),
        ],
    )
