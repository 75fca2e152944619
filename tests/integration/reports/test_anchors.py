"""Anchors of sealed reports: made by a worker, of an authority that the tests run and of moto's S3; retried until they
are there; and held against what is stored."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
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

from audit import verification
from audit.event_types import EventType
from audit.models import Event
from executions.models import Execution
from foundation.errors import Unavailable
from reports.anchoring import anchor_faults, anchors_make, making
from reports.anchoring.tasks import anchor_make
from reports.models import Anchor, AnchorKind, Dossier, Evidence
from reports.sealing import evidence_current
from tests.factories.executions import running_drill
from tests.s3 import BUCKET, POLICY_OF_REPORTS, PREFIX, S3, s3
from tests.tsa import Authority, authority, root, signer, token, trusted

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PLACE = f"s3://{BUCKET}/{PREFIX}"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def tsa(clock: time_machine.Traveller, settings: Any, tmp_path: Path) -> Iterator[Authority]:
    with authority() as served:
        settings.DRSORCH_TIMESTAMP_URL = served.url
        settings.DRSORCH_TIMESTAMP_CERTIFICATES = trusted(tmp_path)
        yield served


@pytest.fixture
def bucket(clock: time_machine.Traveller, settings: Any) -> Iterator[S3]:
    with s3() as served:
        settings.DRSORCH_EVIDENCE_BUCKET = PLACE
        yield served


@pytest.fixture
def report() -> Evidence:
    content = b'{"format":"drsorch-evidence-1"}'
    return Evidence.objects.create(
        execution=running_drill(),
        version=1,
        because="ended",
        sha256=hashlib.sha256(content).hexdigest(),
        head="0" * 64,
        event_count=9,
        sealed_at=MONDAY,
        data=zlib.compress(content),
    )


def due(report: Evidence) -> Anchor:
    with transaction.atomic():
        anchors_make(report)
    return Anchor.objects.get(evidence=report)


def looked(anchor: Anchor) -> Anchor:
    """After a worker has looked at it."""
    anchor_make.fn(anchor.pk)
    return Anchor.objects.select_related("evidence__execution").get(pk=anchor.pk)


def events(report: Evidence) -> list[dict[str, Any]]:
    found = Event.objects.filter(subject_id=report.execution_id, type=EventType.EVIDENCE_ANCHORED)
    return [event.detail for event in found.order_by("sequence")]


def key_of(report: Evidence) -> str:
    return f"{PREFIX}/{report.execution_id}/v1-{report.sha256[:16]}.json"


def versions(bucket: S3) -> list[str]:
    return [each["VersionId"] for each in bucket.client().list_object_versions(Bucket=BUCKET).get("Versions", ())]


# --- what is made -------------------------------------------------------------------------------------------------


def test_without_a_setting_there_is_no_anchor(report: Evidence) -> None:
    with transaction.atomic():
        anchors_make(report)
    assert not Anchor.objects.exists()


def test_a_time_stamp_is_kept_and_recorded(tsa: Authority, report: Evidence) -> None:
    anchor = due(report)
    assert (anchor.kind, anchor.at, tsa.asked) == (AnchorKind.TIME_STAMP, None, [])
    anchor = looked(anchor)
    assert (anchor.at, anchor.due_at) == (MONDAY, None)
    assert anchor.details == {"authority": "CN=Example TSA", "policy": "1.3.6.1.4.1.99999.1", "serial_number": "1"}
    assert events(report) == [
        {
            "version": 1,
            "kind": "time_stamp",
            "at": "2026-11-23T09:00:00.000000+00:00",
            "place": tsa.url,
            "token_sha256": hashlib.sha256(bytes(anchor.token)).hexdigest(),
            **anchor.details,
        }
    ]
    assert anchor_faults(anchor) == []
    Anchor.objects.nudge(by_person=True)
    assert looked(anchor).due_at is None
    assert len(tsa.asked) == len(events(report)) == 1


def test_a_copy_is_locked_for_years_with_the_documented_rights_alone(bucket: S3, report: Evidence) -> None:
    bucket.limit(policy_of=POLICY_OF_REPORTS)
    anchor = looked(due(report))
    assert (anchor.at, anchor.due_at, bytes(anchor.token)) == (MONDAY, None, b"")
    until = MONDAY + timedelta(days=2555)
    assert anchor.details["key"] == key_of(report)
    assert anchor.details["locked_until"] == until.isoformat(timespec="microseconds")
    assert events(report)[0] == {
        "version": 1, "kind": "object_lock", "at": "2026-11-23T09:00:00.000000+00:00", "place": PLACE, **anchor.details
    }  # fmt: skip
    assert anchor_faults(anchor) == []
    bucket.unlimited()
    kept = bucket.client().get_object(Bucket=BUCKET, Key=key_of(report))
    assert (kept["Body"].read(), kept["ObjectLockMode"]) == (report.json, "COMPLIANCE")
    assert kept["ObjectLockRetainUntilDate"] == until


def test_nobody_is_asked_in_a_transaction(tsa: Authority, report: Evidence) -> None:
    anchor = due(report)
    with pytest.raises(AssertionError, match="inside a database transaction"), transaction.atomic():
        making.anchor_due(anchor.pk)
    assert tsa.asked == []


def test_what_was_changed_after_it_was_sealed_is_not_anchored(tsa: Authority, report: Evidence) -> None:
    anchor = due(report)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reports_evidence SET data = %s", [zlib.compress(b'{"format":"drsorch-evidence-2"}')])
    anchor = looked(anchor)
    assert anchor.standstill.startswith("Version 1 of the report was changed in the database after it was sealed.")
    assert (anchor.at, tsa.asked) == (None, [])


def test_a_report_is_anchored_as_it_is_sealed_and_that_makes_no_new_version(tsa: Authority, drill: Execution) -> None:
    sealed = evidence_current(drill)
    [anchor] = Anchor.objects.filter(evidence=sealed)
    looked(anchor)
    assert [each["version"] for each in events(sealed)] == [1]
    assert evidence_current(drill) == sealed
    assert Dossier.objects.get(pk=drill.pk).due_at is None
    written = io.StringIO()
    call_command("verify_evidence", anchors=True, stdout=written)
    assert written.getvalue() == "1 sealed report verified: nothing was changed.\n"


# --- what cannot be made now --------------------------------------------------------------------------------------


def test_an_authority_that_is_down_for_an_hour_is_asked_until_it_is_there(
    clock: time_machine.Traveller, settings: Any, tmp_path: Path, report: Evidence, ada: User
) -> None:
    with authority() as gone:
        settings.DRSORCH_TIMESTAMP_URL, port = gone.url, gone.port
    settings.DRSORCH_TIMESTAMP_CERTIFICATES = trusted(tmp_path)
    anchor, waits = due(report), []
    while datetime.now(UTC) < MONDAY + timedelta(hours=1):
        anchor = looked(anchor)
        assert anchor.at is None
        assert anchor.due_at is not None
        waits.append((anchor.due_at - datetime.now(UTC)).total_seconds())
        clock.move_to(anchor.due_at)
    assert waits[0] < 10
    assert waits[-1] == 900
    words = f"The time-stamping authority {settings.DRSORCH_TIMESTAMP_URL} did not answer: Connection refused."
    assert anchor.standstill.startswith(f"{words} It has happened {len(waits)} times since ")

    page = Client()
    page.force_login(ada)
    shown = page.get(reverse("admin:index")).content.decode()
    assert f"the time-stamp of version 1 of the report on the {report.execution}: {words}" in shown
    assert reverse("admin:executions_execution_change", args=[report.execution_id]) in shown
    assert "1 anchor" in json.dumps(page.get("/readyz").json())

    with authority(port=port):
        anchor = looked(anchor)
    assert (anchor.at is not None, anchor.standstill) == (True, "")


@pytest.mark.parametrize(
    ("without", "says"),
    [
        ("", "DRSORCH_TIMESTAMP_CERTIFICATES is not set"),
        ("/nowhere.pem", "/nowhere.pem cannot be read as certificates"),
    ],
)
def test_without_roots_nothing_is_asked_for(
    tsa: Authority, settings: Any, report: Evidence, without: str, says: str
) -> None:
    settings.DRSORCH_TIMESTAMP_CERTIFICATES = without
    anchor = looked(due(report))
    assert says in anchor.standstill
    assert tsa.asked == []


def test_a_bucket_without_object_lock_is_refused(bucket: S3, settings: Any, report: Evidence) -> None:
    bucket.client().create_bucket(Bucket="unlocked", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    settings.DRSORCH_EVIDENCE_BUCKET = "s3://unlocked"
    anchor = looked(due(report))
    assert anchor.standstill.startswith(
        "s3://unlocked has no Object Lock, so a copy there could be deleted. Name a bucket that was created with "
    )
    settings.DRSORCH_EVIDENCE_BUCKET = PLACE
    Anchor.objects.nudge(by_person=True)
    anchor = looked(anchor)
    assert (anchor.place, events(report)[0]["place"]) == (PLACE, PLACE)


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject"])
def test_a_right_that_is_missing_is_named(bucket: S3, report: Evidence, action: str) -> None:
    bucket.limit(without=action, policy_of=POLICY_OF_REPORTS)
    assert f"Grant it the IAM permission {action}" in looked(due(report)).standstill


def test_a_kind_that_nobody_wants_any_more_is_let_be(tsa: Authority, settings: Any, report: Evidence) -> None:
    anchor = due(report)
    tsa.status = 503
    assert looked(anchor).standstill
    settings.DRSORCH_TIMESTAMP_URL = ""
    Anchor.objects.nudge(by_person=True)
    anchor = looked(anchor)
    assert (anchor.at, anchor.due_at, anchor.standstill) == (None, None, "")
    assert events(report) == []
    settings.DRSORCH_TIMESTAMP_URL, tsa.status = tsa.url, 200
    assert looked(due(report)).at == MONDAY


# --- what is there already ----------------------------------------------------------------------------------------


def test_a_copy_that_is_there_already_is_taken(bucket: S3, report: Evidence) -> None:
    until = MONDAY + timedelta(days=90)
    put = bucket.client().put_object(
        Bucket=BUCKET,
        Key=key_of(report),
        Body=report.json,
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=until,
    )
    anchor = looked(due(report))
    assert anchor.details["version_id"] == put["VersionId"]
    assert anchor.details["locked_until"] == until.isoformat(timespec="microseconds")
    assert len(versions(bucket)) == 1


@pytest.mark.parametrize(
    ("body", "lock", "says"),
    [
        (b"{}", "COMPLIANCE", f"{PLACE} has another object with the key "),
        (b'{"format":"drsorch-evidence-1"}, and more', "COMPLIANCE", f"{PLACE} has another object with the key "),
        (b'{"format":"drsorch-evidence-1"}', "GOVERNANCE", "is not locked in compliance mode"),
        (b'{"format":"drsorch-evidence-1"}', "", "is not locked in compliance mode"),
    ],
)
def test_an_object_that_is_something_else_is_left_alone(
    bucket: S3, report: Evidence, body: bytes, lock: str, says: str
) -> None:
    locked: dict[str, Any] = {"ObjectLockMode": lock, "ObjectLockRetainUntilDate": MONDAY + timedelta(days=9)}
    bucket.client().put_object(Bucket=BUCKET, Key=key_of(report), Body=body, **(locked if lock else {}))
    anchor = looked(due(report))
    assert anchor.at is None
    assert says in anchor.standstill
    assert len(versions(bucket)) == 1


class Died(BaseException):
    """As a process does that is killed: nothing is written any more."""


@pytest.mark.parametrize("kind", list(AnchorKind))
def test_a_process_that_dies_before_it_kept_the_anchor_costs_a_look(
    request: pytest.FixtureRequest,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
    report: Evidence,
    kind: AnchorKind,
) -> None:
    served = request.getfixturevalue("tsa" if kind is AnchorKind.TIME_STAMP else "bucket")
    anchor = due(report)

    def die(*args: Any) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(making, "_keep", die)
        with pytest.raises(Died):
            looked(anchor)
    assert looked(anchor).at is None
    clock.shift(timedelta(seconds=making.LEASE_SECONDS + 1))
    assert looked(anchor).at is not None
    assert len(events(report)) == 1
    if kind is AnchorKind.TIME_STAMP:
        assert len(served.asked) == 2
    else:
        assert len(versions(served)) == 1


def test_of_two_workers_one_keeps_what_it_got(
    tsa: Authority, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, report: Evidence
) -> None:
    """The first one's call takes so long that its lease runs out, and the second one comes."""
    anchor, ask = due(report), making._time_stamp
    looks = []

    def slowly(*args: Any) -> Any:
        got = ask(*args)
        if not looks:
            looks.append(making.anchor_due(anchor.pk))
            clock.shift(timedelta(seconds=making.LEASE_SECONDS + 1))
            looks.append(making.anchor_due(anchor.pk))
        return got

    monkeypatch.setattr(making, "_time_stamp", slowly)
    anchor = looked(anchor)
    assert looks == [False, True]
    assert [each["serial_number"] for each in events(report)] == ["2"]
    assert anchor_faults(anchor) == []


