"""Objects of one S3 bucket, written once. The calls are made by `drs.aws`, as drsorch's own identity."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from drs import failures, foreign
from drs.aws import client_for
from drs.errors import NotFound, Rejected
from drs.port import Endpoint

#: What S3 answers to a conditional write if there is such an object; and if another is being written at that moment:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_IS_THERE = "PreconditionFailed"
#: Nobody can delete or shorten it, not even the account's root user:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html#object-lock-retention-modes
COMPLIANCE: Final = "COMPLIANCE"
#: Bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
_VERSION_ID: Final = 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as it is in the bucket."""

    #: No more of it than was asked for.
    body: bytes
    version_id: str
    written_at: datetime
    #: Empty, and None, if it is not locked, or if drsorch may not see that (`s3:GetObjectRetention`).
    lock_mode: str
    locked_until: datetime | None


class Bucket:
    """Every method raises a `drs.errors.DrsError` and nothing else, and may take as long as a call: up to 45 s."""

    def __init__(self, name: str) -> None:
        self._endpoint = Endpoint(region="", bucket=name)
        self._name = name

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin so, in their order."""
        params = {"Bucket": self._name, "Prefix": prefix}
        while True:
            answer = client_for(self._endpoint).ask("s3", "ListObjectsV2", params)
            yield from (str(item["Key"]) for item in answer.get("Contents") or ())
            token = answer.get("NextContinuationToken")
            if not token or token == params.get("ContinuationToken"):
                return
            params["ContinuationToken"] = token

    def read(self, key: str) -> bytes:
        body = client_for(self._endpoint).ask("s3", "GetObject", {"Bucket": self._name, "Key": key})["Body"]
        return bytes(body)

    def write_once(self, key: str, body: bytes) -> bool:
        """Create the object. False if there is one with this key already, which stays as it is.

        The checksum is what a bucket with Object Lock asks for.
        """
        return self._write(key, body, ContentType="application/jsonl")

    def write_locked(self, key: str, body: bytes, until: datetime) -> bool:
        """Create the object, locked so that nobody can delete or overwrite this version before `until`.

        False if there is one with this key already, which stays as it is.
        """
        lock = {"ObjectLockMode": COMPLIANCE, "ObjectLockRetainUntilDate": until}
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        return self._write(key, body, ContentType="application/json", ChecksumSHA256=digest, **lock)

    def kept(self, key: str, most_bytes: int, version_id: str = "") -> Kept | None:
        """The object, or one version of it, with at most so many bytes. None if there is none with this key."""
        params = {"Bucket": self._name, "Key": key, "Range": f"bytes=0-{most_bytes - 1}"}
        if version_id:
            params["VersionId"] = version_id
        try:
            answer = client_for(self._endpoint).ask("s3", "GetObject", params)
        except NotFound as error:
            if error.code in ("NoSuchKey", "NoSuchVersion"):
                return None
            raise
        body, written_at, until = (
            answer.get("Body"),
            answer.get("LastModified"),
            answer.get("ObjectLockRetainUntilDate"),
        )
        if not isinstance(body, bytes) or not isinstance(written_at, datetime):
            raise failures.without_answer(self._endpoint, "GetObject", "returned an unreadable answer.")
        return Kept(
            body=body,
            version_id=foreign.identity(str(answer.get("VersionId") or ""), _VERSION_ID),
            written_at=written_at.astimezone(UTC),
            lock_mode=foreign.line(str(answer.get("ObjectLockMode") or ""), foreign.WORD),
            locked_until=until.astimezone(UTC) if isinstance(until, datetime) else None,
        )

    def _write(self, key: str, body: bytes, **more: Any) -> bool:
        params = {
            "Bucket": self._name, "Key": key, "Body": body, "IfNoneMatch": "*", "ChecksumAlgorithm": "SHA256", **more
        }  # fmt: skip
        try:
            answer = client_for(self._endpoint).ask("s3", "PutObject", params)
        except Rejected as refusal:
            if refusal.code == _IS_THERE:
                return False
            raise
        if not answer.get("ETag"):  # a proxy's page, not S3's answer
            raise failures.without_answer(self._endpoint, "PutObject", "returned an unreadable answer.")
        return True
