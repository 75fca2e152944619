"""What somebody with full rights in the database, and without the key, does to the record: it is found, and named.

They may keep old copies of rows, and put them back. Triggers are dropped in tests, as they would drop them.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Field, Model

from audit.holding import Told
from audit.models import Event, Ledger, Milestone, SealedDocument
from audit.record import events_of, text_of
from audit.signed import EVENT_COLUMNS
from audit.verification import verify
from executions.decisions import Basis, StepDecision
from executions.models import Approval, DrsJob, Execution, ServerRun, StepRun, WaveRun
from executions.sealing import COLUMNS, FROZEN, NOT_SEALED, NOT_SEALED_ROWS, RESULT, ExecutionHolder
from executions.services.approving import execution_approve
from executions.services.controlling import execution_cleanup, execution_pause, execution_resume, execution_retry
from reports.holding import COLUMNS as COLUMNS_OF_DOSSIER
from tests.database import undone
from tests.factories.trail import faults_found
from tests.harness import EngineHarness

pytestmark = pytest.mark.either_database

GO = {"name": "Go", "kind": "approval", "when": "before", "parameters": {"instructions": "Look first."}}
LOOK = {"name": "Look", "kind": "wait", "when": "before", "parameters": {"seconds": 5}}


@dataclass
class Record:
    """A recovery of which a server failed, a drill that was cleaned up, and a drill that is running."""

    recovery: Execution
    drill: Execution
    running: Execution
    #: Of the running drill and of the ledger, all columns as they were when it had just started.
    earlier: dict[type[Model], dict[str, Any]]


@pytest.fixture
def there(harness: EngineHarness) -> Record:
    harness.keeps_to_the_record = False

    def wave(tier: str, **more: Any) -> list[dict[str, Any]]:
        return [{"name": tier, "protection_groups": [f"shop-{tier}"], **more}]

    harness.world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    recovery = harness.recovery(harness.plan(wave("db", steps=[LOOK, GO]), approvals_required=1))
    execution_approve(execution=recovery, by=harness.users["ravi"], comment="Go.")
    harness.run(recovery, until=lambda: StepRun.objects.waiting_for_approval().exists())
    execution_approve(execution=recovery, by=harness.users["ravi"], comment="Go on.")
    harness.run(recovery)
    drill = harness.drill(harness.plan(wave("reports"), name="Reports"))
    harness.run(drill)
    execution_cleanup(execution=drill, by=harness.users["omar"])
    harness.run(drill, until=lambda: Execution.objects.get(pk=drill.pk).cleanup_status == "succeeded")
    running = harness.drill(harness.plan(wave("web"), name="Web"))
    earlier = {Execution: columns_of(running), Ledger: columns_of(Ledger.objects.get())}
    harness.tick()
    execution_pause(execution=running, by=harness.users["omar"])
    assert faults_found() == []
    recovery, drill, running = (Execution.objects.get(pk=each.pk) for each in (recovery, drill, running))
    assert (recovery.status, drill.status, running.status) == ("failed", "succeeded", "paused")
    return Record(recovery, drill, running, earlier)


def columns_of(row: Model) -> dict[str, Any]:
    model = type(row)
    return model._base_manager.filter(pk=row.pk).values(*[each.attname for each in model._meta.concrete_fields]).get()


def put(model: type[Model], pk: Any, **values: Any) -> None:
    """UPDATE of one row, also of one that is written once."""
    with connection.cursor() as cursor:
        for name, value in values.items():
            field = model._meta.get_field(name)
            stored = field.get_db_prep_save(value, connection)
            of = model._meta.pk.get_db_prep_value(pk, connection)
            key = model._meta.pk.column
            cursor.execute(f'UPDATE {model._meta.db_table} SET "{field.column}" = %s WHERE "{key}" = %s', [stored, of])


def drop(model: type[Model], where: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {where}", values)


def told(change: Callable[[], object]) -> list[str]:
    """What `verify` says of everything after this change, which is then undone."""
    with undone():
        change()
        return [f"{fault.name or fault.subject_type}: {fault.message}" for fault in faults_found()]


def rewritten(row: Model, where: str, sealed: object, **column: Any) -> tuple[Callable[[], object], str]:
    """A change of one column of a row, and what is said of it."""
    [(name, value)] = column.items()
    return lambda: put(type(row), row.pk, **column), f"{where}: {name} is {value}, sealed as {sealed}."


def cut(execution: Execution, keep: int) -> None:
    """Delete its events after that one, and what they sealed."""
    for model in (Event, SealedDocument):
        drop(model, "subject_id = %s AND sequence > %s", str(execution.pk), keep)


def put_back(execution: Execution, keep: int, **head: Any) -> None:
    """Cut its chain, and its end with it."""
    cut(execution, keep)
    last = events_of(execution).get(sequence=keep)
    put(Execution, execution.pk, event_count=keep, last_event_hash=last.hash, **head)


def computed_anew(execution: Execution) -> None:
    """Another actor in an event, and plain SHA-256 from there on."""
    previous = ""
    for event in events_of(execution):
        event.actor = "mallory" if event.sequence == 2 else event.actor
        event.previous_hash = previous
        previous = hashlib.sha256(text_of(event)).hexdigest()
        put(Event, event.pk, actor=event.actor, previous_hash=event.previous_hash, hash=previous)
    put(Execution, execution.pk, last_event_hash=previous)


def inserted(execution: Execution) -> None:
    last = events_of(execution).last()
    assert last is not None
    last.pk, last.sequence, last.previous_hash, last._state.adding = None, last.sequence + 1, last.hash, True
    last.hash = hashlib.sha256(text_of(last)).hexdigest()
    last.save()
    put(Execution, execution.pk, event_count=last.sequence, last_event_hash=last.hash)


def deleted_whole(execution: Execution, *, with_ledger: bool = False) -> None:
    cut(execution, 0)
    ids = execution._meta.pk.get_db_prep_value(execution.pk, connection)
    put(Execution, execution.pk, status="failed")
    for model in (Approval, StepRun, ServerRun, WaveRun):
        drop(model, "execution_id = %s", ids)
    drop(Execution, "id = %s", ids)
    if with_ledger:
        drop(Milestone, "subject_id = %s", str(execution.pk))


def test_each_tampering_is_found_and_named(there: Record) -> None:
    recovery, drill, running = there.recovery, there.drill, there.running
    name, its_end = f"{recovery}", events_of(recovery).count()
    approval = Approval.objects.get()
    failed = ServerRun.objects.get(execution=recovery, status="failed")
    wave, step = WaveRun.objects.get(execution=recovery), StepRun.objects.get(execution=recovery, name="Look")
    last = Milestone.objects.order_by("sequence").last()
    others = Milestone.objects.exclude(subject_id=str(recovery.pk)).order_by("sequence")
    begun = Milestone.objects.filter(subject_id=str(recovery.pk)).order_by("sequence")[0].sequence
    gap = begun, others.filter(sequence__gt=begun)[0].sequence
    document = SealedDocument.objects.filter(subject_id=str(recovery.pk), part="result").get()
    assert last is not None
    signature = "The end was changed in the database: its signature is not drsorch's."
    ledger_signature = "the ledger: The end of the ledger was changed in the database: its signature is not drsorch's."
    expected: dict[str, tuple[Callable[[], object], str]] = {
        # --- events
        "last event dropped": (
            lambda: cut(recovery, its_end - 1),
            f"{name}: The end was changed: {its_end} events written, {its_end - 1} stored.",
        ),
        "last event dropped and the head mended": (
            lambda: put_back(recovery, its_end - 1),
            f"{name}: {signature}",
        ),
        "an event changed": (
            lambda: put(Event, events_of(recovery)[1].pk, actor="mallory"),
            f"{name}: Event 2 was changed after it was written, or was not written by drsorch.",
        ),
        "the chain computed anew": (
            lambda: computed_anew(recovery),
            f"{name}: Event 1 was changed after it was written, or was not written by drsorch.",
        ),
        "an event put at the end": (lambda: inserted(recovery), f"{name}: {signature}"),
        "the first event removed": (
            lambda: drop(Event, "subject_id = %s AND sequence = 1", str(recovery.pk)),
            f"{name}: Event 1 is missing: the next one is 2.",
        ),
        "the chain of a running drill put back to a genuine old state": (
            lambda: put_back(running, 2, head_mac=there.earlier[Execution]["head_mac"]),
            f"{running}: The chain was cut back: the ledger keeps event {running.event_count}, which is missing.",
        ),
        # --- whole chains and the ledger
        "all events of an execution deleted": (
            lambda: cut(recovery, 0),
            f"{name}: The end was changed: {its_end} events written, 0 stored.",
        ),
        "a whole execution deleted": (
            lambda: deleted_whole(recovery),
            f"execution: The whole chain was deleted: the ledger keeps "
            f"{Milestone.objects.filter(subject_id=str(recovery.pk)).count()} events of it.",
        ),
        "a whole execution deleted, and the ledger cleaned": (
            lambda: deleted_whole(recovery, with_ledger=True),
            f"the ledger: Entry {gap[0]} of the ledger is missing: the next one is {gap[1]}.",
        ),
        "the newest execution deleted, and the ledger cut": (
            lambda: deleted_whole(running, with_ledger=True),
            f"the ledger: The end of the ledger was changed: {last.sequence} entries written, "
            f"{last.sequence - Milestone.objects.filter(subject_id=str(running.pk)).count()} stored.",
        ),
        "the ledger's end put back to an old state": (
            lambda: put(Ledger, 1, **there.earlier[Ledger]),
            f"the ledger: The end of the ledger was changed: {there.earlier[Ledger]['milestone_count']} entries "
            f"written, {last.sequence} stored.",
        ),
        "the ledger put back to an old state": (
            lambda: (
                put(Ledger, 1, **there.earlier[Ledger]),
                drop(Milestone, "sequence > %s", there.earlier[Ledger]["milestone_count"]),
                deleted_whole(running),
            ),
            "execution: The whole chain was deleted: the ledger keeps 2 events of it.",
        ),
        "an entry of the ledger changed": (
            lambda: put(Milestone, last.pk, event_hash="0" * 64),
            f"the ledger: Entry {last.sequence} of the ledger was changed after it was written.",
        ),
        "the ledger mended without the key": (
            lambda: put(Ledger, 1, milestone_count=last.sequence - 1, last_milestone_hash=last.previous_hash),
            ledger_signature,
        ),
        "the ledger's row deleted": (
            lambda: drop(Ledger, "id = 1"),
            f"the ledger: The ledger's row was deleted: {last.sequence} entries stored.",
        ),
        "a chain that the ledger does not know": (
            lambda: drop(Milestone, "subject_id = %s", str(running.pk)),
            f"{running}: The ledger does not know this row, which has {running.event_count} events: "
            "it was added in the database.",
        ),
        # --- rows
        "status": rewritten(recovery, name, "failed", status="succeeded"),
        "status back to running": rewritten(recovery, name, "failed", status="running"),
        "status of a running one": (
            lambda: put(Execution, running.pk, status="running"),
            f"{running}: status is running, and the last event about it says paused.",
        ),
        "requested by another": rewritten(recovery, name, "dana", requested_by_name="mallory"),
        "requested by nobody": (
            lambda: put(Execution, recovery.pk, requested_by=None),
            f"{name}: requested_by_id is empty, sealed as {recovery.requested_by_id}.",
        ),
        "kind": rewritten(running, "recovery of Web", "drill", kind="recovery"),
        "break-glass": rewritten(running, str(running), "False", break_glass=True),
        "RTO": rewritten(drill, str(drill), drill.rto_actual_seconds, rto_actual_seconds=1),
        "RPO": rewritten(drill, str(drill), drill.rpo_actual_seconds, rpo_actual_seconds=1),
        "outcome": rewritten(drill, str(drill), drill.outcome, outcome="All is well."),
        "status of a server": rewritten(failed, f"{name}: server {failed.hostname}", "failed", status="launched"),
        "instance of a server": rewritten(
            failed, f"{name}: server {failed.hostname}", failed.recovery_instance_id or "empty",
            recovery_instance_id="i-0123456789abcdef0",
        ),
        "status of a wave": rewritten(wave, f"{name}: wave db", "failed", status="succeeded"),
        "status of a step": rewritten(step, f"{name}: step Look", "succeeded", status="skipped"),
        "an approval renamed": rewritten(approval, f"{name}: approval ravi", "ravi", user_name="mallory"),
        "an approval deleted": (
            lambda: drop(Approval, "id = %s", approval.pk),
            f"{name}: approval ravi: the row was deleted after it was sealed.",
        ),
        "an approval inserted": (
            lambda: Approval.objects.create(
                execution=running, user_name="mallory", approved=True, at=running.requested_at
            ),
            f"{running}: approval mallory: the row was added after it was sealed.",
        ),
        "a server deleted": (
            lambda: drop(ServerRun, "id = %s", failed.pk),
            f"{name}: server {failed.hostname}: the row was deleted after it was sealed.",
        ),
        "a server added": (
            lambda: ServerRun.objects.create(
                execution=running, wave=running.waves.get(), site=failed.site, position=9, source_server_id="s-9"
            ),
            f"{running}: server s-9: the row was added after it was sealed.",
        ),
        "an execution added": (
            lambda: Execution.objects.create(
                plan=drill.plan, plan_name="Ghost", plan_revision=1, kind="drill", status="succeeded",
                requested_by_name="mallory", requested_at=drill.requested_at,
            ),
            "drill of Ghost: The row has no audit trail: it was added in the database.",
        ),
        "a terminated instance brought back": rewritten(
            drill.servers.get(), f"{drill}: server {drill.servers.get().hostname}", "terminated", status="launched"
        ),
        "a sealed document changed": (
            lambda: put(SealedDocument, document.pk, data=SealedDocument.objects.filter(part="decisions")[0].data),
            f"{name}: The sealed document “result” of event {document.sequence} was changed.",
        ),
        "a sealed document deleted": (
            lambda: drop(SealedDocument, "id = %s", document.pk),
            f"{name}: The sealed document “result” of event {document.sequence} was deleted.",
        ),
    }  # fmt: skip
    said = {case: told(change) for case, (change, _) in expected.items()}
    missed = {case: said[case] for case, (_, fault) in expected.items() if fault not in said[case]}
    assert missed == {}, {case: (expected[case][1], found) for case, found in missed.items()}


def test_no_column_of_an_event_can_be_changed(there: Record) -> None:
    event = events_of(there.recovery)[3]

    def changed(name: str) -> None:
        put(Event, event.pk, **{name: other(Event._meta.get_field(name), getattr(event, name))})

    columns = [name for name in EVENT_COLUMNS if name != "subject_id"]
    assert len(columns) > 9
    assert [name for name in columns if not told(functools.partial(changed, name))] == []


def other(field: Field[Any, Any], value: Any) -> Any:
    """Something else that the column may hold."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1000
        case datetime():
            return value + timedelta(seconds=1)
        case dict():
            return {**value, "more": 1}
        case list():
            return [*value, 7]
        case str() if value:
            return f"~{value[1:]}"
        case _:
            types = {"IntegerField": 7, "DateTimeField": datetime.fromisoformat("2026-01-01T00:00:00+00:00")}
            return next((made for kind, made in types.items() if kind in field.get_internal_type()), 7)


