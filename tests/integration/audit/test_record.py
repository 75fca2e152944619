"""Appending to chains, and what is found of them that somebody has tampered with in the database."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F, ProtectedError
from django.test.utils import CaptureQueriesContext

from audit import record, verification
from audit.event_types import EventType
from audit.models import Chain, Event
from audit.record import Entry, events_of
from executions.models import Execution
from tests.factories.executions import add_events, running_drill

pytestmark = pytest.mark.django_db


def verify(*ids: str) -> tuple[str, list[str]]:
    """What `verify_audit` says last, and the faults it lists."""
    said, complaints = io.StringIO(), io.StringIO()
    try:
        call_command("verify_audit", *ids, stdout=said, stderr=complaints)
    except CommandError as error:
        return str(error), complaints.getvalue().splitlines()
    return said.getvalue().strip(), complaints.getvalue().splitlines()


# --- appending ----------------------------------------------------------------------------------------------------


def test_each_row_has_a_chain_of_its_own() -> None:
    one, other = running_drill(), running_drill()
    add_events(one, [Entry(EventType.EXECUTION_PAUSED, actor="dana")])
    assert [event.sequence for event in events_of(one)] == [*range(1, 11)]
    assert [event.sequence for event in events_of(other)] == [*range(1, 10)]
    assert events_of(one)[0].previous_hash == events_of(other)[0].previous_hash == ""
    assert events_of(one)[0].hash != events_of(other)[0].hash
    assert {(event.subject_type, event.subject_id) for event in events_of(one)} == {("execution", str(one.pk))}


@pytest.mark.parametrize("number", [1, 50])
def test_appending_takes_one_insert_and_one_update(number: int) -> None:
    drill = running_drill()
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        record.append(drill, [Entry(EventType.SERVER_QUEUED, f"web-{n}") for n in range(number)])
    assert len(queries) == 2
    assert verification.faults(drill) == []


def test_appending_nothing_asks_the_database_nothing() -> None:
    drill = running_drill()
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        record.append(drill, [])
    assert len(queries) == 0


def test_an_execution_with_its_record_cannot_be_deleted() -> None:
    drill = running_drill()
    with pytest.raises(ProtectedError):
        drill.delete()
    with pytest.raises(ProtectedError):
        Execution.objects.all().delete()
    with pytest.raises(ProtectedError):
        drill.plan.delete()
    assert verify() == ("1 execution verified: every event chain is intact.", [])


# --- verifying ----------------------------------------------------------------------------------------------------


def test_whole_chains_are_counted() -> None:
    assert verify() == ("0 chains verified: every event chain is intact.", [])
    running_drill()
    running_drill()
    assert verify() == ("2 executions verified: every event chain is intact.", [])


def changed(drill: Execution) -> None:
    events_of(drill).filter(sequence=3).update(actor="nobody")


def changed_within(drill: Execution) -> None:
    events_of(drill).filter(sequence=2).update(detail={"approvals": 2})


def removed(drill: Execution) -> None:
    events_of(drill).filter(sequence=3).delete()


def inserted(drill: Execution) -> None:
    for later in events_of(drill).filter(sequence__gt=3).reverse():
        Event.objects.filter(pk=later.pk).update(sequence=F("sequence") + 1)
    before = events_of(drill).get(sequence=3)
    new = Event(
        subject_type="execution",
        subject_id=str(drill.pk),
        sequence=4,
        at=before.at,
        actor="ravi",
        type=EventType.EXECUTION_APPROVED,
        previous_hash=before.hash,
    )
    new.hash = record.hash_of(new)
    new.save()


def truncated(drill: Execution) -> None:
    events_of(drill).filter(sequence__gt=5).delete()


def emptied(drill: Execution) -> None:
    events_of(drill).delete()


def lengthened(drill: Execution) -> None:
    last = events_of(drill).get(sequence=9)
    last.pk, last.sequence, last.previous_hash = None, 10, last.hash
    last.hash = record.hash_of(last)
    last.save()


def head_put_back(drill: Execution) -> None:
    Execution.objects.filter(pk=drill.pk).update(event_count=8, last_event_hash=events_of(drill).get(sequence=8).hash)


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (changed, "Event 3 was changed after it was written."),
        (changed_within, "Event 2 was changed after it was written."),
        (removed, "Event 3 is missing: the next one is 4."),
        (inserted, "Event 5 does not continue from the event before it."),
        (truncated, "The end was changed: 9 events written, 5 stored."),
        (emptied, "The end was changed: 9 events written, 0 stored."),
        (lengthened, "The end was changed: 9 events written, 10 stored."),
        (head_put_back, "The end was changed: 8 events written, 9 stored."),
    ],
)
def test_tampering_is_found_and_said_where(tamper: Callable[[Execution], None], fault: str) -> None:
    drill, other = running_drill(), running_drill()
    tamper(drill)
    said, faults = verify()
    assert f"{drill} {drill.pk}: {fault}" in faults
    assert said.endswith("found in 2 executions.")
    assert verify(str(other.pk)) == ("1 execution verified: every event chain is intact.", [])


def test_an_event_that_was_moved_to_another_row_is_missing_here_and_strange_there() -> None:
    drill, other = running_drill(), running_drill()
    events_of(drill).filter(sequence=9).update(subject_id=str(other.pk), sequence=10)
    _, faults = verify()
    assert f"{drill} {drill.pk}: The end was changed: 9 events written, 8 stored." in faults
    assert f"{other} {other.pk}: Event 10 was changed after it was written." in faults


@pytest.mark.parametrize("of", [("execution", str(uuid4())), ("execution", "7"), ("moon", "7")])
def test_events_whose_row_is_gone_are_found(of: tuple[str, str]) -> None:
    drill = running_drill()
    events_of(drill).update(subject_type=of[0], subject_id=of[1])
    said, faults = verify(of[1])
    assert said == f"1 fault found in 1 {of[0]}."
    assert faults == [f"{of[0]} {of[1]}: The row does not exist, but its audit trail has 9 events."]
    assert faults[0] in verify()[1]


def test_a_row_that_nobody_knows_is_said_to_be_unknown() -> None:
    running_drill()
    strange = str(uuid4())
    assert verify(strange) == (f"The audit trail has no row with the id {strange}.", [])
    assert verify("moon") == ("The audit trail has no row with the id moon.", [])


def test_what_is_appended_while_a_chain_is_read_is_no_fault() -> None:
    drill = running_drill()
    late = [Entry(EventType.EXECUTION_PAUSED, actor="dana")]

    def append_before_events_are_read(execute: Any, sql: str, *rest: Any) -> Any:
        if late and 'FROM "audit_event"' in sql:
            add_events(Execution.objects.get(pk=drill.pk), [late.pop()])
        return execute(sql, *rest)

    with connection.execute_wrapper(append_before_events_are_read):
        assert verification.faults(drill) == []
    assert not late


# --- chains of what keeps none itself -------------------------------------------------------------------------------


def note(name: str, *types: EventType) -> None:
    with transaction.atomic():
        record.note("site", 7, name, [Entry(each, name, actor="ada") for each in types])


def test_what_may_be_deleted_has_its_chain_elsewhere_and_is_found_by_its_last_name() -> None:
    note("Frankfurt", EventType.EXECUTION_PAUSED)
    note("Main", EventType.EXECUTION_RESUMED, EventType.EXECUTION_PAUSED)
    chain = Chain.objects.get(name="Main")
    assert (chain.subject_type, chain.subject_id, chain.event_count) == ("site", "7", 3)
    assert [event.sequence for event in events_of(chain)] == [1, 2, 3]
    assert verify() == ("1 site verified: every event chain is intact.", [])
    events_of(chain).filter(sequence=2).update(actor="nobody")
    assert verify("7") == ("1 fault found in 1 site.", ["Main 7: Event 2 was changed after it was written."])


def test_events_whose_chain_has_no_end_are_found() -> None:
    note("Frankfurt", EventType.EXECUTION_PAUSED)
    Chain.objects.all().delete()
    assert verify()[1] == ["site 7: The row does not exist, but its audit trail has 1 event."]
