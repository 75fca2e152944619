"""When a report is sealed, what it then says, and what nobody can change any more without it being found."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from audit import record
from audit.event_types import EventType
from audit.record import events_of
from executions.models import Execution
from executions.services.controlling import execution_cleanup, execution_retry
from executions.transitions import locked
from foundation.errors import Conflict, Invalid, NotAllowed, Unavailable
from protection.models import ProtectionGroup
from reports import sealing, selectors
from reports.core.evidence import evidence
from reports.core.report import BLOCKS, Report
from reports.models import Dossier, Evidence, Finding, SignOff
from reports.reading import report_of
from reports.sealing import evidence_current, evidence_seal
from reports.selectors import rows_of
from reports.services.findings import finding_add, finding_change
from reports.services.notes import note_add, validated_set
from reports.services.signing import sign_off
from reports.verifying import everything
from tests.factories.executions import ExecutionFactory
from tests.factories.protection import GroupFactory
from tests.harness import EngineHarness
from tests.integration.reports.conftest import DATABASES

pytestmark = pytest.mark.either_database


def versions(execution: Execution) -> list[tuple[int, str]]:
    return list(Evidence.objects.filter(execution=execution).order_by("version").values_list("version", "because"))


def test_the_end_of_an_execution_makes_its_report_due_and_a_worker_seals_it_once(harness: EngineHarness) -> None:
    run = harness.drill(harness.plan(DATABASES))
    assert Dossier.objects.get(pk=run.pk).due_at is None
    assert not evidence_seal(run.pk)
    harness.run(run)
    assert Dossier.objects.get(pk=run.pk).due_at is not None
    assert evidence_seal(run.pk)
    assert versions(run) == [(1, "ended")]
    assert Dossier.objects.get(pk=run.pk).due_at is None
    assert not evidence_seal(run.pk)
    [told] = events_of(run).filter(type="evidence.sealed")
    [sealed] = Evidence.objects.all()
    assert told.detail["sha256"] == sealed.sha256 == hashlib.sha256(sealed.json).hexdigest()
    assert (sealed.event_count, sealed.head) == (told.sequence - 1, told.previous_hash)


def test_what_is_sealed_is_all_of_the_report_and_says_what_nobody_recorded(sealed: Evidence, drill: Execution) -> None:
    document = json.loads(sealed.json)
    assert {*BLOCKS, "servers", "steps", "events"} <= document.keys()
    assert document["is_final"] is True
    assert document["seal"] == {"version": 1, "because": "ended"}
    assert document["result"]["objectives"][0]["met"] is True
    assert [server["hostname"] for server in document["servers"]] == ["db-1", "db-2"]
    assert document["evidence"]["verified"] is True
    assert document["evidence"]["event_count"] == len(document["events"]) == sealed.event_count
    assert document["timeline"]["validated"] is None
    assert document["integrity"] == {"data_checks": None, "security_controls": None, "production_impact": None}
    assert document["identity"]["execution_id"] == str(drill.pk)


def test_the_same_rows_make_the_same_bytes_and_a_year_later_too(sealed: Evidence, drill: Execution) -> None:
    rows = rows_of(drill, verify=False)
    assert evidence(rows).json == evidence(rows).json
    assert Report.read(sealed.json).json == sealed.json


def test_it_is_compared_with_runs_that_had_ended_before_it(harness: EngineHarness, drill: Execution) -> None:
    harness.keeps_to_the_record = False
    at = drill.requested_at
    ends = {1: at - timedelta(hours=1), 2: at + timedelta(hours=1)}
    for hours, end in ends.items():
        begun = at - timedelta(hours=hours + 1)
        ExecutionFactory.create(
            plan=drill.plan, requested_at=begun, started_at=begun, finished_at=end, status="succeeded"
        )
    assert [row["requested_at"] for row in rows_of(drill, verify=False).earlier] == [at - timedelta(hours=2)]


def test_of_what_runs_there_is_a_preliminary_report(harness: EngineHarness) -> None:
    run = harness.drill(harness.plan(DATABASES))
    harness.tick()
    document = report_of(Execution.objects.get(pk=run.pk)).document
    assert (document["is_final"], document["seal"]) == (False, None)
    assert document["result"]["objectives"][0]["reason"] == "not measured: the execution is not over"
    with pytest.raises(Conflict, match="has not ended"):
        evidence_current(Execution.objects.get(pk=run.pk))


def test_who_asks_while_another_worker_seals_waits_for_it_and_not_for_ever(
    drill: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Dossier.objects.claim(drill.pk, seconds=300)
    assert claim is not None
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            sealing._seal(claim)

    monkeypatch.setattr("reports.sealing.time.sleep", pause)
    assert evidence_current(drill).version == 1
    assert len(looks) == 3
    note_event = Dossier.objects.filter(pk=drill.pk)
    note_event.nudge()
    assert Dossier.objects.claim(drill.pk, seconds=300)
    with pytest.raises(Unavailable, match="being sealed at this moment"):
        evidence_current(drill)


# --- what people say ----------------------------------------------------------------------------------------------


def test_notes_are_in_the_report_where_they_belong(drill: Execution, omar: User, dana: User) -> None:
    note_add(execution=drill, by=omar, text="Restarted the listener on db-2 by hand.", topic="manual_work")
    note_add(execution=drill, by=omar, text="Row counts of both databases compared.", topic="data_integrity")
    note_add(execution=drill, by=dana, text="Aldo of internal audit looked on.", topic="observer")
    document = report_of(drill).document
    [by_hand] = [one for one in document["deviations"] if one["kind"] == "work by hand"]
    assert (by_hand["by"], by_hand["what"]) == ("omar", "Restarted the listener on db-2 by hand.")
    assert [one["text"] for one in document["integrity"]["data_checks"]] == ["Row counts of both databases compared."]
    assert document["people"]["observers"][0]["text"] == "Aldo of internal audit looked on."
    assert document["integrity"]["production_impact"] is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"text": "  "}, "Write what happened"),
        ({"text": "x" * 4001}, "4,001 characters"),
        ({"text": "a\0b"}, "cannot be stored"),
        ({"text": "Hello", "topic": "weather"}, "must be one of"),
    ],
)
def test_a_note_that_cannot_be_taken_is_refused_in_a_sentence(
    drill: Execution, omar: User, given: Any, why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        note_add(execution=drill, by=omar, **given)
    assert not events_of(drill).filter(type="execution.noted").exists()


def test_who_only_looks_adds_nothing(drill: Execution, vera: User, aldo: User) -> None:
    for person in (vera, aldo):
        with pytest.raises(NotAllowed):
            note_add(execution=drill, by=person, text="Hello.")
        with pytest.raises(NotAllowed):
            validated_set(execution=drill, by=person)
        with pytest.raises(NotAllowed):
            finding_add(execution=drill, by=person, title="x", severity="low")
        with pytest.raises(NotAllowed):
            sign_off(execution=drill, by=person, role="reviewer")


def test_the_application_works_is_measured_beside_the_last_launch(
    drill: Execution, omar: User, harness: EngineHarness
) -> None:
    assert drill.started_at is not None
    with pytest.raises(Invalid, match="in the future"):
        validated_set(execution=drill, by=omar, at=drill.started_at.replace(year=2100))
    with pytest.raises(Invalid, match="before the execution started"):
        validated_set(execution=drill, by=omar, at=drill.started_at.replace(year=2000))
    harness.clock.shift(5000)
    validated_set(execution=drill, by=omar, comment="Orders can be placed.")
    document = report_of(drill).document
    assert document["timeline"]["validated"]["by"] == "omar"
    assert document["objectives"]["rto"]["met"] is True
    assert document["objectives"]["rto_validated"]["met"] is False


# --- findings -----------------------------------------------------------------------------------------------------


def test_a_finding_lives_in_the_record_of_its_execution(drill: Execution, omar: User, dana: User) -> None:
    finding = finding_add(
        execution=drill, by=omar, title="DNS was changed by hand", severity="high", due_on="2026-04-01"
    )
    with pytest.raises(Invalid, match="Enter how it was fixed, then save again"):
        finding_change(finding=finding, by=dana, changes={"status": "closed"})
    closed = finding_change(
        finding=finding,
        by=dana,
        changes={"status": "closed", "resolution": "Route 53 health checks."},
        expected_version=1,
    )
    assert (closed.version, closed.settled_by_name) == (2, "dana")
    [changed] = events_of(drill).filter(type="finding.changed")
    assert changed.detail["before"]["status"] == "open"
    assert changed.detail["after"]["resolution"] == "Route 53 health checks."
    [told] = report_of(drill).document["findings"]
    assert (told["status"], told["severity"], told["settled_by"]) == ("closed", "high", "dana")


def test_a_finding_is_retested_by_a_later_run_of_its_plan_that_is_over(
    drill: Execution, harness: EngineHarness, omar: User
) -> None:
    finding = finding_add(execution=drill, by=omar, title="Slow", severity="low")
    with pytest.raises(Invalid, match="must be a later run"):
        finding_change(finding=finding, by=omar, changes={"retest_execution": str(drill.pk)})
    harness.clock.shift(60)
    again = harness.drill(drill.plan)
    with pytest.raises(Invalid, match="has not ended"):
        finding_change(finding=finding, by=omar, changes={"retest_execution": str(again.pk)})
    harness.run(again)
    finding_change(finding=finding, by=omar, changes={"retest_execution": str(again.pk)})
    assert report_of(drill).document["findings"][0]["retest_execution"] == str(again.pk)


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"severity": "huge"}, "severity"),
        ({"due_on": "soon"}, "due_on"),
        ({"ticket_url": "javascript:alert(1)"}, "ticket_url"),
        ({"description": "a\0b"}, "description"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_finding_that_cannot_be_taken_names_its_field(drill: Execution, omar: User, given: Any, attr: str) -> None:
    with pytest.raises(Invalid) as refused:
        finding_add(execution=drill, by=omar, **{"title": "Slow", "severity": "low", **given})
    assert [error.attr for error in refused.value.errors] == [attr]
    assert not Finding.objects.exists()


# --- sign-offs ----------------------------------------------------------------------------------------------------


def test_owner_and_reviewer_sign_what_they_read_and_it_is_sealed_again(
    sealed: Evidence, drill: Execution, dana: User, ravi: User
) -> None:
    sign_off(execution=drill, by=dana, role="owner", statement="Good enough.", seen=sealed.sha256)
    assert evidence_current(drill).version == 2
    with pytest.raises(Conflict, match="has changed since you read it: version 2"):
        sign_off(execution=drill, by=ravi, role="reviewer", seen=sealed.sha256)
    newest = evidence_current(drill)
    sign_off(execution=drill, by=ravi, role="reviewer", seen=newest.sha256)
    assert versions(drill) == [(1, "ended"), (2, "signed_off")]
    people = report_of(drill).document["people"]
    assert (people["signed_by_owner"], people["signed_by_reviewer"]) == (True, True)
    assert [(one["by"], one["version"]) for one in people["sign_offs"]] == [("dana", 1), ("ravi", 2)]
    assert versions(drill)[-1] == (3, "signed_off")


def test_a_reviewer_has_not_requested_it_and_nobody_signs_twice(harness: EngineHarness, dana: User, ravi: User) -> None:
    run = harness.recovery(harness.plan(DATABASES, approvals_required=0))
    with pytest.raises(Conflict, match="has not ended"):
        sign_off(execution=run, by=ravi, role="reviewer")
    harness.run(run)
    with pytest.raises(NotAllowed, match="You requested this execution"):
        sign_off(execution=run, by=dana, role="reviewer")
    first = sign_off(execution=run, by=dana, role="owner")
    sign_off(execution=run, by=ravi, role="reviewer")
    with pytest.raises(NotAllowed, match="must be two people"):
        sign_off(execution=run, by=ravi, role="owner")
    assert SignOff.objects.count() == 2
    assert first.evidence_version == 1


# --- what is known later ------------------------------------------------------------------------------------------


def test_what_becomes_known_later_makes_a_new_version(
    sealed: Evidence, drill: Execution, harness: EngineHarness, omar: User
) -> None:
    execution_cleanup(execution=drill, by=omar)
    harness.run(drill, until=lambda: Execution.objects.get(pk=drill.pk).cleanup_status == "succeeded")
    newest = evidence_current(Execution.objects.get(pk=drill.pk))
    assert (newest.version, newest.because) == (2, "changed")
    cleanup = json.loads(newest.json)["cleanup"]
    assert (cleanup["status"], cleanup["launched"], cleanup["terminated"]) == ("succeeded", 2, 2)
    events = {event.sequence: event.type for event in events_of(drill)}
    assert {events[one["sequence"]] for one in cleanup["instances"]} == {"server.terminated"}
    assert json.loads(Evidence.objects.get(version=1).json)["cleanup"]["terminated"] == 0


def test_notes_that_come_one_after_the_other_are_sealed_together(
    sealed: Evidence, drill: Execution, harness: EngineHarness, omar: User, dana: User
) -> None:
    for number in range(5):
        note_add(execution=drill, by=omar, text=f"Note {number}.")
        assert not evidence_seal(drill.pk)
    harness.clock.shift(31)
    assert evidence_seal(drill.pk)
    assert versions(drill) == [(1, "ended"), (2, "changed")]
    note_add(execution=drill, by=omar, text="And another.")
    assert evidence_current(drill).version == 3
    note_add(execution=drill, by=omar, text="Before the sign-off.")
    sign_off(execution=drill, by=dana, role="owner")
    assert evidence_seal(drill.pk)
    assert versions(drill)[3:] == [(4, "changed"), (5, "signed_off")]


@pytest.mark.parametrize("what", ["launch.late", "server.launched_late", "terminate.late"])
def test_what_appears_late_is_in_a_new_version(sealed: Evidence, drill: Execution, what: str) -> None:
    with locked(drill.pk) as current:
        record.append(current, [record.Entry(EventType(what), "db-1", {"job": "drsjob-1", "instance": "i-1"})])
    document = json.loads(evidence_current(drill).json)
    assert document["seal"] == {"version": 2, "because": "changed"}
    assert document["events"][-1]["type"] == what


def test_a_report_that_cannot_be_made_says_so_and_is_tried_again(
    drill: Execution, harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a person asked for it: it is not held as if a worker was at it."""

    def fails(*args: Any) -> Any:
        raise KeyError("wave")

    with monkeypatch.context() as broken:
        broken.setattr("reports.sealing.evidence", fails)
        with pytest.raises(Unavailable, match=r"cannot be sealed\. drsorch has an error of its own here \(KeyError\)"):
            evidence_current(drill)
        with pytest.raises(Unavailable, match="cannot be sealed"):
            evidence_current(drill)
    harness.clock.shift(60)
    assert evidence_current(drill).version == 1
    assert Dossier.objects.get(pk=drill.pk).standstill == ""