def test_every_sealed_column_is_held(there: Record) -> None:
    """Whatever column of what was sealed is changed, it is named."""
    missed = []
    for part, models in COLUMNS.items():
        for model, columns in models.items():
            own = "pk" if model is Execution else "execution"
            row = model._base_manager.filter(**{own: there.recovery.pk}).order_by("pk")[0]
            for column in columns:
                field = next(each for each in model._meta.concrete_fields if each.attname == column)
                value = other(field, getattr(row, column))
                with undone():
                    model._base_manager.filter(pk=row.pk).update(**{column: value})
                    messages = [fault.message for fault in verify([str(there.recovery.pk)]).faults]
                if not any(f"{column} is " in message and "sealed as" in message for message in messages):
                    missed.append((part, model.__name__, column, messages))
    assert missed == []


@pytest.mark.parametrize("model", [Execution, WaveRun, StepRun, StepDecision, ServerRun, Approval])
def test_every_column_is_sealed_or_it_is_said_why_not(model: type[Model]) -> None:
    sealed = {column for models in COLUMNS.values() for column in models.get(model, ())}
    columns = {field.attname for field in model._meta.concrete_fields}
    assert sealed | set(NOT_SEALED[model]) == columns
    assert not sealed & set(NOT_SEALED[model])


def test_every_kind_of_row_of_an_execution_is_sealed_or_it_is_said_why_not() -> None:
    of_executions = {
        model for model in apps.get_models() if any(field.related_model is Execution for field in model._meta.fields)
    }
    sealed = {model for models in COLUMNS.values() for model in models} - {Execution} | set(COLUMNS_OF_DOSSIER)
    # A job is of a site; that of an execution's operation is named by its servers.
    assert sealed | set(NOT_SEALED_ROWS) == of_executions | {DrsJob}


