"""/metrics: for whom it is, what it says, and what it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import time_machine
from django.db import DatabaseError, InterfaceError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from audit.models import TrailCheck
from drs.aws import OPTIONAL
from drs.calls import OBSERVERS, Call, Measured
from drs.errors import Denied, DrsError, Throttled
from drsorch.observing import counting
from executions.models import DrsJob, Execution, SiteWatch
from foundation import ticker
from foundation.due import DUE_WORK
from foundation.observing import metrics
from foundation.outside.outbound import networks_read
from foundation.version import VERSION
from tests.database import how
from tests.factories.executions import ExecutionFactory
from tests.factories.plans import PlanFactory
from tests.factories.protection import SiteFactory

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKEN = "a-token-for-metrics-of-32-characters-or-more"

pytestmark = pytest.mark.django_db


@pytest.fixture
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def scraped(**headers: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Name of each sample -> values of its labels, by their names -> value."""
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        assert family.documentation.endswith("."), f"{family.name} does not say what it is"
        assert family.name.startswith("drsorch_")
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


# --- for whom -----------------------------------------------------------------------------------------------------


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 403),
        ("", {}, 403),
        # A proxy on the same machine asks for anybody.
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 403),
        ("127.0.0.1", {"X-Real-IP": "192.0.2.7"}, 403),
        ("192.0.2.7", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("192.0.2.7", {"Authorization": f"bearer  {TOKEN}"}, 200),
        ("192.0.2.7", {"Authorization": f"Bearer {TOKEN}x"}, 403),
        ("192.0.2.7", {"Authorization": "Bearer "}, 403),
        ("192.0.2.7", {"Authorization": f"Basic {TOKEN}"}, 403),
        ("192.0.2.7", {"Authorization": "Bearer \u00e9"}, 403),
    ],
)
def test_metrics_are_for_this_machine_and_the_token(
    settings: Any, address: str, headers: dict[str, str], status: int
) -> None:
    settings.DRSORCH_METRICS_TOKEN = TOKEN
    answer = Client(REMOTE_ADDR=address).get("/metrics", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert "DRSORCH_METRICS_ALLOW" in answer.content.decode()
        assert "drsorch_executions" not in answer.content.decode()


@pytest.mark.any_database
def test_without_a_token_no_token_is_right_and_networks_can_be_named(settings: Any) -> None:
    assert Client(REMOTE_ADDR="192.0.2.7").get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403
    settings.DRSORCH_METRICS_ALLOW = networks_read(["192.0.2.0/24"])
    assert Client(REMOTE_ADDR="192.0.2.7").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 403
    settings.TRUSTED_PROXIES = 1
    behind = Client(REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "10.0.0.9, 192.0.2.8"})
    assert behind.get("/metrics").status_code == 200


@pytest.mark.any_database
def test_only_reading_and_never_from_a_cache() -> None:
    assert Client().post("/metrics").status_code == 405
    assert "no-store" in Client().get("/metrics").headers["Cache-Control"]


