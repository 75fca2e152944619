"""What is proven of each plan, and what is said of it first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from audit.canonical import canonical
from reports.core.register import RegisterRows, narrowed, register
from reports.core.register_table import COLUMNS, table

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


def plan(**fields: Any) -> dict[str, Any]:
    known = {"id": 1, "name": "Web shop", "business_owner": "", "recovered_by": None}
    return {**known, "rto_target_seconds": 3600, "rpo_target_seconds": 900, **fields}


def run(days: int = 12, **fields: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=days)
    return {
        "id": f"run-{days}", "plan_id": 1, "kind": "drill", "status": "succeeded", "requested_at": at,
        "finished_at": at, "rto_target_seconds": 3600, "rto_actual_seconds": 1800, "rpo_target_seconds": 900,
        "rpo_actual_seconds": 60, "cleanup_status": "succeeded", "signed_by_owner": True, "signed_by_reviewer": True,
        **fields,
    }  # fmt: skip


def finding(**fields: Any) -> dict[str, Any]:
    known = {"id": 7, "plan_id": 1, "title": "DNS is slow", "severity": "high", "owner": "net", "due_on": None}
    return {**known, **fields}


def document(**rows: Any) -> Any:
    """Of one plan, whose last run is its last good drill unless told otherwise."""
    given = {"made_by": "aldo", "plans": [plan()], **rows}
    if "good" in given:
        given.setdefault("last", given["good"])
    return register(RegisterRows(**given), NOW)


def verdict(**rows: Any) -> tuple[str, list[str]]:
    found = document(**rows)["plans"][0]["verdict"]
    assert found["text"] == found["reasons"][0]
    return found["tone"], found["reasons"]


def test_a_plan_that_was_never_run_says_so() -> None:
    assert verdict() == ("bad", ["never run"])


def test_a_plan_of_which_nothing_is_to_be_said_is_good() -> None:
    assert verdict(good={1: run()}) == ("good", ["drilled 12 days ago, targets met"])
    assert verdict(good={1: run(0)})[1] == ["drilled today, targets met"]


@pytest.mark.parametrize(
    ("fields", "tone", "said"),
    [
        ({"rto_actual_seconds": 4320}, "bad", "RTO missed by 12 min in the last good drill"),
        (
            {"rto_actual_seconds": 4320, "rpo_actual_seconds": 901},
            "bad",
            "RTO missed by 12 min and RPO by 1 s in the last good drill",
        ),
        ({"rto_actual_seconds": 3600, "rpo_actual_seconds": 900}, "good", "drilled 12 days ago, targets met"),
        (
            {"rto_target_seconds": 1700},
            "warn",
            "RTO missed in the last good drill, target raised since",
        ),
        ({"rpo_actual_seconds": None}, "warn", "RPO not measured in the last good drill"),
        ({"cleanup_status": "none"}, "warn", "the last good drill was not cleaned up"),
        ({"cleanup_status": "failed"}, "warn", "the clean-up of the last good drill failed"),
        ({"signed_by_owner": False}, "warn", "not signed off by the owner"),
        ({"signed_by_reviewer": False}, "warn", "not signed off by a reviewer"),
        ({"signed_by_owner": False, "signed_by_reviewer": False}, "warn", "not signed off"),
    ],
)
def test_what_the_last_good_drill_leaves_to_be_said(fields: dict[str, Any], tone: str, said: str) -> None:
    assert verdict(good={1: run(**fields)}) == (tone, [said])


@pytest.mark.parametrize(("days", "tone"), [(90, "good"), (91, "warn"), (365, "warn"), (366, "bad")])
def test_proof_gets_old(days: int, tone: str) -> None:
    assert verdict(good={1: run(days)})[0] == tone


def test_without_targets_nothing_is_met() -> None:
    found = document(plans=[plan(rto_target_seconds=None, rpo_target_seconds=None)], good={1: run()})
    assert found["plans"][0]["verdict"]["reasons"] == ["no RTO or RPO target"]
    assert found["totals"]["targets_met"] == 0


@pytest.mark.parametrize(
    ("last", "tone", "said"),
    [
        (run(2, status="failed"), "bad", "the last drill failed"),
        (run(2, status="failed", kind="recovery"), "bad", "the last recovery failed"),
        (run(2, status="partially_succeeded"), "warn", "the last drill partially succeeded"),
        (run(2, status="cancelled"), "warn", "the last drill was cancelled"),
        (run(2, status="running", finished_at=None), "good", "drilled 12 days ago, targets met"),
        (run(2, status="rejected"), "good", "drilled 12 days ago, targets met"),
        (run(2, kind="recovery"), "good", "drilled 12 days ago, targets met"),
    ],
)
def test_a_run_since_the_last_good_drill(last: dict[str, Any], tone: str, said: str) -> None:
    assert verdict(good={1: run()}, last={1: last}) == (tone, [said])


def test_failed_drills_alone_prove_nothing() -> None:
    assert verdict(last={1: run(2, status="failed")}) == ("bad", ["no drill has succeeded", "the last drill failed"])


def test_the_worst_is_said_first_and_nothing_is_left_out() -> None:
    late, open_one = finding(due_on=date(2026, 11, 27)), finding(id=8, due_on=date(2026, 11, 28))
    tone, reasons = verdict(
        good={1: run(100, rto_actual_seconds=3660, cleanup_status="none", signed_by_owner=False)},
        last={1: run(2, status="failed")},
        findings=[open_one, late],
    )
    assert tone == "bad"
    assert reasons == [
        "the last drill failed",
        "RTO missed by 1 min in the last good drill",
        "1 finding overdue",
        "last good drill 100 days ago",
        "the last good drill was not cleaned up",
        "1 open finding",
        "not signed off by the owner",
    ]


def test_findings_by_the_day_they_are_due() -> None:
    rows = [finding(id=1), finding(id=2, due_on=date(2027, 1, 1)), finding(id=3, due_on=date(2026, 11, 27))]
    found = document(good={1: run()}, findings=rows)
    told = [(each["id"], each["due_on"], each["overdue"]) for each in found["plans"][0]["open_findings"]]
    assert told == [(3, "2026-11-27", True), (2, "2027-01-01", False), (1, None, False)]
    assert (found["totals"]["open_findings"], found["totals"]["overdue_findings"]) == (3, 1)


def test_the_trend_is_against_the_good_drill_before() -> None:
    before = run(40, rto_actual_seconds=1500, rpo_actual_seconds=None)
    assert document(good={1: run()}, before={1: before})["plans"][0]["trend"] == {
        "rto_seconds": 300,
        "rpo_seconds": None,
    }
    nothing = run(40, rto_actual_seconds=None, rpo_actual_seconds=None)
    assert document(good={1: run()}, before={1: nothing})["plans"][0]["trend"] is None
    assert document(good={1: run()})["plans"][0]["trend"] is None


def many() -> Any:
    plans = [
        plan(id=number, name=name)
        for number, name in enumerate(("Fine", "Old", "Never", "Unsigned", "Missed", "Very old"), start=1)
    ]
    good = {1: run(3), 2: run(200), 4: run(3, signed_by_owner=False), 5: run(3, rto_actual_seconds=9999), 6: run(400)}
    return document(plans=plans, good=good, last=good, findings=[finding(plan_id=4, owner="Nadia")])


def test_the_worst_plan_is_first() -> None:
    found = many()
    assert [each["name"] for each in found["plans"]] == ["Never", "Very old", "Missed", "Unsigned", "Old", "Fine"]
    assert found["totals"] == {
        "plans": 6, "drilled_in_90_days": 3, "targets_met": 4, "in_recovery": 0, "open_findings": 1,
        "overdue_findings": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["Never", "Very old", "Missed", "Unsigned", "Old", "Fine"]),
        ("OLD", ["Very old", "Old"]),
        ("old very", ["Very old"]),
        ("nadia dns", ["Unsigned"]),
        ("missed", ["Missed"]),
        ("nothing", []),
    ],
)
def test_found_by_every_word_of_a_name_a_verdict_or_a_finding(text: str, names: list[str]) -> None:
    assert [each["name"] for each in narrowed(many(), text)] == names


def test_it_is_plain_json_and_the_same_each_time() -> None:
    first, second = many(), many()
    assert canonical(first) == canonical(second)
    assert (first["format"], first["made_at"], first["made_by"]) == (
        "drsorch-register-1", "2026-11-28T09:00:00.000000+00:00", "aldo",
    )  # fmt: skip


def test_the_table_has_a_cell_under_every_column() -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in table(many())]
    assert [row["plan"] for row in rows] == ["Never", "Very old", "Missed", "Unsigned", "Old", "Fine"]
    never, missed, unsigned = rows[0], rows[2], rows[3]
    assert {never[name] for name in ("last good drill", "ended at", "rto met", "last run", "next due")} == {None}
    assert (missed["rto measured in seconds"], missed["rto met"], missed["rpo met"]) == (9999, False, True)
    assert missed["ended at"] == NOW - timedelta(days=3)
    assert (unsigned["signed off by owner"], unsigned["open findings"], unsigned["overdue findings"]) == (False, 1, 0)


def test_a_plan_that_runs_in_recovery_is_counted() -> None:
    found = document(plans=[plan(recovered_by="run-1")], good={1: run()})
    assert (found["plans"][0]["in_recovery"], found["totals"]["in_recovery"]) == (True, 1)