# --- what is wrong with one that was made -------------------------------------------------------------------------


def test_what_a_time_stamp_is_of_is_held_to_it(tsa: Authority, settings: Any, tmp_path: Path, report: Evidence) -> None:
    anchor = looked(due(report))
    anchor.at = MONDAY - timedelta(days=365)
    assert anchor_faults(anchor) == [
        "It says 23 Nov 2026 09:00:00 UTC, and drsorch shows 23 Nov 2025 09:00:00 UTC.",
    ]
    anchor.refresh_from_db()
    other = b'{"format":"drsorch-evidence-1" }'
    anchor.evidence.data, anchor.evidence.sha256 = zlib.compress(other), hashlib.sha256(other).hexdigest()
    assert anchor_faults(anchor) == ["It is over other content."]
    anchor.evidence.data = b"nothing"
    assert anchor_faults(anchor) == ["The report that it is of cannot be read any more."]
    anchor.evidence.refresh_from_db()

    forged = token(tsa.asked[0], signer("Forger", "Forged Root"), at=anchor.at)
    anchor.token = bytes(forged.dump())
    assert [why[:44] for why in anchor_faults(anchor)] == ["It is signed by a certificate that is not tr"]
    anchor.refresh_from_db()

    settings.DRSORCH_TIMESTAMP_CERTIFICATES = trusted(tmp_path, root("Other Root"))
    assert [why[:44] for why in anchor_faults(anchor)] == ["It is signed by a certificate that is not tr"]
    settings.DRSORCH_TIMESTAMP_CERTIFICATES = ""
    with pytest.raises(Unavailable, match="DRSORCH_TIMESTAMP_CERTIFICATES is not set"):
        anchor_faults(anchor)