@pytest.mark.parametrize(
    ("model", "column", "value", "told"),
    [
        (
            ServerRun,
            "finished_at",
            datetime(2026, 3, 3, 9, 1, tzinfo=UTC),
            "server reports-1: finished_at is 2026-03-03",
        ),
        (ServerRun, "job_id", "drsjob-0", "server reports-1: job_id is drsjob-0, sealed as drsjob-"),
        (WaveRun, "finished_at", datetime(2026, 3, 3, 9, 1, tzinfo=UTC), "wave reports: finished_at is 2026-03-03"),
        (Execution, "finished_at", datetime(2026, 3, 3, 9, 1, tzinfo=UTC), "finished_at is 2026-03-03T09:01"),
        (Execution, "outcome", "All well.", "outcome is All well., sealed as 1 of 1 server launched"),
    ],
)
def test_what_was_changed_before_a_clean_up_is_found_after_it(
    harness: EngineHarness, model: type[Model], column: str, value: Any, told: str
) -> None:
    """The clean-up's end seals the result once more, as the rows are by then."""
    harness.keeps_to_the_record = False
    drill = harness.drill(harness.plan([{"name": "reports", "protection_groups": ["shop-reports"]}]))
    harness.run(drill)
    put(model, model._base_manager.get(**{"pk" if model is Execution else "execution": drill.pk}).pk, **{column: value})
    execution_cleanup(execution=drill, by=harness.users["omar"])
    harness.run(drill, until=lambda: Execution.objects.get(pk=drill.pk).cleanup_status == "succeeded")
    found = [fault.message for fault in faults_found()]
    assert any(message.startswith(told) and "So it has been since event" in message for message in found), found


