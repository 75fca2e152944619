"""`drs.objects` with an unmodified boto3, over HTTP: against moto's S3, and against servers that are no S3."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from drs import errors
from drs.objects import Bucket
from tests.acceptance.pages import dripping_page
from tests.s3 import BUCKET, POLICY_OF_REPORTS, PREFIX, S3, s3


@pytest.fixture
def served() -> Iterator[S3]:
    with s3() as server:
        yield server


def test_an_object_is_written_once(served: S3) -> None:
    bucket = Bucket(BUCKET)
    assert bucket.write_once("audit/a", b"the first")
    assert not bucket.write_once("audit/a", b"another")
    assert bucket.read("audit/a") == b"the first"
    assert served.client().head_object(Bucket=BUCKET, Key="audit/a", ChecksumMode="ENABLED")["ChecksumSHA256"]


def test_keys_come_from_every_page(served: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket(BUCKET)
    for number in range(7):
        bucket.write_once(f"audit/{number}", b"")
    bucket.write_once("other/0", b"")
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    assert list(bucket.keys("audit/")) == [f"audit/{number}" for number in range(7)]


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject", "s3:ListBucket"])
def test_an_action_that_is_not_granted_is_named(served: S3, action: str) -> None:
    served.client().put_object(Bucket=BUCKET, Key=f"{PREFIX}/a", Body=b"")
    served.limit(without=action)
    bucket, refused = Bucket(BUCKET), []
    for call in (
        lambda: bucket.write_once(f"{PREFIX}/b", b""),
        lambda: bucket.read(f"{PREFIX}/a"),
        lambda: list(bucket.keys(f"{PREFIX}/")),
    ):
        try:
            call()
        except errors.Denied as error:
            refused.append(error.message)
    [message] = refused
    assert message.startswith("Amazon S3 (bucket drsorch-heads) does not allow drsorch's AWS credentials to call ")
    assert f"Grant it the IAM permission {action} and those it depends on." in message


def test_a_bucket_that_does_not_exist_is_named(served: S3) -> None:
    bucket = Bucket("of-nobody")
    for call in (lambda: bucket.write_once("a", b""), lambda: bucket.read("a"), lambda: list(bucket.keys(""))):
        with pytest.raises(errors.NotFound, match=r"bucket of-nobody.*The specified bucket does not exist\."):
            call()


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"], ids=["silence", "drip"])
def test_a_bucket_that_takes_for_ever_is_given_up(
    monkeypatch: pytest.MonkeyPatch, credentials: None, head: bytes
) -> None:
    monkeypatch.setattr("drs.aws.CALL_SECONDS", {"s3": 0.5})
    with dripping_page(head) as page:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", page.url)
        with pytest.raises(errors.Unreachable, match=r"Amazon S3 \(bucket heads\) did not answer in time\."):
            Bucket("heads").read("a")
        with pytest.raises(errors.OutcomeUnknown, match=r"send it again, as it overwrites nothing\."):
            Bucket("heads").write_once("a", b"a line\n")
        with pytest.raises(errors.Unreachable, match=r"did not answer in time\."):
            list(Bucket("heads").keys(""))


# --- objects that are locked --------------------------------------------------------------------------------------

UNTIL = datetime(2033, 11, 27, 12, 0, tzinfo=UTC)


def test_a_locked_object_says_until_when_and_cannot_be_deleted(served: S3) -> None:
    served.limit(policy_of=POLICY_OF_REPORTS)
    bucket = Bucket(BUCKET)
    assert bucket.write_locked(f"{PREFIX}/a", b"the first", UNTIL)
    assert not bucket.write_locked(f"{PREFIX}/a", b"another", UNTIL)
    kept = bucket.kept(f"{PREFIX}/a", 100)
    assert kept is not None
    assert (kept.body, kept.lock_mode, kept.locked_until) == (b"the first", "COMPLIANCE", UNTIL)
    assert bucket.kept(f"{PREFIX}/a", 100, kept.version_id) == kept
    served.unlimited()
    with pytest.raises(ClientError, match="AccessDenied"):
        served.client().delete_object(Bucket=BUCKET, Key=f"{PREFIX}/a", VersionId=kept.version_id)
    head = served.client().head_object(Bucket=BUCKET, Key=f"{PREFIX}/a", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"the first").digest()).decode()


def test_no_more_of_an_object_is_read_than_was_asked_for(served: S3) -> None:
    served.client().put_object(Bucket=BUCKET, Key="a", Body=b"x" * 1000)
    kept = Bucket(BUCKET).kept("a", 10)
    assert kept is not None
    assert (kept.body, kept.lock_mode, kept.locked_until) == (b"x" * 10, "", None)


def test_an_object_or_a_version_that_is_missing_is_none(served: S3) -> None:
    served.client().put_object(Bucket=BUCKET, Key="a", Body=b"x")
    bucket = Bucket(BUCKET)
    assert bucket.kept("b", 10) is None
    assert bucket.kept("a", 10, "of-nothing") is None
