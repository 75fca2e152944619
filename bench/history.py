"""What costs more the longer drsorch has been used: the same questions, with little history and with much."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from bench.harness import START, empty, user
from executions.models import Approval, Execution, ServerRun, WaveRun
from executions.screens.history.columns import COLUMNS
from foundation.errors import Conflict
from plans.models import Plan, PlanRevision, Wave, WaveGroup
from protection.models import ProtectionGroup, Site, SourceServer
from protection.services import site_delete
from tests.factories.executions import ExecutionFactory, add_wave
from tests.integration.api.operations import operations

_LITTLE, _MUCH = 10_000, 100_000
_PLANS, _SERVERS, _SERVERS_EACH = 300, 4_000, 4
_WAVES = 12
_TIMES = 5
#: Every so many is approved by someone who approves much, and by someone who approves little; has failed; has a server
#: at a site that is hardly used.
_OFTEN, _SELDOM, _FAILED = 2, 500, 40
_QUARTER = ("2026-07-01", "2026-09-30")


def history(run: int) -> dict[str, float]:
    """Milliseconds of CPU, the database's included, and how many times what it took with a tenth of the history."""
    empty()
    site, plans = inventory()
    ada = user("ada", "administrator")
    asked = _questions(ada, site, plans)
    figures: dict[str, float] = {}
    little: dict[str, float] = {}
    # In a thread of its own, as a server answers: CPython's stack grows in pieces, and a call that happens to stand at
    # the end of one gives the next back and takes it again each time, which trebles what some page costs.
    with ThreadPoolExecutor(1) as server:
        for number in (_LITTLE, _MUCH):
            executions_add(site, plans, number - Execution.objects.count())
            for name, ask in asked.items():
                took = median(server.submit(_milliseconds, ask).result() for _ in range(_TIMES))
                if number == _LITTLE:
                    little[name] = took
                else:
                    figures |= {f"{name}, ms": took, f"{name}, times": took / little[name]}
        server.submit(connections.close_all).result()
    return figures


def _questions(ada: User, site: Site, plans: list[Plan]) -> dict[str, Callable[[], Any]]:
    """Every list of the screens and of the API; what is searched and sorted; boards and monitors."""
    api, browser = APIClient(), Client()
    api.force_authenticate(ada)
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    def delete() -> None:
        try:
            site_delete(site=site, by=ada)
        except Conflict:
            return
        raise AssertionError("the site has a history")

    get_resolver().url_patterns  # noqa: B018 # registers what the screens show
    lists = {
        f"list of {model._meta.verbose_name_plural}": reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        )
        for model in admin.site._registry
    }
    executions = reverse("admin:executions_execution_changelist")
    for name, role in _PEOPLE:
        user(name, role)
    pages = {
        "dashboard": "/admin/",
        "register": reverse("admin:reports_register"),
        "register as CSV": reverse("admin:reports_register_file", args=["csv"]),
        **lists,
        "page 150 of executions": f"{executions}?p=150",
        "executions of a plan": f"{executions}?plan={plans[7].pk}",
        "executions that failed": f"{executions}?status=failed",
        "executions requested by one of many": f"{executions}?person=omar&did=requested",
        "executions that one of many has to do with": f"{executions}?person=omar",
        "executions approved by one of many": f"{executions}?person=rita&did=approved",
        "executions approved by one of few": f"{executions}?person=ravi&did=approved",
        "executions that one of few has to do with": f"{executions}?person=ravi",
        "executions at a site": f"{executions}?site={site.pk}",
        "executions at a site that is hardly used": f"{executions}?site={_small().pk}",
        "executions of a quarter": f"{executions}?since={_QUARTER[0]}&until={_QUARTER[1]}",
        "executions by all that there is": f"{executions}?plan={plans[7].pk}&status=failed&kind=drill&person=ravi"
        f"&did=approved&site={site.pk}&since={_QUARTER[0]}&until={_QUARTER[1]}",
        "executions whose RTO was missed": f"{executions}?targets=missed",
        "executions in every column": f"{executions}?{'&'.join(f'columns={name}' for name in COLUMNS)}",
        "search executions by server": f"{executions}?q=host-0042",
        "search executions by person": f"{executions}?q=omar",
    }
    for servers, plan in _big_plans(plans).items():
        now = timezone.now()  # its instances run, and are what the dashboard asks about
        begun = now - timedelta(minutes=50)
        earlier = _big_execution(plan, servers, requested_at=begun, finished_at=now, status="succeeded")
        monitor = _big_execution(plan, servers)
        pages |= {
            f"board of {servers:,} servers": reverse("admin:plans_plan_change", args=[plan.pk]),
            f"start page of {servers:,} servers": reverse("admin:executions_start", args=[plan.pk]),
            f"monitor of {servers:,} servers": reverse("admin:executions_execution_change", args=[monitor.pk]),
            f"report of {servers:,} servers": reverse("admin:reports_report", args=[monitor.pk]),
            f"comparison of {servers:,} servers": reverse("admin:reports_compare", args=[monitor.pk, earlier.pk]),
        }
    calls = {
        f"API {one.address}": reverse(one.address)
        for one in operations()
        if one.verb == "get" and one.action == "list" and not one.named
    }
    calls["API executions of a person"] = "/api/v1/executions/?person=ravi"
    calls["API executions of a busy person"] = "/api/v1/executions/?person=rita"
    calls["API executions at a site"] = f"/api/v1/executions/?site={site.pk}"
    calls["API executions by RTO"] = "/api/v1/executions/?ordering=-rto_actual_seconds"
    asked: dict[str, Callable[[], Any]] = {"refuse to delete the site": delete}
    asked |= {name: partial(_seen, browser, address) for name, address in pages.items()}
    return asked | {name: partial(_seen, api, address) for name, address in calls.items()}


