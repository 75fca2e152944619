"""Appending to chains, and what is found of them that somebody has tampered with in the database."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from audit import ledger, record, verification
from audit.event_types import EventType
from audit.models import Chain, Event, Milestone, SealedDocument
from audit.once import triggers
from audit.once.append_only import AppendOnly, AppendOnlyError
from audit.record import Entry, events_of
from audit.verification.snapshot import snapshot
from executions.models import Execution
from tests.factories.executions import add_events, running_drill

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("only_executions_are_held")]

LEDGER = "the ledger 1: "


def verify(*ids: str) -> tuple[str, list[str]]:
    """What `verify_audit` says last, and the faults it lists; not that the test's database has no triggers."""
    said, complaints = io.StringIO(), io.StringIO()
    try:
        call_command("verify_audit", *ids, stdout=said, stderr=complaints)
    except CommandError as error:
        return str(error), _without_warnings(complaints)
    return said.getvalue().strip(), _without_warnings(complaints)


def _without_warnings(complaints: io.StringIO) -> list[str]:
    return [line for line in complaints.getvalue().splitlines() if not line.startswith("Warning: ")]


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
    assert verification.verify([str(drill.pk)]).faults == ()


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
    assert verify() == ("1 execution with 9 events verified: nothing was changed.", [])


# --- verifying ----------------------------------------------------------------------------------------------------


def test_whole_chains_are_counted() -> None:
    assert verify() == ("0 chains with 0 events verified: nothing was changed.", [])
    running_drill()
    running_drill()
    assert verify() == ("2 executions with 18 events verified: nothing was changed.", [])


def tampered(query: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)


def test_what_is_wrong_is_said_with_its_row_and_the_rest_is_not() -> None:
    drill, other = running_drill(), running_drill()
    tampered("UPDATE audit_event SET actor = 'mallory' WHERE subject_id = %s AND sequence = 3", str(drill.pk))
    fault = f"{drill} {drill.pk}: Event 3 was changed after it was written, or was not written by drsorch."
    assert verify() == ("1 fault found in 2 executions with 18 events.", [fault])
    assert verify(str(drill.pk)) == ("1 fault found in 1 execution with 9 events.", [fault])
    assert verify(str(other.pk)) == ("1 execution with 9 events verified: nothing was changed.", [])


def test_an_event_that_was_moved_to_another_row_is_missing_here_and_strange_there() -> None:
    drill, other = running_drill(), running_drill()
    tampered(
        "UPDATE audit_event SET subject_id = %s, sequence = 10 WHERE subject_id = %s AND sequence = 9",
        str(other.pk),
        str(drill.pk),
    )
    _, faults = verify()
    assert f"{drill} {drill.pk}: The end was changed: 9 events written, 8 stored." in faults
    assert f"{other} {other.pk}: Event 10 was changed after it was written, or was not written by drsorch." in faults


@pytest.mark.parametrize("of", [("execution", str(uuid4())), ("execution", "7"), ("moon", "7")])
def test_events_whose_row_never_was_are_found(of: tuple[str, str]) -> None:
    drill = running_drill()
    tampered("UPDATE audit_event SET subject_type = %s, subject_id = %s", *of)
    said, faults = verify(of[1])
    assert said.endswith(f"faults found in 1 {of[0]} with 9 events.")
    strange = "The ledger does not know this row, which has 9 events: it was added in the database."
    assert f"{of[0]} {of[1]}: {strange}" in faults
    assert f"{of[0]} {of[1]}: {strange}" in verify()[1]
    assert f"{drill} {drill.pk}: The end was changed: 9 events written, 0 stored." in verify()[1]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's columns hold what they are declared to hold")
@pytest.mark.parametrize(("column", "value"), [("detail", '"text"'), ("at", "yesterday"), ("sequence", "first")])
def test_an_event_that_cannot_be_read_is_found(column: str, value: str) -> None:
    drill, other = running_drill(), running_drill()
    tampered(f"UPDATE audit_event SET {column} = %s WHERE subject_id = %s AND sequence = 3", value, str(drill.pk))
    _, faults = verify()
    assert faults
    assert all(str(drill.pk) in fault for fault in faults)
    assert verify(str(other.pk))[1] == []


def test_a_row_that_nobody_knows_is_said_to_be_unknown() -> None:
    running_drill()
    strange = str(uuid4())
    assert verify(strange) == (f"The audit trail has no row with the id {strange}.", [])
    assert verify("moon") == ("The audit trail has no row with the id moon.", [])


