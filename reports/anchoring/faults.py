"""Does an anchor still hold? Asked of the report that is stored, and of the bucket; its row is held to the chain
(`reports.said`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from drs.objects import COMPLIANCE
from foundation.errors import Unavailable
from foundation.wording import clock
from reports.anchoring.copies import kept_of
from reports.anchoring.making import certificates
from reports.anchoring.time_stamps import Untrusted, token_read
from reports.models import Anchor, AnchorKind


def anchor_faults(anchor: Anchor) -> list[str]:
    """What is wrong with an anchor, in sentences; none of one that has not been made yet.

    Time-stamps are verified with the certificates that are trusted now. Copies are read from the bucket: not to be
    called in a transaction. Raises `Unavailable` where that cannot be done.
    """
    return list(_faults(anchor)) if anchor.at is not None else []


def _faults(anchor: Anchor) -> Iterator[str]:
    try:
        content = anchor.evidence.json
    except Unavailable:
        yield "The report that it is of cannot be read any more."
        return
    yield from (_of_token if anchor.kind == AnchorKind.TIME_STAMP else _of_copy)(anchor, content)


def _of_token(anchor: Anchor, content: bytes) -> Iterator[str]:
    try:
        stamp = token_read(bytes(anchor.token), content, certificates())
    except Untrusted as refusal:
        yield f"It {refusal}."
        return
    if stamp.at != anchor.at:
        yield f"It says {clock(stamp.at)} UTC, and drsorch shows {clock(anchor.at)} UTC."


def _of_copy(anchor: Anchor, content: bytes) -> Iterator[str]:
    try:
        key, version_id = str(anchor.details["key"]), str(anchor.details["version_id"])
        until = datetime.fromisoformat(anchor.details["locked_until"])
    except (KeyError, TypeError, ValueError):
        yield "drsorch no longer knows where it is."
        return
    kept = kept_of(anchor.place, key, content, version_id)
    if kept is None:
        yield f"{key} is no longer in {anchor.place}."
        return
    if kept.body != content:
        yield f"{key} in {anchor.place} has other content than the sealed report."
    if kept.lock_mode != COMPLIANCE or kept.locked_until is None or kept.locked_until < until:
        yield (
            f"{key} in {anchor.place} is no longer locked until {clock(until)} UTC, or drsorch may not see it "
            "(s3:GetObjectRetention)."
        )
