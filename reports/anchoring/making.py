"""Making an anchor that is due: ask outside, verify what came, keep it, and record it in the execution's chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from audit import record
from audit.canonical import moment
from audit.event_types import EventType
from audit.record import Entry
from executions.transitions import locked
from foundation.due import Claim
from foundation.errors import Unavailable
from protection.gateways import assert_no_transaction
from reports.anchoring.copies import copy
from reports.anchoring.time_stamps import certificates_read, time_stamp
from reports.models import Anchor, AnchorKind, Evidence
from reports.said import details_of

#: Longer than both calls of a copy may take.
LEASE_SECONDS: Final = 150


@dataclass(frozen=True, slots=True)
class Made:
    at: datetime
    details: Mapping[str, Any]
    token: bytes = field(default=b"", repr=False)


def places() -> Mapping[AnchorKind, str]:
    """Kind -> where, of those that are configured."""
    found = {
        AnchorKind.TIME_STAMP: settings.DRSORCH_TIMESTAMP_URL,
        AnchorKind.OBJECT_LOCK: settings.DRSORCH_EVIDENCE_BUCKET,
    }
    return {kind: place for kind, place in found.items() if place}


def anchor_due(anchor_id: int) -> bool:
    """Make an anchor, if it is due. False if it is not, or another worker is at it. Raises `Unavailable`.

    It is made where the settings say now. If they want none of its kind any more, it is let be.
    """
    claim = Anchor.objects.claim(anchor_id, seconds=LEASE_SECONDS)
    if claim is None:
        return False
    kind = AnchorKind(claim.row.kind)
    place = places().get(kind, "")
    if claim.row.at is not None or not place:
        Anchor.objects.release(claim, None)
        return True
    evidence = Evidence.objects.get(pk=claim.row.evidence_id)
    content = evidence.json
    made = _time_stamp(content, place) if kind is AnchorKind.TIME_STAMP else _copy(evidence, content, place)
    _keep(claim, evidence, place, made)
    return True


def certificates() -> Any:
    """Those that time-stamps are trusted by. Raises `Unavailable`."""
    path = settings.DRSORCH_TIMESTAMP_CERTIFICATES
    if not path:
        raise Unavailable(
            "DRSORCH_TIMESTAMP_CERTIFICATES is not set, so no time-stamp can be verified. Set it to the file of the "
            "authority's root certificate."
        )
    try:
        return certificates_read(path)
    except ValueError as error:
        raise Unavailable(f"DRSORCH_TIMESTAMP_CERTIFICATES: {error}") from error


def _time_stamp(content: bytes, url: str) -> Made:
    assert_no_transaction("A time-stamp")
    stamp = time_stamp(content, url, certificates())
    details = {"authority": stamp.authority, "policy": stamp.policy, "serial_number": str(stamp.serial_number)}
    return Made(stamp.at, details, stamp.token)


def _copy(evidence: Evidence, content: bytes, place: str) -> Made:
    until = (timezone.now() + timedelta(days=settings.DRSORCH_EVIDENCE_KEEP_DAYS)).replace(microsecond=0)
    made = copy(evidence, content, place, until)
    return Made(made.at, {"key": made.key, "version_id": made.version_id, "locked_until": moment(made.locked_until)})


def _keep(claim: Claim[Anchor], evidence: Evidence, place: str, made: Made) -> None:
    """Writes nothing if another worker has claimed the anchor by now: it keeps what it got itself."""
    with locked(evidence.execution_id) as execution:
        values = {"place": place, "at": made.at, "token": made.token, "details": dict(made.details)}
        if not Anchor.objects.release(claim, None, **values):
            return
        anchor = Anchor(evidence=evidence, kind=claim.row.kind, **values)
        record.append(execution, [Entry(EventType.EVIDENCE_ANCHORED, execution.plan_name, details_of(anchor))])