def test_exit_codes_tell_what_is_wrong_from_what_could_not_be_verified() -> None:
    drill = running_drill()
    with pytest.raises(CommandError) as unknown:
        call_command("verify_audit", "moon")
    with pytest.raises(CommandError) as unreadable:
        call_command("verify_audit", heads="/nowhere/heads.jsonl")
    tampered("UPDATE audit_event SET actor = 'mallory' WHERE subject_id = %s AND sequence = 3", str(drill.pk))
    with pytest.raises(CommandError) as wrong:
        call_command("verify_audit", stderr=io.StringIO())
    assert [each.value.returncode for each in (unknown, unreadable, wrong)] == [2, 2, 1]


def test_a_script_reads_the_result_as_json() -> None:
    drill = running_drill()
    out = io.StringIO()
    call_command("verify_audit", json=True, stdout=out)
    assert json.loads(out.getvalue()) == {
        "ok": True, "events": 9, "chains": {"execution": 1}, "faults": [], "fault_count": 0,
        "warnings": list(verification.warnings()),
    }  # fmt: skip
    tampered("UPDATE audit_event SET actor = 'mallory' WHERE subject_id = %s AND sequence = 3", str(drill.pk))
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", json=True, stdout=out)
    [fault] = json.loads(out.getvalue())["faults"]
    assert (fault["subject_type"], fault["subject_id"], fault["sequence"]) == ("execution", str(drill.pk), 3)


def test_after_a_rotation_without_the_old_key_it_is_named(settings: Any) -> None:
    old, new = (
        ("2025", "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF"),
        ("2026", "zyxwvutsrqponmlkjihgfedcba-9876543210-ABC"),
    )
    settings.DRSORCH_AUDIT_KEYS = (old,)
    drill = running_drill()
    settings.DRSORCH_AUDIT_KEYS = (new, old)
    add_events(drill, [Entry(EventType.WAVE_CANCELLED)])
    assert verify() == ("1 execution with 10 events verified: nothing was changed.", [])
    settings.DRSORCH_AUDIT_KEYS = (new,)
    _, faults = verify()
    assert faults == [
        f"{LEDGER}2 entries of the ledger signed with the key 2025, which is missing from DRSORCH_AUDIT_KEYS.",
        f"{drill} {drill.pk}: 9 events, the first of them 1, signed with the key 2025, which is missing: "
        "add it to DRSORCH_AUDIT_KEYS after the first.",
    ]


def test_the_queries_do_not_grow_with_the_chains() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert verification.verify().ok
        return len(captured)

    running_drill()
    few = queries()
    for _ in range(10):
        running_drill()
    assert queries() == few


@pytest.mark.skipif(connection.vendor == "sqlite", reason="the suite's SQLite is in memory, where readers lock tables")
@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_it_is_verified_is_no_fault() -> None:
    drill = running_drill()

    def write() -> None:
        add_events(Execution.objects.get(pk=drill.pk), [Entry(EventType.WAVE_CANCELLED)])
        connection.close()

    with snapshot():
        assert verification.verify().events == 9
        with ThreadPoolExecutor(1) as other:
            other.submit(write).result(timeout=60)
        assert verification.verify().ok
    assert verification.verify().events == 10


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock, for everybody")
@pytest.mark.django_db(transaction=True)
def test_an_execution_that_moves_does_not_wait_for_the_ledger() -> None:
    drill, held, done = running_drill(), threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            ledger.locked()
            held.set()
            done.wait(60)
        connection.close()

    with ThreadPoolExecutor(1) as other:
        holding = other.submit(hold)
        held.wait(60)
        try:
            with transaction.atomic():
                tampered("SET LOCAL lock_timeout = '500ms'")
                record.append(drill, [Entry(EventType.WAVE_CANCELLED)])
        finally:
            done.set()
        holding.result(timeout=60)
    assert verification.verify().events == 10


# --- written once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.update(subject_id="7"),
        lambda rows: rows.delete(),
        lambda rows: rows.all()._raw_delete("default"),
        lambda rows: rows[0].save(),
        lambda rows: rows[0].save(update_fields=["subject_id"]),
        lambda rows: rows[0].delete(),
        lambda rows: rows.bulk_update([rows[0]], ["subject_id"]),
        lambda rows: rows.bulk_create(
            [rows[0]], update_conflicts=True, update_fields=["subject_id"], unique_fields=["pk"]
        ),
        lambda rows: rows.update_or_create(pk=rows[0].pk, defaults={"subject_id": "7"}),
        lambda rows: rows.model._base_manager.update(subject_id="7"),
        lambda rows: rows.model._base_manager.all().delete(),
    ],
)
@pytest.mark.parametrize("model", [Event, SealedDocument, Milestone])
def test_nothing_written_once_is_changed_or_deleted_through_the_orm(
    model: type[AppendOnly], change: Callable[[Any], object]
) -> None:
    with transaction.atomic():
        entry = Entry(EventType.WAVE_CANCELLED, documents={"part": {"row": {"1": {"a": 1}}}})
        record.append(running_drill(), [entry])
    before = list(model._default_manager.order_by("pk").values())
    with pytest.raises(AppendOnlyError):
        change(model._default_manager.order_by("pk"))
    assert list(model._default_manager.order_by("pk").values()) == before