def test_a_retry_after_the_end_is_a_deviation_and_nothing_is_sealed_while_it_runs(
    harness: EngineHarness, omar: User
) -> None:
    harness.world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    run = harness.drill(harness.plan(DATABASES))
    harness.run(run)
    assert json.loads(evidence_current(Execution.objects.get(pk=run.pk)).json)["result"]["status"] == "failed"
    execution_retry(execution=run, by=omar, wave="Databases", comment="A hiccup of EC2.")
    evidence_seal(run.pk)
    assert versions(run) == [(1, "ended")]
    assert list(everything()) == [run.pk]
    harness.run(run)
    document = json.loads(evidence_current(Execution.objects.get(pk=run.pk)).json)
    assert document["result"]["status"] == "succeeded"
    [retry] = [one for one in document["deviations"] if one["kind"] == "retry"]
    assert (retry["by"], retry["why"]) == ("omar", "A hiccup of EC2.")


def test_what_is_recorded_while_it_is_being_sealed_is_sealed_after_it(
    drill: Execution, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report was read, and then a note came: what is written must not claim to be all that is known."""
    read = rows_of
    noted: list[int] = []

    def slowly(execution: Execution, *, verify: bool) -> Any:
        rows = read(execution, verify=verify)
        if not noted:
            noted.append(1)
            note_add(execution=execution, by=omar, text="Just now.")
        return rows

    monkeypatch.setattr("reports.selectors.rows_of", slowly)
    assert evidence_seal(drill.pk)
    assert versions(drill) == []
    assert Dossier.objects.get(pk=drill.pk).due_at is not None
    assert evidence_seal(drill.pk)
    assert versions(drill) == [(1, "ended")]
    assert json.loads(Evidence.objects.get().json)["notes"][0]["text"] == "Just now."


def test_what_is_recorded_while_its_rows_are_being_read_is_not_half_in_it(
    drill: Execution, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The execution was read, then its clean-up was asked for, then the events were read."""
    read = selectors.events_of
    cleaned: list[int] = []

    def slowly(execution: Execution) -> Any:
        if not cleaned:
            cleaned.append(1)
            execution_cleanup(execution=execution, by=omar)
        return read(execution)

    monkeypatch.setattr("reports.selectors.events_of", slowly)
    assert evidence_seal(drill.pk)
    assert versions(drill) == []
    assert evidence_seal(drill.pk)
    document = json.loads(Evidence.objects.get().json)
    assert document["cleanup"]["status"] == "running"
    assert document["events"][-1]["type"] == "cleanup.running"


def test_a_worker_that_was_too_slow_writes_nothing(drill: Execution) -> None:
    slow = Dossier.objects.claim(drill.pk, seconds=-1)
    assert slow is not None
    assert Dossier.objects.claim(drill.pk, seconds=300)
    sealing._seal(slow)
    assert versions(drill) == []


def test_a_worker_that_dies_has_sealed_and_given_back_or_neither(
    drill: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("foundation.due.DueQuerySet.release", dies)
    with pytest.raises(KeyboardInterrupt):
        evidence_seal(drill.pk)
    assert versions(drill) == []


def test_a_record_that_lost_its_end_is_sealed_as_what_it_is(harness: EngineHarness, drill: Execution) -> None:
    """Else it would be due for ever, and nobody would get a report."""
    harness.keeps_to_the_record = False
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_event WHERE sequence = %s", [drill.event_count])
    document = json.loads(evidence_current(drill).json)
    assert document["evidence"]["verified"] is False
    assert document["evidence"]["faults"]


def test_what_was_changed_meanwhile_of_others_is_no_deviation(harness: EngineHarness, petra: User) -> None:
    run = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ours = ProtectionGroup.objects.get(name="shop-db")
    for group in (ours, GroupFactory.create(name="elsewhere"), GroupFactory.create(name="beside", site=ours.site)):
        what = {"before": {"description": ""}, "after": {"description": "x"}, "by": petra}
        with transaction.atomic():
            record.note_change("protection_group", group.pk, group.name, EventType.PROTECTION_GROUP_CHANGED, **what)
    harness.keeps_to_the_record = False
    harness.run(run)
    deviations = report_of(Execution.objects.get(pk=run.pk)).document["deviations"]
    changed = [one["what"] for one in deviations if one["kind"] == "changed while it ran"]
    assert changed == ["Protection group shop-db was changed: description."]
