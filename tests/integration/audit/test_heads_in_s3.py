"""The daily heads in a bucket: kept by the chore, read by `verify_audit`, and seen where they cannot be kept."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from audit.event_types import EventType
from audit.models import Event
from audit.record import Entry
from audit.verification import verify
from foundation import tasks
from foundation.models import Chore
from tests.factories.executions import add_events, running_drill
from tests.s3 import BUCKET, PREFIX, S3, s3

pytestmark = [pytest.mark.any_database, pytest.mark.django_db, pytest.mark.usefixtures("only_executions_are_held")]

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PLACE = f"s3://{BUCKET}/{PREFIX}"


@pytest.fixture
def served() -> Iterator[S3]:
    with s3() as server:
        yield server


@pytest.fixture
def clock(served: S3) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def kept_there(settings: Any) -> None:
    settings.DRSORCH_AUDIT_HEADS = PLACE


def chore_do() -> Chore:
    Chore.objects.update_or_create(name="audit_daily_head", defaults={"due_at": datetime.now(UTC)})
    tasks.chore_do.fn("audit_daily_head")
    return Chore.objects.get(name="audit_daily_head")


def messages(heads: str = PLACE) -> list[str]:
    return [fault.message for fault in verify(heads=heads).faults]


def test_each_day_is_an_object_with_the_documented_rights_alone(served: S3, clock: time_machine.Traveller) -> None:
    served.limit()
    drill = running_drill()
    for number in (1, 2):
        clock.move_to(MONDAY + number * DAY)
        assert chore_do().raised_since is None
        assert chore_do().raised_since is None
        add_events(drill, [Entry(EventType.WAVE_CANCELLED, "App")])
    assert messages() == []
    served.patched.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(CommandError, match=r"Amazon S3 \(bucket drsorch-heads\) does not ") as refused:
        call_command("verify_audit", heads=PLACE)
    assert refused.value.returncode == 2


def test_what_was_kept_finds_what_was_cut_off(served: S3, clock: time_machine.Traveller) -> None:
    running_drill()
    clock.move_to(MONDAY + DAY)
    chore_do()
    assert served.keys() == [f"{PREFIX}/heads-2026-11-24.jsonl"]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_event WHERE subject_type = 'execution' AND sequence = 9")
    missed = "Event 9 is missing: the heads kept in heads-2026-11-24.jsonl have it."
    for heads in (PLACE, f"{PLACE}/", f"{PLACE}/heads-2026-11-24.jsonl"):
        assert missed in messages(heads)
    assert missed not in [fault.message for fault in verify().faults]


def test_an_object_is_never_overwritten(served: S3, clock: time_machine.Traveller) -> None:
    running_drill()
    clock.move_to(MONDAY + DAY)
    key = f"{PREFIX}/heads-2026-11-24.jsonl"
    served.client().put_object(Bucket=BUCKET, Key=key, Body=b"of another\n")
    assert chore_do().raised_since is None
    assert served.client().get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"of another\n"
    assert "Line 1 cannot be read: this is not a file of heads, or it was changed." in messages()


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("no bucket", "The specified bucket does not exist."),
        ("not granted", "Grant it the IAM permission s3:PutObject and those it depends on."),
        ("no server", "could not be sent:"),
    ],
)
def test_heads_that_cannot_be_kept_are_retried_and_seen(
    served: S3, clock: time_machine.Traveller, settings: Any, ada: User, trouble: str, says: str
) -> None:
    match trouble:
        case "no bucket":
            settings.DRSORCH_AUDIT_HEADS = "s3://of-nobody"
        case "not granted":
            served.limit(without="s3:PutObject")
        case "no server":
            served.patched.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    running_drill()
    clock.move_to(MONDAY + DAY)
    first, second = chore_do(), chore_do()
    assert Event.objects.filter(type=EventType.AUDIT_DAILY_HEAD).count() == 1
    assert f"They are not being kept in {settings.DRSORCH_AUDIT_HEADS}." in second.standstill
    assert says in second.standstill
    assert first.due_at is not None
    assert second.due_at is not None
    assert timedelta(0) < first.due_at - datetime.now(UTC) < second.due_at - datetime.now(UTC)

    page = Client()
    page.force_login(ada)
    for address in (reverse("admin:index"), reverse("admin:audit_event_verify")):
        assert says in page.get(address).content.decode().replace("&#x27;", "'")
    assert "1 chore" in json.dumps(page.get("/readyz").json())


def test_s3_is_not_asked_inside_a_transaction(served: S3) -> None:
    with pytest.raises(AssertionError, match="inside a database transaction"), transaction.atomic():
        verify(heads=PLACE)


@pytest.mark.parametrize("heads", ["ftp://somewhere", PLACE, "/nowhere"])
def test_heads_that_cannot_be_read_are_a_sentence(served: S3, heads: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("verify_audit", heads=heads)
    assert (refused.value.returncode, str(refused.value)[-1]) == (2, ".")


def test_the_end_of_every_chain_is_written_to_a_file_only(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--keep writes a file: name one on this machine"):
        call_command("verify_audit", keep=PLACE, stdout=io.StringIO())