def test_a_copy_is_held_to_what_was_sealed(bucket: S3, clock: time_machine.Traveller, report: Evidence) -> None:
    anchor = looked(due(report))
    place, key = {"Bucket": BUCKET}, key_of(report)
    details = dict(anchor.details)

    put = bucket.client().put_object(**place, Key=key, Body=b"{}")
    assert anchor_faults(anchor) == []  # it is the version that is locked
    anchor.details = {**details, "version_id": put["VersionId"]}
    assert anchor_faults(anchor) == [
        f"{key} in {PLACE} has other content than the sealed report.",
        f"{key} in {PLACE} is no longer locked until 21 Nov 2033 09:00:00 UTC, or drsorch may not see it "
        "(s3:GetObjectRetention).",
    ]
    anchor.details = {**details, "locked_until": (MONDAY + timedelta(days=2556)).isoformat()}
    assert "is no longer locked until 22 Nov 2033 09:00:00 UTC" in anchor_faults(anchor)[0]
    anchor.details = {"key": key}
    assert anchor_faults(anchor) == ["drsorch no longer knows where it is."]

    anchor.details = details
    clock.move_to(MONDAY + timedelta(days=2556))
    assert anchor_faults(anchor) == []
    bucket.client().delete_object(**place, Key=key, VersionId=details["version_id"])
    assert anchor_faults(anchor) == [f"{key} is no longer in {PLACE}."]
    bucket.patched.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="could not be sent"):
        anchor_faults(anchor)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", MONDAY - timedelta(days=1)),
        ("place", "http://other"),
        ("token", b"x"),
        ("details", {"a": 1}),
        ("at", None),
    ],
)
def test_the_row_of_an_anchor_is_held_to_its_event(
    tsa: Authority, report: Evidence, column: str, value: object
) -> None:
    """By every verification of its execution, without asking anybody outside."""
    anchor = due(report)
    before = of_anchors(report)
    looked(anchor)
    assert before == of_anchors(report) == []
    Anchor.objects.update(**{column: value})
    what = "details is not what its events say" if value else "the row was removed from the database"
    assert of_anchors(report) == [f"anchor time_stamp of version 1: {what}."]


