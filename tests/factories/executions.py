"""Makers of executions as the engine leaves them, for screens and reading. What moves them is not tried with these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.db import transaction

from audit import record
from audit.event_types import EventType
from audit.record import Entry
from executions.models import Approval, Execution, ServerRun, WaveRun
from protection.models import Site
from tests.factories.plans import PlanFactory
from tests.factories.protection import SyncedSiteFactory

#: When executions made here start unless told otherwise.
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class ExecutionFactory(factory.django.DjangoModelFactory[Execution]):
    """A drill that has just started; without waves."""

    class Meta:
        model = Execution

    plan = factory.SubFactory(PlanFactory)
    plan_name = factory.SelfAttribute("plan.name")
    plan_revision = 1
    kind = "drill"
    status = "running"
    requested_by_name = "dana"
    requested_at = START
    started_at = factory.SelfAttribute("requested_at")
    rto_target_seconds = factory.SelfAttribute("plan.rto_target_seconds")
    rpo_target_seconds = factory.SelfAttribute("plan.rpo_target_seconds")


class WaveRunFactory(factory.django.DjangoModelFactory[WaveRun]):
    class Meta:
        model = WaveRun

    execution = factory.SubFactory(ExecutionFactory)
    position = 0
    name = factory.Sequence(lambda number: f"Wave {number}")
    depends_on = factory.LazyFunction(list)
    minimum_success_percent = 100
    on_failure = "stop"
    start_delay_seconds = 0
    launch_timeout_seconds = 3600


class ServerRunFactory(factory.django.DjangoModelFactory[ServerRun]):
    class Meta:
        model = ServerRun

    wave = factory.SubFactory(WaveRunFactory)
    execution = factory.SelfAttribute("wave.execution")
    site = factory.SubFactory(SyncedSiteFactory)
    position = factory.Sequence(int)
    source_server_id = factory.Sequence(lambda number: f"s-{number:017x}")
    hostname = factory.Sequence(lambda number: f"host-{number}")


#: When the phases of a launch began.
_PHASES = {"snapshot": 22, "conversion": 70, "launch": 300, "post_launch": 560}
#: Fields that a server of the status has, relative to the execution's start.
_OF_STATUS: dict[str, dict[str, Any]] = {
    "launching": {
        "attempts": 1,
        "phase": "conversion",
        "phases": 2,
        "started": 20,
        "job_id": "drsjob-0123456789abcdef0",
    },
    "launched": {
        "attempts": 1,
        "phases": 4,
        "started": 20,
        "finished": 560,
        "job_id": "drsjob-0123456789abcdef0",
        "recovery_instance_id": "i-0123456789abcdef0",
        "point": -40,
    },
    "failed": {
        "attempts": 1,
        "phases": 2,
        "phase": "conversion",
        "started": 20,
        "finished": 300,
        "job_id": "drsjob-0123456789abcdef0",
        "error": "DRS could not launch it: the conversion server ran out of disk (job drsjob-0123456789abcdef0).",
    },
    "unknown": {
        "attempts": 1,
        "started": 20,
        "finished": 600,
        "job_id": "drsjob-0123456789abcdef0",
        "error": "Job drsjob-0123456789abcdef0 ended and says PENDING of this server, which is not a success.",
    },
    "queued": {},
}


def add_wave(execution: Execution, name: str, servers: Mapping[str, int], **fields: Any) -> WaveRun:
    """`add_wave(drill, "App", {"launched": 2, "failed": 1}, depends_on=[0])`, at the next position."""
    start = execution.started_at or execution.requested_at
    wave = WaveRunFactory.create(
        execution=execution, position=WaveRun.objects.filter(execution=execution).count(), name=name, **fields
    )
    site = Site.objects.order_by("pk").first() or SyncedSiteFactory.create(name="Frankfurt")
    number = 0
    rows = []
    for status, count in servers.items():
        of_status = dict(_OF_STATUS.get(status, {}))
        phases = list(_PHASES.items())[: of_status.pop("phases", 0)]
        of_status["phase_times"] = {phase: (start + timedelta(seconds=at)).isoformat() for phase, at in phases}
        times = {
            column: start + timedelta(seconds=of_status.pop(short))
            for short, column in (
                ("started", "started_at"),
                ("finished", "finished_at"),
                ("point", "recovery_point_at"),
            )
            if short in of_status
        }
        for _ in range(count):
            number += 1
            rows.append(
                ServerRunFactory.build(
                    wave=wave,
                    execution=execution,
                    site=site,
                    position=number,
                    hostname=f"{name.lower().replace(' ', '-')}-{number:02}",
                    protection_group_name=f"shop-{name.lower()}",
                    status=status,
                    **{**of_status, **times},
                )
            )
    ServerRun.objects.bulk_create(rows)
    return wave


def add_events(execution: Execution, entries: Sequence[Entry]) -> None:
    with transaction.atomic():
        record.append(execution, entries)


def approve(execution: Execution, name: str, *, approved: bool = True, comment: str = "") -> Approval:
    return Approval.objects.create(
        execution=execution, user_name=name, approved=approved, comment=comment, at=execution.requested_at
    )


def running_drill(**fields: Any) -> Execution:
    """A drill of a plan with branches, in its middle: databases are up, app and reports launch, web waits."""
    drill = ExecutionFactory.create(**fields)
    start = drill.started_at or drill.requested_at
    add_wave(
        drill,
        "Databases",
        {"launched": 4},
        status="succeeded",
        started_at=start,
        finished_at=start + timedelta(seconds=560),
    )
    later = {"started_at": start + timedelta(seconds=561), "status": "running", "depends_on": [0]}
    add_wave(drill, "App", {"launched": 3, "launching": 5, "failed": 1, "queued": 2}, **later)
    add_wave(drill, "Reports", {"launching": 2}, on_failure="continue", minimum_success_percent=50, **later)
    add_wave(drill, "Web", {"pending": 6}, depends_on=[1])
    add_events(
        drill,
        [
            Entry(EventType.EXECUTION_REQUESTED, drill.plan_name, {"kind": drill.kind, "servers": 23}, "dana"),
            Entry(EventType.EXECUTION_STARTED, drill.plan_name, {}, "dana"),
            Entry(EventType.WAVE_RUNNING, "Databases"),
            Entry(EventType.LAUNCH_INTENDED, "key", {"servers": ["s-1", "s-2", "s-3", "s-4"]}),
            Entry(EventType.LAUNCH_ACCEPTED, "key", {"job": "drsjob-0123456789abcdef0"}),
            Entry(
                EventType.SERVER_LAUNCHED, "databases-01", {"source_server": "s-1", "instance": "i-0123456789abcdef0"}
            ),
            Entry(EventType.WAVE_SUCCEEDED, "Databases", {"why": "4 of 4 servers launched."}),
            Entry(EventType.WAVE_RUNNING, "App"),
            Entry(EventType.SERVER_FAILED, "app-09", {"why": "DRS could not launch it: the conversion failed."}),
        ],
    )
    return drill
