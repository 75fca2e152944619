"""How each plan did last, the least sure first, from rows that were never saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard.attention import Urgency, attention, folded
from dashboard.presentation import Dashboard, dashboard
from dashboard.selectors import PlanResult
from executions.models import Execution
from plans.models import Plan
from tests.unit.dashboard.test_attention import matters

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def ran(status: str = "succeeded", days_ago: int = 1, **fields: Any) -> Execution:
    at = NOW - timedelta(days=days_ago)
    given = {"kind": "drill", "requested_at": at, "started_at": at, "finished_at": at, "rto_target_seconds": 3600}
    return Execution(**{**given, "status": status, **fields})


def result(name: str, last: Execution | None = None, proven: Execution | None = None, **fields: Any) -> PlanResult:
    return PlanResult(Plan(pk=len(name), name=name, **fields), last, proven)


def lines(*results: PlanResult) -> list[Any]:
    shown = dashboard([], results, [], groups_exist=True, rights=set(), now=NOW)
    return list(shown.plans)


def test_what_failed_or_was_cancelled_leaves_the_last_measurement_and_says_from_when_it_is() -> None:
    proven = ran(days_ago=9, rto_actual_seconds=1800)
    (line,) = lines(result("Web shop", ran("cancelled"), proven))
    assert line.last.badge.text == "cancelled"
    assert (line.last.rto.value, line.last.measured) == ("30 min", "measured 9 days ago")
    (line,) = lines(result("Web shop", proven, proven))
    assert (line.last.rto.value, line.last.measured) == ("30 min", "")
    (line,) = lines(result("Web shop", ran("failed")))
    assert line.last.measured == ""


def test_plans_come_by_risk_and_then_by_how_long_they_have_been_proven() -> None:
    good, old = ran(rto_actual_seconds=1800), ran(days_ago=80, rto_actual_seconds=1800)
    missed = ran(rto_actual_seconds=4000)
    found = lines(
        result("Good", good, good),
        result("Old", old, old),
        result("Never"),
        result("Missed", missed, missed),
        result("Failed", ran("failed"), good),
        result("Away", good, good, recovered_by="00000000-0000-0000-0000-000000000000"),
    )
    assert [line.plan.name for line in found] == ["Away", "Failed", "Missed", "Never", "Old", "Good"]


def test_a_missed_target_needs_attention() -> None:
    missed = ran(rto_actual_seconds=4000, rpo_actual_seconds=10, rpo_target_seconds=5)
    found = attention(matters(results=(result("CRM", missed, missed),)), (), NOW)
    assert [item.sentence for item in found] == ["The last successful drill of CRM missed its RTO and RPO target."]


def test_of_hundreds_of_plans_those_at_most_risk_are_shown() -> None:
    proven = ran(rto_actual_seconds=1800)
    results = [*(result(f"Plan {n:03}", proven, proven) for n in range(120)), result("Never run")]

    def shown(**asked: bool) -> Dashboard:
        return dashboard([], results, [], groups_exist=True, rights=set(), now=NOW, **asked)

    assert shown().plans[0].plan.name == "Never run"
    for asked, number, left_out in ((False, 50, 71), (True, 121, 0)):
        page = shown(every_plan=asked)
        assert (len([*page.plans, *page.more_plans]), page.plans_left_out) == (number, left_out)


def test_of_many_plans_those_at_less_risk_are_folded_and_none_is_lost() -> None:
    good = ran(rto_actual_seconds=1800)
    results = [result(f"Plan {number:02}", good, good) for number in range(15)]
    shown = dashboard((), results, (), groups_exist=True, rights=(), now=NOW)
    assert (len(shown.plans), shown.more_plans) == (15, ())
    failed = result("Z failed", ran("failed"), good)
    shown = dashboard((), [*results, failed], (), groups_exist=True, rights=(), now=NOW)
    assert (len(shown.plans), len(shown.more_plans)) == (12, 4)
    assert shown.plans[0].plan.name == "Z failed"
    assert {line.plan.name for line in (*shown.plans, *shown.more_plans)} == {
        one.plan.name for one in [*results, failed]
    }


def test_of_much_that_needs_attention_only_what_can_wait_is_folded() -> None:
    found = attention(matters(results=tuple(result(f"Plan {number}") for number in range(20))), (), NOW)
    assert [len(part) for part in folded(found)] == [10, 10]
    assert [len(part) for part in folded(found[:13])] == [13, 0]
    urgent = [replace(item, urgency=Urgency.RECOVERY) for item in found[:15]]
    assert [len(part) for part in folded([*urgent, *found[15:]])] == [15, 5]
