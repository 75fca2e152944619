"""Sign-offs: the owner's word, and an independent reviewer's, on the report as it was sealed."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry, without_blanks
from executions.models import Execution
from executions.services.checks import check_right
from executions.transitions import locked
from foundation.errors import Conflict, Invalid, NotAllowed
from reports import selectors
from reports.holding import sealed
from reports.models import SignOff, SignOffRole
from reports.sealing import evidence_current
from reports.services.notes import check_text

MAX_STATEMENT = 2000


def sign_off(
    *,
    execution: Execution,
    by: AbstractBaseUser,
    role: str,
    statement: str = "",
    seen: str = "",
    written: Callable[[], None] | None = None,
) -> SignOff:
    """Sign the newest version of the report, as its owner or as an independent reviewer.

    `seen`: the SHA-256 of what the signer read; if there is a newer version, nothing is signed. A reviewer is not who
    requested the execution, and nobody signs in both roles. Signing the same version twice changes nothing.
    Raises `Conflict` of an execution that is not over. `written` is called in the transaction that writes it.
    """
    check_right(by, "reports.sign_off", execution)
    if role not in set(SignOffRole):
        raise Invalid.field("role", "The role must be owner or reviewer.", "invalid_choice")
    check_text("statement", "The statement", statement, MAX_STATEMENT)
    check_independent(execution, by, role)
    current = evidence_current(execution)
    if seen and seen != current.sha256:
        raise Conflict(
            f"The report has changed since you read it: version {current.version} is the newest. Read it, then sign "
            "that.",
            code="changed-since-read",
        )
    of = {"execution": execution, "role": role, "user_id": by.pk, "evidence_version": current.version}
    with locked(execution.pk) as row:
        if (already := SignOff.objects.filter(**of).first()) is not None:
            return already
        # Another's note or decision may have come in between: then that is sealed first.
        if not selectors.is_settled(row):
            raise Conflict(
                "The report has just changed. Read the newest version, then sign that.", code="changed-since-read"
            )
        check_independent(row, by, role)
        signed = SignOff.objects.create(
            **of,
            statement=statement.strip(),
            user_name=by.get_username(),
            at=timezone.now(),
            evidence_sha256=current.sha256,
        )
        detail = {"role": role, "version": current.version, "sha256": current.sha256}
        entry = Entry(
            EventType.EXECUTION_SIGNED_OFF,
            row.plan_name,
            {**detail, **without_blanks(comment=statement.strip())},
            by.get_username(),
            by.pk,
            sealed(row.pk),
        )
        record.append(row, [entry])
        if written is not None:
            written()
    return signed


def check_independent(execution: Execution, by: AbstractBaseUser, role: str) -> None:
    """Raises `NotAllowed` for a reviewer who requested the run, and for a second role of the same person."""
    if role == SignOffRole.REVIEWER and execution.requested_by_id == by.pk:
        raise NotAllowed(
            "You requested this execution, so you cannot review it. Ask someone else who may sign off, or sign as its "
            "owner."
        )
    other = SignOff.objects.filter(execution=execution, user_id=by.pk).exclude(role=role).first()
    if other is not None:
        raise NotAllowed(
            f"You signed version {other.evidence_version} of this report as {other.role}. Owner and reviewer must be "
            "two people."
        )