def _seen(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status_code}"


def _milliseconds(ask: Callable[[], Any]) -> float:
    begun = time.process_time()
    ask()
    return (time.process_time() - begun) * 1000


def _big_plans(plans: list[Plan]) -> dict[int, Plan]:
    """Servers -> a plan of so many in twelve waves, of groups that the small plans have, too."""
    groups = list(ProtectionGroup.objects.order_by("pk"))
    made = {}
    for each in (2, len(groups) // _WAVES):
        servers = SourceServer.objects.filter(protection_group__in=groups[: each * _WAVES]).count()
        plan = Plan.objects.create(name=f"All of {servers:,}", rto_target_seconds=3600)
        PlanRevision.objects.create(plan=plan, number=1, saved_by_name="petra", saved_at=START, document={})
        for number in range(_WAVES):
            wave = Wave.objects.create(plan=plan, position=number, name=f"Wave {number}")
            WaveGroup.objects.bulk_create(
                WaveGroup(wave=wave, position=place, protection_group=group)
                for place, group in enumerate(groups[number * each : (number + 1) * each])
            )
        made[servers] = plan
    return made


def _big_execution(plan: Plan, servers: int, **fields: Any) -> Execution:
    """Half of its waves are over, the others run."""
    execution = ExecutionFactory.create(plan=plan, **{"requested_at": timezone.now(), **fields})
    each = servers // _WAVES
    for number in range(_WAVES):
        status = "launched" if number < _WAVES // 2 else "launching"
        add_wave(execution, f"Wave {number}", {status: each}, status="running", depends_on=[])
    return execution


def inventory() -> tuple[Site, list[Plan]]:
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


_PEOPLE = (("omar", "operator"), ("ravi", "approver"), ("rita", "approver"))


def _small() -> Site:
    """A site that is hardly used."""
    return Site.objects.get_or_create(name="Paris", account_id="111122223333", region="eu-west-3")[0]


def executions_add(site: Site, plans: list[Plan], number: int) -> None:
    before, small = Execution.objects.count(), _small()
    omar, ravi, rita = (user(name, role) for name, role in _PEOPLE)
    made = Execution.objects.bulk_create(
        (
            Execution(
                plan=plans[n % _PLANS], plan_name=plans[n % _PLANS].name, plan_revision=1, kind="drill",
                status="succeeded" if n % _FAILED else "failed", requested_by=omar,
                requested_by_name="omar", requested_at=START - timedelta(minutes=n),
                started_at=START - timedelta(minutes=n), finished_at=START - timedelta(minutes=n - 30),
                rto_actual_seconds=1_800 + n % 977,
            )
            for n in range(before, before + number)
        ),
        batch_size=1_000,
    )  # fmt: skip
    Approval.objects.bulk_create(
        (
            Approval(execution=execution, user=one, user_name=one.get_username(), approved=True, at=START)
            for one, every in ((rita, _OFTEN), (ravi, _SELDOM))
            for execution in made[::every]
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
                execution=wave.execution, wave=wave, position=n, status="launched",
                site=small if n == 0 and place % _SELDOM == 0 else site,
                source_server_id=f"s-{(place * _SERVERS_EACH + n) % _SERVERS:017x}",
                hostname=f"host-{(place * _SERVERS_EACH + n) % _SERVERS:04}",
            )
            for place, wave in enumerate(waves)
            for n in range(_SERVERS_EACH)
        ),
        batch_size=1_000,
    )  # fmt: skip
