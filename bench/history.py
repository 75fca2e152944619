"""What costs more the longer drsorch has been used: the same questions, with little history and with much."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from bench.harness import START, empty, user
from executions.models import Execution, ServerRun, WaveRun
from foundation.errors import Conflict
from plans.models import Plan, PlanRevision, Wave, WaveGroup
from protection.models import ProtectionGroup, Site, SourceServer
from protection.services import site_delete

_LITTLE, _MUCH = 2_000, 20_000
_PLANS, _SERVERS, _SERVERS_EACH = 300, 4_000, 10
_TIMES = 5


def history(run: int) -> dict[str, float]:
    """Milliseconds of CPU, the database's included, and how many times what it took with a tenth of the history."""
    empty()
    site, plans = _inventory()
    ada = user("ada", "administrator")
    asked = _questions(ada, site)
    figures: dict[str, float] = {}
    little: dict[str, float] = {}
    for number in (_LITTLE, _MUCH):
        _executions(site, plans, number - Execution.objects.count())
        for name, ask in asked.items():
            took = median(_milliseconds(ask) for _ in range(_TIMES))
            if number == _LITTLE:
                little[name] = took
            else:
                figures |= {f"{name}, ms": took, f"{name}, times": took / little[name]}
    return figures


def _questions(ada: User, site: Site) -> dict[str, Callable[[], Any]]:
    api, browser = APIClient(), Client()
    api.force_authenticate(ada)
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    def delete() -> None:
        try:
            site_delete(site=site, by=ada)
        except Conflict:
            return
        raise AssertionError("the site has a history")

    listed = "/admin/executions/execution/"
    return {
        "refuse to delete the site": delete,
        "dashboard": lambda: _seen(browser.get("/admin/")),
        "search executions": lambda: _seen(browser.get(listed, {"q": "host-0042"})),
        "list executions": lambda: _seen(browser.get(listed)),
        "executions by RTO": lambda: _seen(api.get("/api/v1/executions/?ordering=-rto_actual_seconds")),
        "plans": lambda: _seen(api.get("/api/v1/plans/?page_size=300")),
    }


def _seen(response: Any) -> None:
    assert response.status_code == 200, response.status_code


def _milliseconds(ask: Callable[[], Any]) -> float:
    begun = time.process_time()
    ask()
    return (time.process_time() - begun) * 1000


def _inventory() -> tuple[Site, list[Plan]]:
    site = Site.objects.create(name="Frankfurt", account_id="111122223333", region="eu-central-1", last_synced_at=START)
    groups = ProtectionGroup.objects.bulk_create(
        ProtectionGroup(name=f"group-{n:03}", site=site, tag_selector={"Tier": [str(n)]}) for n in range(_PLANS)
    )
    SourceServer.objects.bulk_create(
        SourceServer(
            site=site, source_server_id=f"s-{n:017x}", hostname=f"host-{n:04}", replication_state="CONTINUOUS",
            lag_seconds=n % 97, first_seen_at=START, protection_group=groups[n % _PLANS],
        )
        for n in range(_SERVERS)
    )  # fmt: skip
    plans = Plan.objects.bulk_create(Plan(name=f"Plan {n:03}", rto_target_seconds=3600) for n in range(_PLANS))
    PlanRevision.objects.bulk_create(
        PlanRevision(plan=plan, number=1, saved_by_name="petra", saved_at=START, document={}) for plan in plans
    )
    waves = Wave.objects.bulk_create(Wave(plan=plan, position=0, name="All") for plan in plans)
    WaveGroup.objects.bulk_create(
        WaveGroup(wave=wave, position=0, protection_group=group) for wave, group in zip(waves, groups, strict=True)
    )
    return site, plans


def _executions(site: Site, plans: list[Plan], number: int) -> None:
    before = Execution.objects.count()
    made = Execution.objects.bulk_create(
        (
            Execution(
                plan=plans[n % _PLANS], plan_name=plans[n % _PLANS].name, plan_revision=1, kind="drill",
                status="succeeded", requested_by_name="omar", requested_at=START - timedelta(minutes=n),
                started_at=START - timedelta(minutes=n), finished_at=START - timedelta(minutes=n - 30),
                rto_actual_seconds=1_800 + n % 977,
            )
            for n in range(before, before + number)
        ),
        batch_size=1_000,
    )  # fmt: skip
    waves = WaveRun.objects.bulk_create(
        (
            WaveRun(
                execution=execution, position=0, name="All", minimum_success_percent=100, on_failure="stop",
                start_delay_seconds=0, launch_timeout_seconds=3600, status="succeeded",
            )
            for execution in made
        ),
        batch_size=1_000,
    )  # fmt: skip
    ServerRun.objects.bulk_create(
        (
            ServerRun(
                execution=wave.execution, wave=wave, site=site, position=n, status="launched",
                source_server_id=f"s-{(place * _SERVERS_EACH + n) % _SERVERS:017x}",
                hostname=f"host-{(place * _SERVERS_EACH + n) % _SERVERS:04}",
            )
            for place, wave in enumerate(waves)
            for n in range(_SERVERS_EACH)
        ),
        batch_size=1_000,
    )  # fmt: skip