# --- what is no tampering -----------------------------------------------------------------------------------------


def test_a_user_who_is_deleted_leaves_the_record_intact(there: Record) -> None:
    User.objects.filter(username__in=["dana", "ravi"]).delete()
    assert Execution.objects.get(pk=there.recovery.pk).requested_by_id is None
    assert faults_found() == []


def test_a_retry_of_what_ended_is_held_to_its_events_until_it_ends_again(there: Record, harness: EngineHarness) -> None:
    recovery = there.recovery
    execution_retry(execution=recovery, by=harness.users["dana"], wave="db", comment="Again.")
    assert faults_found() == []
    assert told(lambda: put(Execution, recovery.pk, status="succeeded")) == [
        f"{recovery}: status is succeeded, and the last event about it says running."
    ]
    harness.run(recovery)
    assert faults_found() == []
    assert told(lambda: put(Execution, recovery.pk, status="failed")) == [
        f"{recovery}: status is failed, sealed as succeeded."
    ]


def test_while_a_clean_up_runs_only_what_it_says_has_changed(there: Record, harness: EngineHarness) -> None:
    drill = harness.drill(there.drill.plan)
    harness.run(drill)
    execution_cleanup(execution=drill, by=harness.users["omar"])
    server = drill.servers.get()
    assert faults_found() == []
    assert told(lambda: put(ServerRun, server.pk, status="terminated")) == [
        f"{drill}: server {server.hostname}: status is terminated, sealed as launched."
    ]