@pytest.fixture
def with_triggers() -> None:
    triggers.install(connection, AppendOnly.tables())


def test_every_table_that_is_written_once_has_its_triggers_once_they_are_created_again() -> None:
    """Tests run without them."""
    assert set(triggers.unguarded(connection, AppendOnly.tables())) == set(AppendOnly.tables()) > set(triggers.TABLES)
    out = io.StringIO()
    call_command("guard_audit", stdout=out)
    assert triggers.unguarded(connection, AppendOnly.tables()) == []
    call_command("guard_audit", stdout=out)
    assert out.getvalue().endswith("All triggers are there.\n")


@pytest.mark.parametrize("table", triggers.TABLES)
@pytest.mark.parametrize("query", ["UPDATE {} SET subject_id = '7'", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_to_change_what_is_written_once(with_triggers: None, table: str, query: str) -> None:
    if "TRUNCATE" in query and connection.vendor == "sqlite":
        return  # there is none
    with transaction.atomic():
        entry = Entry(EventType.WAVE_CANCELLED, documents={"part": {"row": {"1": {"a": 1}}}})
        record.append(running_drill(), [entry])
    with pytest.raises(DatabaseError, match="is written once"), transaction.atomic():
        tampered(query.format(table))
    assert verify()[1] == []


def changes_of_triggers() -> list[tuple[str, ...]]:
    if connection.vendor == "sqlite":
        another = "CREATE TRIGGER {0}_update_refused BEFORE UPDATE ON {0} BEGIN SELECT 1; END"
        dropped = "DROP TRIGGER {0}_update_refused"
        return [(dropped,), ("DROP TRIGGER {0}_delete_refused",), (dropped, another)]
    dropped = "DROP TRIGGER {0}_written_once ON {0}"
    another = "CREATE TRIGGER {0}_written_once BEFORE UPDATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    switched = ("ALTER TABLE {0} DISABLE TRIGGER ALL", "ALTER TABLE {0} ENABLE REPLICA TRIGGER {0}_written_once")
    return [(dropped,), (dropped, another), *((one,) for one in switched)]


@pytest.mark.parametrize("table", AppendOnly.tables())
def test_a_trigger_that_is_missing_or_another_one_is_warned_of(with_triggers: None, table: str) -> None:
    for change in changes_of_triggers():
        triggers.install(connection, AppendOnly.tables())
        assert verification.verify().warnings == ()
        for statement in change:
            tampered(statement.format(table))
        [warning] = verification.verify().warnings
        assert warning.startswith(f"The database does not refuse changes of {table}: its triggers are missing or")


def test_a_function_of_the_triggers_that_refuses_nothing_is_warned_of(with_triggers: None) -> None:
    if connection.vendor == "sqlite":
        return  # there is none
    tampered("CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$")
    [warning] = verification.verify().warnings
    assert "audit_event, audit_milestone, audit_sealeddocument" in warning


def test_missing_triggers_are_no_fault() -> None:
    running_drill()
    out, complaints = io.StringIO(), io.StringIO()
    call_command("verify_audit", stdout=out, stderr=complaints)
    assert "nothing was changed" in out.getvalue()
    assert complaints.getvalue().startswith("Warning: The database does not refuse changes of audit_event, ")


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
    assert verify() == ("1 site with 3 events verified: nothing was changed.", [])
    tampered("UPDATE audit_event SET actor = 'nobody' WHERE sequence = 2")
    fault = "Main 7: Event 2 was changed after it was written, or was not written by drsorch."
    assert verify("7") == ("1 fault found in 1 site with 3 events.", [fault])


def test_events_whose_chain_has_no_end_are_found() -> None:
    note("Frankfurt", EventType.EXECUTION_PAUSED)
    Chain.objects.all().delete()
    assert verify()[1] == ["site 7: The row does not exist, but its audit trail has 1 event."]