def of_anchors(report: Evidence) -> list[str]:
    # The report of these tests was not sealed by an event.
    return [fault for fault in verification.faults(report.execution) if fault.startswith("anchor")]


def test_an_anchor_that_somebody_added_is_found(report: Evidence) -> None:
    Anchor.objects.create(evidence=report, kind=AnchorKind.TIME_STAMP, place="http://tsa", at=MONDAY, token=b"x")
    assert of_anchors(report) == [
        "anchor time_stamp of version 1: the row was added in the database: no event says so."
    ]


def test_an_anchor_that_is_not_made_yet_has_no_faults(tsa: Authority, report: Evidence) -> None:
    assert anchor_faults(due(report)) == []


# --- files --------------------------------------------------------------------------------------------------------


def test_reports_and_their_time_stamps_are_written_to_files(tsa: Authority, report: Evidence, tmp_path: Path) -> None:
    anchor, folder = looked(due(report)), tmp_path / "for" / "aldo"
    name = f"v1-{report.sha256[:16]}"
    call_command("export_evidence", report.execution_id, to=folder, stdout=io.StringIO())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        f"{name}.json": report.json,
        f"{name}.tst": bytes(anchor.token),
    }
    with pytest.raises(CommandError, match=rf"{name}\.json cannot be written: File exists\."):
        call_command("export_evidence", report.execution_id, to=folder, stdout=io.StringIO())


def test_an_execution_without_a_sealed_report_has_nothing_to_write(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"No report of this execution has been sealed yet\."):
        call_command("export_evidence", running_drill().pk, to=tmp_path)
    with pytest.raises(CommandError):
        call_command("export_evidence", "nonsense", to=tmp_path)