# --- what it says -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("noon")
def test_the_rows_are_what_it_says_of_them() -> None:
    site = SiteFactory.create(
        name="Frankfurt", last_synced_at=NOW - timedelta(minutes=4), sync_failures=2, clock_skew_seconds=1.5,
        quota_concurrent_jobs=20, quota_servers_in_jobs=500, due_at=NOW - timedelta(seconds=90),
    )  # fmt: skip
    SiteWatch.objects.create(site=site, polled_at=NOW - timedelta(seconds=30), failing_since=NOW - timedelta(seconds=9))
    for number, servers in enumerate([{"s-1": "PENDING", "s-2": "PENDING"}, {"s-3": "PENDING"}]):
        DrsJob.objects.create(site=site, job_id=f"drsjob-{number}", type="LAUNCH", first_seen_at=NOW, servers=servers)
    DrsJob.objects.create(
        site=site, job_id="old", type="LAUNCH", first_seen_at=NOW, finished=True, servers={"s-9": "x"}
    )
    shop, crm = PlanFactory.create(name="Web shop"), PlanFactory.create(name="CRM")
    PlanFactory.create(name="Old", archived_at=NOW)
    for days in (9, 2):
        at = NOW - timedelta(days=days)
        ExecutionFactory.create(plan=shop, status="succeeded", requested_at=at, finished_at=at)
    ExecutionFactory.create(plan=shop, status="failed", requested_at=NOW, finished_at=NOW)
    ExecutionFactory.create(plan=crm, status="running", due_at=NOW - timedelta(seconds=7), raised_since=NOW)
    TrailCheck.objects.update_or_create(defaults={"finished_at": NOW - timedelta(hours=3), "ok": True, "due_at": None})
    ticker.beat(NOW - timedelta(seconds=2))
    found = scraped()
    one = {name: next(iter(values.values())) for name, values in found.items() if len(values) == 1}
    assert found["drsorch_build_info"] == {(VERSION,): 1.0}
    assert {status: number for (status,), number in found["drsorch_executions"].items() if number} == {
        "succeeded": 2.0, "failed": 1.0, "running": 1.0,
    }  # fmt: skip
    behind = {kind: late for (kind,), late in found["drsorch_due_behind_seconds"].items()}
    assert (behind["execution"], behind["site"], behind["steprun"]) == (7.0, 90.0, 0.0)
    assert set(behind) == {str(work.rows().model._meta.model_name) for work in DUE_WORK}
    assert found["drsorch_due_rows"]["execution",] == found["drsorch_raising_rows"]["execution",] == 1.0
    assert one["drsorch_site_poll_age_seconds"] == 30.0
    assert one["drsorch_site_poll_failing_seconds"] == 9.0
    assert one["drsorch_site_sync_age_seconds"] == 240.0
    assert (one["drsorch_site_sync_failures"], one["drsorch_site_clock_skew_seconds"]) == (2.0, 1.5)
    assert found["drsorch_site_quota_used"] == {("jobs", "Frankfurt"): 2.0, ("servers", "Frankfurt"): 3.0}
    assert found["drsorch_site_quota_limit"] == {("jobs", "Frankfurt"): 20.0, ("servers", "Frankfurt"): 500.0}
    assert found["drsorch_plan_good_drill_age_seconds"] == {("Web shop",): 2 * 86400.0, ("CRM",): float("inf")}
    assert (one["drsorch_audit_trail_ok"], one["drsorch_audit_trail_age_seconds"]) == (1.0, 3 * 3600.0)
    assert (one["drsorch_ticker_age_seconds"], one["drsorch_database_up"]) == (2.0, 1.0)


@pytest.mark.any_database
def test_what_happens_is_counted() -> None:
    def looks() -> float:
        return scraped().get("drsorch_look_seconds_count", {}).get(("chore",), 0.0)

    from foundation.models import Chore
    from foundation.tasks import chore_do

    before = looks()
    Chore.objects.create(name="unheard-of", due_at=timezone.now())
    chore_do.fn("unheard-of")
    chore_do.fn("unheard-of")  # it is not due any more
    assert looks() == before + 1
    for outcome in ("ok", "ok", "Throttled"):
        for observer in OBSERVERS:
            observer(Call("drs", "DescribeJobs", "111122223333", "eu-central-1", 0.2, outcome, "", "", 1))
    calls = scraped()["drsorch_aws_calls_total"]
    assert calls["DescribeJobs", "ok", "drs"] >= 2
    assert calls["DescribeJobs", "Throttled", "drs"] >= 1
    Client().generic("BREW", "/nothing")
    assert scraped()["drsorch_http_request_seconds_count"]["other", "4xx"] >= 1
    requests = scraped()["drsorch_http_request_seconds_count"]
    Client().get("/healthz")
    Client().get("/readyz")
    assert scraped()["drsorch_http_request_seconds_count"] == requests, "probes are nobody's requests"


@pytest.mark.any_database
def test_the_first_refusal_of_aws_is_a_rise() -> None:
    counting.count_from_zero()
    denied = {labels for labels in scraped()["drsorch_aws_calls_total"] if "Denied" in labels}
    operations = {operation for operation, _, _ in denied}
    assert {"StartRecovery", "DescribeJobs", "AssumeRole"} <= operations
    assert not operations & OPTIONAL
    model = botocore.session.get_session().get_service_model("drs")
    assert {operation for operation, _, service in denied if service == "drs"} <= set(model.operation_names)


