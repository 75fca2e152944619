"""Heads of days: chained in the ledger, kept in files, and what a database put back to an earlier state shows then."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from audit.daily import daily_head
from audit.event_types import EventType
from audit.models import Event, Ledger, Milestone
from audit.record import Entry, events_of
from audit.verification import verify
from executions.models import Execution
from foundation import tasks
from foundation.errors import Unavailable
from foundation.models import Chore
from tests.factories.executions import add_events, running_drill

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("only_executions_are_held"), pytest.mark.either_database]

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kept(settings: Any, tmp_path: Path) -> Path:
    settings.DRSORCH_AUDIT_HEADS = str(tmp_path)
    return tmp_path


def wave_ends(drill: Execution) -> None:
    add_events(drill, [Entry(EventType.WAVE_CANCELLED, "App")])


def heads() -> list[Event]:
    return list(Event.objects.filter(type=EventType.AUDIT_DAILY_HEAD).order_by("sequence"))


def messages(path: Path | None = None) -> list[str]:
    return [fault.message for fault in verify(heads=path).faults]


def sql(query: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)


def test_each_day_has_one_head_over_what_happened_in_it(clock: time_machine.Traveller) -> None:
    one, other = running_drill(), running_drill()
    clock.move_to(MONDAY + DAY)
    daily_head(datetime.now(UTC))
    daily_head(datetime.now(UTC))
    wave_ends(one)
    clock.move_to(MONDAY + 2 * DAY)
    daily_head(datetime.now(UTC))
    monday, tuesday = heads()
    assert (monday.subject, monday.detail["chains"], monday.detail["events"]) == ("2026-11-24", 2, 18)
    # The head of the day before is an event of this day.
    assert (tuesday.subject, tuesday.detail["chains"], tuesday.detail["events"]) == ("2026-11-25", 2, 2)
    assert tuesday.previous_hash == monday.hash
    assert tuesday.detail["since"] == monday.detail["until"]
    assert messages() == []
    wave_ends(other)
    assert messages() == []


def test_a_day_is_over_a_while_after_midnight_only(clock: time_machine.Traveller) -> None:
    running_drill()
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    daily_head(midnight + timedelta(minutes=14))
    assert heads() == []
    daily_head(midnight + timedelta(minutes=15))
    assert len(heads()) == 1


def test_days_on_which_nothing_ran_are_covered_by_the_next_head(clock: time_machine.Traveller) -> None:
    daily_head(MONDAY)
    assert heads() == [], "there is nothing to cover"
    running_drill()
    clock.move_to(MONDAY + 9 * DAY)
    daily_head(datetime.now(UTC))
    assert [head.detail["until"][:10] for head in heads()] == ["2026-12-02"]


def test_housekeeping_makes_the_head(clock: time_machine.Traveller) -> None:
    running_drill()
    Chore.objects.update_or_create(name="audit_daily_head", defaults={"due_at": MONDAY})
    clock.move_to(MONDAY + DAY)
    tasks.chore_do.fn("audit_daily_head")
    assert len(heads()) == 1
    assert Chore.objects.get(name="audit_daily_head").due_at == MONDAY + DAY + timedelta(hours=1)


def test_a_chain_that_was_put_back_to_a_genuine_old_state_no_longer_matches_the_head_of_the_day(
    clock: time_machine.Traveller,
) -> None:
    drill = running_drill()
    before = Execution.objects.values("event_count", "last_event_hash", "head_mac").get()
    wave_ends(drill)
    clock.move_to(MONDAY + DAY)
    daily_head(datetime.now(UTC))
    sql("DELETE FROM audit_event WHERE subject_type = 'execution' AND sequence = 10")
    Execution.objects.update(**before)
    [told] = messages()
    assert told == (
        "The daily head until 2026-11-24 00:00 does not match: it counts 10 events of 1 chain, and there are 9 of 1, "
        "or others."
    )


def test_everything_put_back_to_an_earlier_state_shows_against_the_kept_heads_alone(
    clock: time_machine.Traveller, kept: Path
) -> None:
    drill = running_drill()
    tables = (Execution, Ledger, Milestone, Event)
    backup = {model: list(model._base_manager.order_by("pk").values()) for model in tables}
    wave_ends(drill)
    clock.move_to(MONDAY + DAY)
    daily_head(datetime.now(UTC))
    assert messages(kept) == []

    Execution.objects.update(
        **{name: backup[Execution][0][name] for name in ("event_count", "last_event_hash", "head_mac")}
    )
    Ledger.objects.update(**{name: value for name, value in backup[Ledger][0].items() if name != "id"})
    sql("DELETE FROM audit_milestone WHERE sequence > %s", len(backup[Milestone]))
    sql("DELETE FROM audit_event WHERE id > %s", backup[Event][-1]["id"])
    assert messages() == [], "everything in the database is genuine"
    assert messages(kept) == ["Event 10 is missing: the heads kept in heads-2026-11-24.jsonl have it."]
    wave_ends(Execution.objects.get())
    assert messages(kept) == [
        "Event 10 is not the one in the heads kept in heads-2026-11-24.jsonl: the chain was rewritten."
    ]


def test_where_every_chain_ends_can_be_kept_at_any_time(tmp_path: Path) -> None:
    drill, file = running_drill(), tmp_path / "now.jsonl"
    call_command("verify_audit", keep=file, stdout=io.StringIO())
    *lines, last = map(json.loads, file.read_text().splitlines())
    assert lines == [{"type": "execution", "id": str(drill.pk), "sequence": 9, "hash": events_of(drill).last().hash}]
    assert last["chains"] == 1
    wave_ends(drill)
    assert messages(file) == []
    sql("DELETE FROM audit_event WHERE sequence >= 9")
    assert "Event 9 is missing: the heads kept in now.jsonl have it." in messages(file)


def test_heads_of_a_trail_with_faults_are_not_kept(tmp_path: Path) -> None:
    running_drill()
    sql("DELETE FROM audit_event WHERE sequence = 9")
    with pytest.raises(CommandError, match="1 fault"):
        call_command("verify_audit", keep=tmp_path / "now.jsonl", stderr=io.StringIO())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda lines: lines[:-1], "The last line is missing: the file was cut off."),
        (lambda lines: lines[1:], "The file was changed: it is not what drsorch signed."),
        (lambda lines: [*lines, lines[0]], "Line 4 comes after the last one: the file was changed."),
        (lambda lines: ["{", *lines], "Line 1 cannot be read: this is not a file of heads, or it was changed."),
        (lambda lines: [], "The last line is missing: the file was cut off."),
        (
            lambda lines: [*lines[:-1], lines[-1].replace('"chains":2', '"chains":3')],
            "The file was changed: it is not what drsorch signed.",
        ),
    ],
)
def test_a_kept_file_that_was_changed_is_found(
    clock: time_machine.Traveller, kept: Path, change: Any, fault: str
) -> None:
    running_drill()
    running_drill()
    clock.move_to(MONDAY + DAY)
    daily_head(datetime.now(UTC))
    [file] = kept.iterdir()
    file.write_text("".join(f"{line}\n" for line in change(file.read_text().splitlines())))
    assert fault in messages(file)
    assert [each.subject_id for each in verify(heads=file).faults if each.message == fault] == [file.name]


def test_heads_that_cannot_be_kept_are_kept_later(clock: time_machine.Traveller, settings: Any, tmp_path: Path) -> None:
    settings.DRSORCH_AUDIT_HEADS = str(tmp_path / "mounted later")
    running_drill()
    clock.move_to(MONDAY + DAY)
    with pytest.raises(Unavailable, match="mounted later: No such file or directory"):
        daily_head(datetime.now(UTC))
    assert len(heads()) == 1
    (tmp_path / "mounted later").mkdir()
    daily_head(datetime.now(UTC))
    assert len(heads()) == 1
    assert messages(tmp_path / "mounted later") == []


def test_days_that_could_not_be_kept_are_kept_as_soon_as_they_can(
    clock: time_machine.Traveller, kept: Path, settings: Any
) -> None:
    drill, away = running_drill(), kept / "away"
    for number, place in enumerate([kept, away, away, kept], start=1):
        settings.DRSORCH_AUDIT_HEADS = str(place)
        clock.move_to(MONDAY + number * DAY)
        with nullcontext() if place is kept else pytest.raises(Unavailable):
            daily_head(datetime.now(UTC))
        wave_ends(drill)
    assert sorted(path.name for path in kept.iterdir()) == [f"heads-2026-11-{day}.jsonl" for day in (24, 25, 26, 27)]
    assert messages(kept) == []


def test_a_head_that_was_deleted_with_the_day_is_missed(clock: time_machine.Traveller) -> None:
    running_drill()
    clock.move_to(MONDAY + DAY)
    daily_head(datetime.now(UTC))
    sql("DELETE FROM audit_event WHERE subject_type = 'ledger'")
    assert "The end was changed: 1 event written, 0 stored." in messages()
