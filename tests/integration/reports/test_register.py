"""The register over all plans, read by the auditor: on its page, as files and through the API."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from executions.models import Execution
from plans.models import Plan
from reports.models import Finding, SignOff
from reports.registers import register_of
from tests.factories.executions import ExecutionFactory
from tests.factories.people import SEES_ALL, make_user
from tests.factories.plans import PlanFactory
from tests.pages import text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
PAGE, API = "/admin/reports/register/", "/api/v1/register/"


def drill(plan: Plan, days: int, **fields: Any) -> Execution:
    at = timezone.now() - timedelta(days=days)
    known = {"status": "succeeded", "finished_at": at, "rto_actual_seconds": 1800, "rpo_actual_seconds": 60}
    return ExecutionFactory.create(plan=plan, requested_at=at, **{**known, "cleanup_status": "succeeded", **fields})


def sign(execution: Execution, *roles: str) -> None:
    for role in roles:
        SignOff.objects.create(
            execution=execution, role=role, user_id=1, user_name="dana", at=timezone.now(), evidence_version=1,
            evidence_sha256="0" * 64,
        )  # fmt: skip


def find(execution: Execution, title: str, **fields: Any) -> None:
    Finding.objects.create(
        execution=execution, title=title, severity="high", added_at=timezone.now(), added_by_name="dana", **fields
    )


@pytest.fixture
def plans() -> dict[str, Plan]:
    """Shop: a good drill, one before it, a failed one since. Payroll: all well. Intranet: never run. Old: archived."""
    made = {name: PlanFactory.create(name=name) for name in ("Shop", "Payroll", "Intranet", "Old")}
    drill(made["Shop"], 80, rto_actual_seconds=1200)
    good = drill(made["Shop"], 40)
    sign(good, "owner")
    drill(made["Shop"], 2, status="failed", rto_actual_seconds=None, rpo_actual_seconds=None)
    drill(made["Shop"], 60, kind="recovery", rto_actual_seconds=60)
    find(good, "DNS is slow", due_on=(timezone.now() - timedelta(days=1)).date(), owner="=cmd")
    find(good, "Fixed long ago", status="closed")
    sign(drill(made["Payroll"], 5), "owner", "reviewer")
    drill(made["Old"], 1)
    Plan.objects.filter(name="Old").update(archived_at=timezone.now())
    return made


def test_each_plan_in_use_with_its_last_good_drill(plans: dict[str, Plan], aldo: User) -> None:
    found = {plan["name"]: plan for plan in register_of(aldo)["plans"]}
    assert list(found) == ["Intranet", "Shop", "Payroll"]
    shop = found["Shop"]
    assert (shop["last_good"]["age_days"], shop["last"]["age_days"], shop["last"]["status"]) == (40, 2, "failed")
    assert shop["trend"] == {"rto_seconds": 600, "rpo_seconds": 0}
    assert (shop["last_good"]["signed_by_owner"], shop["last_good"]["signed_by_reviewer"]) == (True, False)
    assert [finding["title"] for finding in shop["open_findings"]] == ["DNS is slow"]
    assert shop["verdict"]["reasons"] == ["the last drill failed", "1 finding overdue", "not signed off by a reviewer"]
    assert found["Payroll"]["verdict"]["text"] == "drilled 5 days ago, targets met"


def test_a_sign_off_from_before_a_retry_signs_nothing(plans: dict[str, Plan], aldo: User) -> None:
    Execution.objects.filter(plan=plans["Payroll"]).update(reopened_at=timezone.now())
    [payroll] = [plan for plan in register_of(aldo)["plans"] if plan["name"] == "Payroll"]
    signed = payroll["last_good"]["signed_by_owner"], payroll["last_good"]["signed_by_reviewer"]
    assert signed == (False, False)


def test_a_plan_in_recovery_is_in_it_though_it_was_archived(plans: dict[str, Plan], aldo: User) -> None:
    run = drill(plans["Old"], 1, kind="recovery")
    Plan.objects.filter(name="Old").update(recovered_by=run.pk)
    found = register_of(aldo)
    assert [plan["name"] for plan in found["plans"] if plan["in_recovery"]] == ["Old"]


def test_it_asks_as_often_for_many_plans(plans: dict[str, Plan], aldo: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            register_of(SEES_ALL)
        return len(queries)

    few = asked()
    for number in range(30):
        plan = PlanFactory.create()
        for days in (1, 2, 3):
            find(drill(plan, days), f"Finding {number}")
    assert (few, asked()) == (5, 5)


def test_the_auditor_reads_finds_and_downloads(
    plans: dict[str, Plan], aldo: User, browser_of: Callable[[User], Client]
) -> None:
    aldos = browser_of(aldo)
    page = text_of(aldos.get(PAGE))
    for said in ("3 plans, the worst first", "never run", "the last drill failed", "DNS is slow", "10 min slower"):
        assert said in page
    found = text_of(aldos.get(PAGE, {"q": "dns SHOP"}))
    assert "1 plan with “dns SHOP”" in found
    assert "Payroll" not in found
    assert "No plan matches." in text_of(aldos.get(PAGE, {"q": "nothing like it"}))
    file = aldos.get(f"{PAGE}drsorch-register.csv")
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [row["plan"] for row in rows] == ["Intranet", "Shop", "Payroll", "End of file: 3 rows"]
    assert 'attachment; filename="drsorch-register-' in file["Content-Disposition"]
    assert aldos.get(f"{PAGE}drsorch-register.pdf").content.startswith(b"%PDF")
    assert aldos.get(f"{PAGE}drsorch-register.doc").status_code == 404


def test_who_has_no_role_sees_nothing_of_it(browser_of: Callable[[User], Client]) -> None:
    nobody = browser_of(make_user("nobody"))
    assert [nobody.get(f"{PAGE}{file}").status_code for file in ("", "drsorch-register.csv")] == [403, 403]


@pytest.mark.parametrize(
    ("query", "media_type", "begins"),
    [
        ("", "application/json", b'{"format":'),
        ("?format=json", "application/json", b'{"format":'),
        ("?format=csv", "text/csv; charset=utf-8", b"\xef\xbb\xbfplan,"),
        ("?format=pdf", "application/pdf", b"%PDF"),
    ],
)
def test_through_the_api(
    query: str, media_type: str, begins: bytes, plans: dict[str, Plan], aldo: User, api: Callable[..., APIClient]
) -> None:
    answer = api(aldo).get(f"{API}{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
    assert answer.content.startswith(begins)


def test_the_api_refuses_another_form(aldo: User, api: Callable[..., APIClient]) -> None:
    answer = api(aldo).get(f"{API}?format=xls")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "format")