def test_a_status_that_no_event_says_is_not_held() -> None:
    state = ExecutionHolder().begin()
    assert (state.says, FROZEN, RESULT) == ("", "frozen", "result")
    ExecutionHolder().follow(state, Told(1, "execution.break_glass", {}))
    assert state.says == ""


def test_what_was_shown_to_whoever_pressed_is_held_to_its_event(there: Record) -> None:
    name, shown = str(there.recovery), Basis.objects.filter(execution=there.recovery).earliest("pk")
    what = f"{name}: What was shown, {shown.sha256[:12]}…,"
    of_it = {"execution_id": there.recovery.pk, "sha256": shown.sha256}
    more = Basis(execution=there.recovery, press="approve", at=shown.at, sha256="0" * 64, document="{}")
    assert told(lambda: put(Basis, shown.pk, document="{}")) == [f"{what} was changed."]
    assert told(lambda: Basis.objects.filter(**of_it).delete()) == [f"{what} was deleted."]
    assert told(lambda: put(Basis, shown.pk, user_name="mallory")) == [
        f"{what} is of request by mallory, and the audit trail says request by dana."
    ]
    assert told(lambda: put(Basis, shown.pk, press="resume")) == [
        f"{what} is of resume by dana, and the audit trail says request by dana."
    ]
    assert told(more.save) == [f"{name}: What was shown, 000000000000…, was added in the database: no event names it."]


