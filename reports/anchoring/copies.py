"""Copies of sealed reports in a bucket of S3, locked so that no one can delete or change them for years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drs.errors import Rejected
from drs.objects import COMPLIANCE, Bucket, Kept
from foundation.errors import Unavailable
from protection.gateways import asking_aws
from reports.models import Evidence


@dataclass(frozen=True, slots=True)
class Copy:
    key: str
    version_id: str
    #: When S3 got it.
    at: datetime
    locked_until: datetime


def copy(evidence: Evidence, content: bytes, place: str, until: datetime) -> Copy:
    """Put a locked copy there, unless one of the same content is there already. Raises `Unavailable`.

    Not to be called in a transaction. It may take two calls' time.
    """
    bucket, key = bucket_of(place), key_of(evidence, place)
    with asking_aws("PutObject"):
        try:
            bucket.write_locked(key, content, until)
        except Rejected as refusal:
            if refusal.code == "InvalidRequest" and "lock" in refusal.message.lower():
                raise Unavailable(
                    f"{place} has no Object Lock, so a copy there could be deleted. Name a bucket that was created "
                    f"with Object Lock, or turn it on, in DRSORCH_EVIDENCE_BUCKET. {refusal.message}"
                ) from refusal
            raise
    # Not what was sent, but what is there: somebody else, or we before an answer was lost, may have been first.
    kept = kept_of(place, key, content)
    if kept is None or kept.body != content:
        raise Unavailable(
            f"{place} has another object with the key {key}, which drsorch did not write. It was left as it is. Find "
            "out who wrote it; name another prefix in DRSORCH_EVIDENCE_BUCKET."
        )
    if kept.lock_mode != COMPLIANCE or kept.locked_until is None:
        raise Unavailable(
            f"The copy {key} in {place} is not locked in compliance mode, or drsorch may not see that it is. Turn on "
            "Object Lock, and grant drsorch s3:PutObjectRetention and s3:GetObjectRetention."
        )
    return Copy(key, kept.version_id, kept.written_at, kept.locked_until)


def kept_of(place: str, key: str, content: bytes, version_id: str = "") -> Kept | None:
    """What is there, no more of it than is needed to compare. Raises `Unavailable`."""
    with asking_aws("GetObject"):
        return bucket_of(place).kept(key, len(content) + 1, version_id)


def key_of(evidence: Evidence, place: str) -> str:
    _, _, prefix = place.removeprefix("s3://").partition("/")
    name = f"{evidence.execution_id}/v{evidence.version}-{evidence.sha256[:16]}.json"
    return f"{prefix}/{name}" if prefix else name


def bucket_of(place: str) -> Bucket:
    return Bucket(place.removeprefix("s3://").partition("/")[0])