@pytest.mark.any_database
@pytest.mark.parametrize(("optional", "outcome"), [(True, "DoneWithout"), (False, "Denied")])
def test_what_drsorch_does_without_is_no_refusal(monkeypatch: pytest.MonkeyPatch, optional: bool, outcome: str) -> None:
    told: list[Call] = []
    monkeypatch.setattr("drs.calls.OBSERVERS", [told.append])
    for error in (Denied("no"), Throttled("later")):
        with pytest.raises(DrsError), Measured("drs", "X", account="", region="", optional=optional):
            raise error
    assert [call.outcome for call in told] == [outcome, "Throttled"]


@pytest.mark.any_database
@pytest.mark.parametrize("trouble", [DatabaseError, InterfaceError])
def test_without_a_database_it_says_so_and_what_was_counted(
    monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise trouble("password authentication failed for user secret")

    Client().get("/static/nothing.css")
    with monkeypatch.context() as patch:
        patch.setattr("django.db.connection.cursor", refuse)
        found = scraped()
    assert found["drsorch_database_up"] == {(): 0.0}
    assert "drsorch_executions" not in found
    assert found["drsorch_http_request_seconds_count"]


# --- what it costs ------------------------------------------------------------------------------------------------


@pytest.mark.any_database
def test_a_scrape_asks_as_much_whatever_there_is_and_never_reads_the_history_row_by_row() -> None:
    SiteFactory.create()
    with CaptureQueriesContext(connection) as few:
        scraped()
    plan = PlanFactory.create()
    for status in ("succeeded", "failed", "cancelled") * 4:
        ExecutionFactory.create(plan=plan, status=status)
    for _ in range(5):
        site = SiteFactory.create()
        SiteWatch.objects.create(site=site)
        PlanFactory.create()
    with CaptureQueriesContext(connection) as many:
        scraped()
    assert len(many) == len(few) <= 8 + 2 * len(DUE_WORK)
    if connection.vendor != "sqlite":
        return
    # An index alone is read to count executions; of a plan's drills, the newest.
    grows = re.compile(
        r"SCAN \w+_(execution|serverrun|waverun|steprun|operation|drsjob|event)(?! USING COVERING INDEX)"
    )
    with connection.cursor() as cursor:
        for query in many:
            if query["sql"].startswith("SELECT"):
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                steps = [row[3] for row in cursor.fetchall()]
                assert not [step for step in steps if grows.match(step)], f"{steps} {query['sql']}"
    assert "executions_good_drills" in how(
        Execution.objects.filter(plan=plan, kind="drill", status="succeeded").order_by("-requested_at")[:1]
    )


# --- several processes --------------------------------------------------------------------------------------------

COUNTS = """
import sys
from django.conf import settings
settings.configure(DRSORCH_METRICS_DIRECTORY=sys.argv[2])
from foundation.observing import metrics
metrics.AWS_CALLS.labels("drs", "DescribeJobs", "ok").inc(int(sys.argv[1]))
metrics.LOOKS.labels("execution").observe(0.2)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.any_database
def test_several_processes_are_one_figure_that_never_falls(tmp_path: Path, settings: Any) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", COUNTS, number, str(tmp_path)],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in ("2", "3")
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        settings.DRSORCH_METRICS_DIRECTORY = str(tmp_path)
        found = scraped()
        assert found["drsorch_aws_calls_total"] == {("DescribeJobs", "ok", "drs"): 5.0}
        assert found["drsorch_look_seconds_count"] == {("execution",): 2.0}
        assert metrics.sum_up_the_dead(str(tmp_path)) == 0
        for worker in workers:
            worker.communicate()
            assert metrics.sum_up_the_dead(str(tmp_path)) == 2
            assert scraped()["drsorch_aws_calls_total"] == {("DescribeJobs", "ok", "drs"): 5.0}
            assert scraped()["drsorch_look_seconds_count"] == {("execution",): 2.0}
        (tmp_path / "counter_1999999999.db").touch()  # it died as it made the file
        assert metrics.sum_up_the_dead(str(tmp_path)) == 1
        assert {path.name for path in tmp_path.glob("*.db")} == {"counter_dead.db", "histogram_dead.db"}
    finally:
        for worker in workers:
            worker.communicate()