def test_one_of_two_that_were_shown_the_same_is_missed(there: Record, harness: EngineHarness) -> None:
    name, running = str(there.running), there.running
    execution_resume(execution=running, by=harness.users["omar"])
    execution_pause(execution=running, by=harness.users["omar"])
    execution_resume(execution=running, by=harness.users["omar"])
    first, second = Basis.objects.filter(execution=running, press="resume").order_by("pk")
    assert first.sha256 == second.sha256
    assert faults_found() == []
    what = f"{name}: What was shown, {first.sha256[:12]}…,"
    assert told(lambda: Basis.objects.filter(pk=second.pk).delete()) == [f"{what} was deleted."]
    third = Basis(execution=running, press="resume", at=first.at, sha256=first.sha256, document=first.document)
    third.user_name = first.user_name
    assert told(third.save) == [f"{what} was added in the database: no event names it."]


@pytest.mark.embedded  # PostgreSQL refuses what a column cannot hold.
def test_nothing_written_into_a_column_stops_verifying(there: Record) -> None:
    assert told(lambda: _write("executions_execution", "lease_token", "nonsense")) == []
    assert len(told(lambda: _write("protection_site", "lease_token", "nonsense"))) <= 2
    assert told(lambda: _write("audit_sealeddocument", "data", b"nonsense"))


def _write(table: str, column: str, value: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s", [value])
