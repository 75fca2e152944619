"""Sealing evidence: the report as it is at that moment, kept for good, with its SHA-256 in the execution's chain.

The report is read without a lock, as it may take seconds; it is written only if nothing was recorded meanwhile.
"""

from __future__ import annotations

import time
import zlib
from contextlib import suppress
from uuid import UUID

from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry
from executions.core.states import EXECUTION_ACTIVE
from executions.models import Execution
from executions.transitions import locked
from foundation.due import Claim, LeaseLost, error_keep
from foundation.errors import Conflict, Unavailable
from reports import selectors
from reports.anchoring import anchors_make
from reports.core.evidence import evidence
from reports.core.report import Report
from reports.core.rows import Rows
from reports.holding import sealed
from reports.models import Dossier, Evidence

#: Longer than reading, verifying and writing the report of 4,000 servers takes.
LEASE_SECONDS = 300
#: Whoever asks for a report that another worker is sealing waits for so long: a report takes a second or two.
_LOOKS, _PAUSE_SECONDS = 50, 0.1


def evidence_seal(execution_id: UUID) -> bool:
    """Seal a new version, if one is due. False if it is not, or another worker is at it.

    Nothing is sealed of an execution that is not over: its end makes it due again.
    """
    claim = Dossier.objects.claim(execution_id, seconds=LEASE_SECONDS)
    if claim is None:
        return False
    _seal(claim)
    return True


def evidence_current(execution: Execution) -> Evidence:
    """The newest version, sealed now if something has become known since the last one.

    While another worker seals it, that is waited for, for a few seconds. Raises `Conflict` of an execution that is not
    over, and `Unavailable` if it takes longer, or cannot be done.
    """
    execution = Execution.objects.get(pk=execution.pk)
    if execution.status in EXECUTION_ACTIVE:
        raise Conflict(f"The {execution} has not ended, so its report is not sealed yet.", code="not-over")
    dossier, _ = Dossier.objects.get_or_create(execution=execution, defaults={"due_at": timezone.now()})
    Dossier.objects.filter(pk=execution.pk).hurry()
    for _ in range(_LOOKS):
        claim = Dossier.objects.claim(execution.pk, seconds=LEASE_SECONDS)
        if claim is not None:
            try:
                _seal(claim)
            except Exception as error:
                # As if a worker had found it: the row says so, and is not held until its lease runs out.
                error_keep(claim, error)
        if selectors.is_settled(execution) and (newest := selectors.newest_evidence(execution)):
            return newest
        dossier.refresh_from_db()
        if dossier.standstill:
            raise Unavailable(f"The report cannot be sealed. {dossier.standstill}")
        time.sleep(_PAUSE_SECONDS)
    raise Unavailable("The report is being sealed at this moment. Try again in a few seconds.")


def _seal(claim: Claim[Dossier]) -> None:
    execution = Execution.objects.get(pk=claim.row.pk)
    if execution.status in EXECUTION_ACTIVE:
        Dossier.objects.release(claim, None)
        return
    newest = selectors.evidence_of(execution).first()
    seal = {"version": newest.version + 1 if newest else 1, "because": _because(execution, newest)}
    rows = selectors.rows_of(execution, verify=True)
    with suppress(LeaseLost):
        _write(claim, rows, evidence(rows, seal))


def _because(execution: Execution, newest: Evidence | None) -> str:
    if newest is None:
        return "ended"
    signed = execution.sign_offs.filter(evidence_version=newest.version).exists()
    return "signed_off" if signed else "changed"


def _write(claim: Claim[Dossier], rows: Rows, report: Report) -> None:
    """Write it, and give the dossier back, both or neither. Raises `LeaseLost` if another worker has the dossier.

    If something was recorded since the first of the rows was read, nothing is written: it stays due.
    """
    chain, seal = report.document["evidence"], report.document["seal"]
    with locked(claim.row.pk) as current:
        # The execution is read before all else: its end of the chain is that of no later moment.
        is_newest = all(getattr(current, name) == rows.execution[name] for name in ("event_count", "last_event_hash"))
        if is_newest:
            row = Evidence.objects.create(
                execution=current,
                version=seal["version"],
                because=seal["because"],
                sha256=report.sha256,
                head=chain["chain_head"] or "",
                event_count=chain["event_count"],
                sealed_at=timezone.now(),
                data=zlib.compress(report.json, 9),
            )
            anchors_make(row)
            detail = {"version": row.version, "sha256": row.sha256, "because": row.because}
            entry = Entry(EventType.EVIDENCE_SEALED, current.plan_name, detail, documents=sealed(current.pk))
            record.append(current, [entry])
        if not Dossier.objects.release(claim, None if is_newest else timezone.now()):
            raise LeaseLost
