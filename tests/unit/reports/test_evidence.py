"""What a report says: pure, from rows that no database has seen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.event_types import EventType
from foundation.errors import Invalid
from reports.core.deviations import KINDS
from reports.core.evidence import evidence
from reports.core.report import BLOCKS, FORMAT, Report
from reports.core.rows import EventRow
from reports.core.telling.sections import glance, sections, summary
from tests.factories.documents import AT, make_report, make_rows


def event(type: EventType, sequence: int = 1, **more: Any) -> EventRow:
    values: dict[str, Any] = {
        "sequence": sequence, "at": AT, "actor": "omar", "via": "screen", "type": type.value, "subject": "db-1",
        "detail": {"wave": "App"}, "sentence": "It happened.", "reason": "Because.", "hash": "h",
    }  # fmt: skip
    return EventRow(**{**values, **more})


@given(servers=st.integers(0, 12), version=st.integers(1, 9))
def test_the_same_rows_make_the_same_bytes_which_read_back_as_they_are(servers: int, version: int) -> None:
    rows, seal = make_rows(servers), {"version": version, "because": "ended"}
    one = evidence(rows, seal)
    assert one.json == evidence(rows, seal).json
    assert Report.read(one.json).json == one.json
    assert Report.read(one.json).sha256 == one.sha256
    assert {*BLOCKS, "format", "seal", "servers", "steps", "events", "notes"} <= one.document.keys()


def test_evidence_has_no_floats() -> None:
    with pytest.raises(ValueError, match=r"\.a\.0\.b is 1\.5: evidence has whole numbers only"):
        Report.of({"a": [{"b": 1.5}]})
    assert Report.of({"a": 2.0}).document == {"a": 2}


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": "drsorch-evidence-9"}', b"\xff", b"[" * 9999])
def test_what_is_no_report_is_not_read_as_one(text: bytes) -> None:
    with pytest.raises(Invalid, match="not a report of drsorch"):
        Report.read(text)


def test_a_report_that_is_not_sealed_says_so_in_its_document_and_its_name() -> None:
    report = make_report(sealed=False)
    assert (report.document["seal"], report.document["is_final"]) == (None, False)
    assert report.name == "drsorch-drill-0e1f2a3b-preliminary"
    assert make_report().name == "drsorch-drill-0e1f2a3b-v2"
    assert make_report().document["format"] == FORMAT


def test_every_kind_of_deviation_is_collected_with_who_when_and_why() -> None:
    rows = replace(make_rows(1), events=[event(type, at) for at, type in enumerate(KINDS, 1)], changes=())
    found = evidence(rows).document["deviations"]
    assert [one["kind"] for one in found] == list(KINDS.values())
    assert {(one["by"], one["why"], one["what"]) for one in found} == {("omar", "Because.", "It happened.")}


def test_what_drsorch_did_itself_has_no_person() -> None:
    """Also in the request of somebody who pressed a button; and a person is one without a request."""
    told = [
        event(EventType.SERVER_FAILED, 1, via="screen", actor="drsorch"),
        event(EventType.EXECUTION_RETRIED, 2, via="engine", actor="omar"),
    ]
    document = evidence(replace(make_rows(1), events=told, changes=())).document
    assert [one["by"] for one in document["deviations"]] == [None, "omar"]
    assert [one["name"] for one in document["people"]["acted"]] == ["omar"]


def test_who_decided_an_approval_step_acted() -> None:
    told = [
        event(EventType.STEP_SUCCEEDED, 1, actor="drsorch"),
        event(EventType.STEP_SUCCEEDED, 2, actor="ravi"),
        event(EventType.STEP_FAILED, 3, actor="petra"),
    ]
    acted = evidence(replace(make_rows(1), events=told, changes=())).document["people"]["acted"]
    assert [(one["name"], one["did"]) for one in acted] == [
        ("ravi", ["approved a step"]),
        ("petra", ["rejected a step"]),
    ]


def test_who_signed_before_a_retry_has_not_signed_what_came_of_it() -> None:
    rows = make_rows(1)
    people = evidence(rows).document["people"]
    assert (people["signed_by_owner"], people["signed_by_reviewer"]) == (True, True)
    again = replace(rows, execution={**rows.execution, "reopened_at": rows.sign_offs[1]["at"]})
    document = evidence(again).document
    people = document["people"]
    assert (people["signed_by_owner"], people["signed_by_reviewer"]) == (False, True)
    assert len(people["sign_offs"]) == 2
    told = {fact.label: fact.value for section in sections(document) for fact in section.facts}
    assert told["Signed off by the owner"].startswith("not since it was retried; before that by ")


def test_what_was_launched_after_a_clean_up_was_not_cleaned_up_by_it() -> None:
    rows = replace(make_rows(1), events=[event(EventType.CLEANUP_SUCCEEDED)])
    assert evidence(rows).document["timeline"]["cleaned_up_at"] == AT.isoformat(timespec="microseconds")
    for status in ("none", "running", "failed"):
        again = replace(rows, execution={**rows.execution, "cleanup_status": status})
        assert evidence(again).document["timeline"]["cleaned_up_at"] is None


def test_where_no_wave_stops_the_run_the_rto_is_counted_to_the_last_launch_of_all() -> None:
    rows = make_rows(2)
    rows = replace(rows, waves=[{**wave, "on_failure": "continue"} for wave in rows.waves])
    timeline = evidence(rows).document["timeline"]
    assert timeline["last_critical_launch_at"] == timeline["last_launch_at"] is not None


@given(st.lists(st.timedeltas(timedelta(), timedelta(hours=9)), min_size=2, max_size=2).map(sorted))
def test_where_the_time_went_adds_up_to_the_second(after: list[timedelta]) -> None:
    requested = AT - timedelta(seconds=1)
    ends = {"requested_at": requested, "started_at": requested + after[0], "finished_at": requested + after[1]}
    spent = evidence(make_rows(1, **ends)).document["timeline"]["spent"]
    assert spent["total_seconds"] == sum(seconds for name, seconds in spent.items() if name != "total_seconds")


def test_many_of_one_kind_are_summed_up() -> None:
    rows = replace(make_rows(1), events=[event(EventType.SERVER_FAILED, at) for at in range(1, 300)], changes=())
    found = evidence(rows).document["deviations"]
    assert len(found) == 51
    assert found[-1]["what"] == "249 more of this kind: see the events."


def test_objectives_are_met_missed_or_neither() -> None:
    def rto(**changed: Any) -> tuple[bool | None, str]:
        [verdict] = [
            one for one in make_report(2, **changed).document["result"]["objectives"] if one["objective"] == "RTO"
        ]
        return verdict["met"], verdict["reason"]

    assert rto(rto_target_seconds=100, rto_actual_seconds=100) == (True, "1 min 40 s, within the target of 1 min 40 s")
    assert rto(rto_target_seconds=100, rto_actual_seconds=101) == (
        False,
        "1 min 41 s, 1 s over the target of 1 min 40 s",
    )
    assert rto(rto_target_seconds=None, rto_actual_seconds=5) == (None, "5 s, and no target was set")
    assert rto(rto_actual_seconds=None, status="failed") == (None, "not measured: the execution failed")
    assert (
        rto(rto_actual_seconds=None, status="running", finished_at=None)[1] == "not measured: the execution is not over"
    )
    assert rto(rto_actual_seconds=None, status="rejected", started_at=None)[1].endswith(
        "the execution was never started"
    )


def test_the_mtpd_is_held_to_the_validated_application_where_somebody_said_so() -> None:
    rows = make_rows(2, started_at=AT, rto_actual_seconds=60, mtpd_seconds=600)
    late = {**rows.validated, "validated_at": AT + timedelta(seconds=601)}
    assert evidence(replace(rows, validated=late)).document["objectives"]["mtpd"] == {
        "target_seconds": 600, "actual_seconds": 601, "met": False,
    }  # fmt: skip
    assert evidence(replace(rows, validated={})).document["objectives"]["mtpd"]["actual_seconds"] == 60


def test_what_was_said_before_a_retry_does_not_count_for_what_came_of_it() -> None:
    retried = AT + timedelta(hours=3)
    said = event(EventType.EXECUTION_VALIDATED, 9, at=AT + timedelta(minutes=53))
    rows = make_rows(2, reopened_at=retried, rto_actual_seconds=7200)
    document = json.loads(evidence(replace(rows, events=[*rows.events, said])).json)
    assert document["timeline"]["validated"]["before_retry"]
    assert document["objectives"]["rto_validated"]["actual_seconds"] is None
    assert document["objectives"]["mtpd"]["actual_seconds"] == 7200
    assert [one["before_retry"] for one in document["people"]["sign_offs"]] == [True, True]
    assert (document["people"]["signed_by_owner"], document["people"]["signed_by_reviewer"]) == (False, False)
    told = {fact.label: fact for section in sections(document) for fact in section.facts}
    assert told["Signed off by the owner"].value.startswith("not since it was retried; before that by olaf")
    assert told["Signed off by the owner"].tone == ""

    again = [{**rows.sign_offs[0], "at": retried + timedelta(minutes=5), "evidence_version": 3}]
    later = event(EventType.EXECUTION_VALIDATED, 10, at=retried + timedelta(minutes=1))
    document = json.loads(
        evidence(replace(rows, events=[*rows.events, said, later], sign_offs=[*rows.sign_offs, *again])).json
    )
    assert not document["timeline"]["validated"]["before_retry"]
    assert document["objectives"]["rto_validated"]["actual_seconds"] == 52 * 60
    assert (document["people"]["signed_by_owner"], document["people"]["signed_by_reviewer"]) == (True, False)


def test_who_decided_a_step_is_named() -> None:
    steps = [
        event(
            EventType.STEP_SUCCEEDED, 1, actor="ravi", subject="Go", detail={"wave": "App"}, reason="Approved by ravi."
        ),
        event(EventType.STEP_FAILED, 2, actor="rosa", subject="Stop", detail={"wave": "App"}, reason=""),
        event(EventType.STEP_SUCCEEDED, 3, actor="drsorch", via="engine"),
    ]
    people = evidence(replace(make_rows(1), events=steps)).document["people"]
    assert [
        (one["by"], one["wave"], one["step"], one["approved"], one["comment"]) for one in people["step_approvals"]
    ] == [
        ("ravi", "App", "Go", True, "Approved by ravi."),
        ("rosa", "App", "Stop", False, None),
    ]
    assert [(one["name"], one["did"]) for one in people["acted"]] == [
        ("ravi", ["approved a step"]), ("rosa", ["rejected a step"]),
    ]  # fmt: skip


def test_cloudtrail_is_looked_up_until_the_instances_were_terminated() -> None:
    rows = make_rows(2, finished_at=AT + timedelta(minutes=47))
    [site] = evidence(rows).document["evidence"]["cloudtrail"]
    assert site["to"] == (AT + timedelta(hours=2, minutes=1)).isoformat()
    [site] = evidence(replace(rows, events=[])).document["evidence"]["cloudtrail"]
    assert site["to"] == (AT + timedelta(minutes=47)).isoformat()


def test_the_share_of_the_protected_servers_is_never_rounded_up_to_all() -> None:
    rows = make_rows(999 // 3)
    covered = evidence(replace(rows, protected_servers=334)).document["scope"]["covered_percent"]
    assert covered == 99
    assert evidence(replace(rows, protected_servers=0)).document["scope"]["covered_percent"] is None


def test_what_proves_the_clean_up_is_the_event_of_each_instance() -> None:
    rows = make_rows(2)
    first = {**rows.servers[0], "status": "terminated", "recovery_instance_id": "i-1"}
    second = {**rows.servers[1], "status": "launched", "recovery_instance_id": "i-2"}
    gone = event(EventType.SERVER_TERMINATED, 7, detail={"instance": "i-1"})
    found = evidence(replace(rows, servers=[first, second], events=[gone])).document["cleanup"]
    assert (found["launched"], found["terminated"]) == (2, 1)
    assert found["instances"][0]["sequence"] == 7
    assert found["volumes"] is found["cost"] is None


@given(servers=st.integers(0, 6), sealed=st.booleans())
def test_all_of_it_can_be_told_and_nothing_is_left_empty(servers: int, sealed: bool) -> None:
    document = json.loads(make_report(servers, sealed=sealed).json)
    told = sections(document)
    assert [section.id for section in told] == list(BLOCKS)
    for section in told:
        assert all(fact.label and fact.value for fact in section.facts), section
        for table in section.tables:
            assert all(len(row) == len(table.columns) and all(row) for row in table.rows), table
    assert summary(document)
    assert all(fact.label and fact.value for fact in glance(document))


def test_the_first_facts_answer_who_approved_what_was_met_and_whether_it_is_cleaned_up_and_untouched() -> None:
    def told(**changed: Any) -> dict[str, tuple[str, str]]:
        found = glance(json.loads(make_report(8, **changed).json))
        return {fact.label.partition(",")[0]: (fact.value, fact.tone) for fact in found}

    assert told() == {
        "RTO": ("52 min; target 1 h: met", "good"),
        "RPO": ("6 min 52 s; target 5 min: MISSED", "bad"),
        "Approved by": ("rosa, 28 Nov 2026 02:56:12 UTC; steps decided by rosa", ""),
        "Deviations": ("4 deviations", ""),
        "Clean-up": ("succeeded: 7 of 7 instances terminated", ""),
        "Audit trail": ("34 events, verified: nothing was changed", "good"),
    }
    assert told(cleanup_status="none")["Clean-up"] == ("not started: 7 of 7 instances terminated", "")
    assert told(cleanup_status="none", kind="recovery")["Clean-up"] == ("none: the instances of a recovery stay", "")
    assert told(break_glass=True)["Approved by"][0].endswith("; break-glass was used")


def test_what_nobody_recorded_is_said_so() -> None:
    blank = dict.fromkeys(("scenario", "objectives", "business_owner", "exclusions", "not_tested", "reason"), "")
    document = json.loads(evidence(replace(make_rows(1, **blank), validated={}, sign_offs=[])).json)
    told = {fact.label: fact for section in sections(document) for fact in section.facts}
    for label in (
        "Scenario",
        "Objectives",
        "Business owner",
        "Left out, and why",
        "Not tested",
        "Reason",
        "Application validated",
    ):
        assert (told[label].value, told[label].blank) == ("not recorded", True), label
    assert told["Signed off by the owner"].value == "not yet"


def test_times_are_in_utc_and_in_the_zone_of_the_report() -> None:
    def started(zone: str) -> str:
        document = json.loads(evidence(replace(make_rows(1, started_at=AT), time_zone=zone)).json)
        [told] = [fact for section in sections(document) for fact in section.facts if fact.label == "Started"]
        return told.value

    assert started("UTC") == "28 Nov 2026 03:00:12 UTC"
    assert started("Europe/Berlin") == "28 Nov 2026 03:00:12 UTC (28 Nov 04:00:12 in Europe/Berlin)"
    assert started("America/New_York") == "28 Nov 2026 03:00:12 UTC (27 Nov 22:00:12 in America/New_York)"
