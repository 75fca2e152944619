"""Findings: what a run showed and has to get better. Each belongs to one execution, whose record tells its life."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import F
from django.utils import timezone

from audit import record
from audit.changes import difference
from audit.event_types import EventType
from audit.record import Entry
from executions.core.states import EXECUTION_ACTIVE
from executions.models import Execution
from executions.selectors import execution_get
from executions.services.checks import check_right
from executions.transitions import locked
from foundation.errors import Conflict, FieldError, Invalid, Missing, Stale
from foundation.storable import unstorable
from plans.core.fields import MAX_LINK, is_page
from reports.holding import sealed
from reports.models import Finding, FindingStatus, Severity

#: Findings of one execution.
MAX_FINDINGS: Final = 500
_LINES: Final = {"title": 200, "owner": 150}
_TEXTS: Final = {"description": 10_000, "action": 10_000, "resolution": 10_000}
#: What is entered when a finding is added, and what can be changed later.
ADDED: Final = ("title", "severity", "owner", "due_on", "description", "action", "ticket_url")
FIELDS: Final = (*ADDED, "status", "resolution", "reported_on", "retest_execution")
_COLUMNS: Final = (*ADDED, "status", "resolution", "reported_on", "retest_execution_id")


def finding_add(*, execution: Execution, by: AbstractBaseUser, **given: Any) -> Finding:
    """Add a finding; `given` are fields of `ADDED`. Raises `Invalid` with everything that is wrong."""
    check_right(by, "reports.add_finding", execution)
    values = _read({"title": "", "severity": "", **given}, ADDED)
    now, name = timezone.now(), by.get_username()
    with locked(execution.pk) as current:
        if Finding.objects.filter(execution=current).count() >= MAX_FINDINGS:
            raise Conflict(
                f"The execution has {MAX_FINDINGS} findings, the most that it can have.", code="too_many_findings"
            )
        finding = Finding.objects.create(
            execution=current, added_at=now, added_by_name=name, saved_by_id=by.pk, **values
        )
        _record(current, EventType.FINDING_ADDED, finding, {}, by)
    return finding


def finding_change(
    *, finding: Finding, by: AbstractBaseUser, changes: Mapping[str, Any], expected_version: int | None = None
) -> Finding:
    """Change fields of `FIELDS`. Closing one, or accepting its risk, needs a resolution.

    Raises `Stale` if it has moved on from `expected_version`. What changes nothing records nothing.
    """
    check_right(by, "reports.change_finding", finding.execution)
    values = _read(changes, FIELDS)
    with locked(finding.execution_id) as current:
        row = Finding.objects.select_for_update().filter(pk=finding.pk).first()
        if row is None:
            raise Missing("The finding does not exist any more.")
        if expected_version is not None and row.version != expected_version:
            raise Stale("Someone changed this finding while you were editing it. Nothing of yours was saved.")
        before = _columns(row)
        retest = _retest(row, values.pop("retest_execution"), by) if "retest_execution" in values else {}
        for name, value in {**values, **retest}.items():
            setattr(row, name, value)
        _settle(row, FindingStatus(before["status"]), by)
        if _columns(row) == before:
            return row
        row.version, row.saved_by_id = row.version + 1, by.pk
        row.save()
        _record(current, EventType.FINDING_CHANGED, row, before, by)
    return row


def _settle(row: Finding, was: FindingStatus, by: AbstractBaseUser) -> None:
    """Note when it was closed or accepted, and by whom."""
    if row.status == FindingStatus.OPEN:
        row.settled_at, row.settled_by_name = None, ""
        return
    if not row.resolution.strip():
        what = "how it was fixed" if row.status == FindingStatus.CLOSED else "why it is accepted"
        raise Invalid.field("resolution", f"Enter {what}, then save again.", "required")
    if row.status != was:
        row.settled_at, row.settled_by_name = timezone.now(), by.get_username()


def _retest(row: Finding, wanted: Any, by: AbstractBaseUser) -> dict[str, Any]:
    """The run that showed that it is gone: a later one of the same plan, that is over."""
    if wanted in (None, ""):
        return {"retest_execution_id": None}
    try:
        found = execution_get(wanted, by)
    except Missing as error:
        raise Invalid.field("retest_execution", error.detail, "unknown") from error
    if found.plan_id != row.execution.plan_id or found.requested_at <= row.execution.requested_at:
        raise Invalid.field(
            "retest_execution", f"The retest must be a later run of plan {row.execution.plan_name} than this one."
        )
    if found.status in EXECUTION_ACTIVE:
        raise Invalid.field("retest_execution", f"The {found} has not ended: it shows nothing yet.")
    return {"retest_execution_id": found.pk}


def _columns(row: Finding) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS}


def _record(
    execution: Execution, type: EventType, row: Finding, before: Mapping[str, Any], by: AbstractBaseUser
) -> None:
    detail = {"finding": row.pk, **difference(before, _columns(row))}
    entry = Entry(type, row.title, detail, by.get_username(), by.pk, sealed(execution.pk))
    record.append(execution, [entry])


# --- reading what was entered -------------------------------------------------------------------------------------


def _read(given: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """The values as the columns have them. Raises `Invalid` with everything that is wrong."""
    errors: list[FieldError] = []
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            errors.append(FieldError(name, f"A finding has no {name}. It has {', '.join(known)}.", "unknown"))
            continue
        try:
            values[name] = _value(name, value)
        except Invalid as error:
            errors += error.errors
    if errors:
        raise Invalid.of(errors)
    return values


def _value(name: str, value: Any) -> Any:  # one for each kind
    match name:
        case "severity":
            return _choice(name, value, [one.value for one in Severity])
        case "status":
            return _choice(name, value, [one.value for one in FindingStatus])
        case "due_on" | "reported_on":
            return _day(name, value)
        case "retest_execution":
            return value
    text = str(value or "").strip()
    if why := unstorable(text):
        raise Invalid.field(name, f"The {name.replace('_', ' ')} cannot be saved: it {why}.")
    most = _LINES.get(name) or _TEXTS.get(name) or MAX_LINK
    if len(text) > most:
        raise Invalid.field(
            name, f"The {name.replace('_', ' ')} has {len(text):,} characters; the maximum is {most:,}.", "max_length"
        )
    if name == "title" and not text:
        raise Invalid.field(name, "Enter a title: what was found, in one line.", "required")
    if name in _LINES and any(not character.isprintable() for character in text):
        raise Invalid.field(name, f"The {name} must be one line of printable characters.")
    if name == "ticket_url" and text and not is_page(text):
        raise Invalid.field(name, f"The link to the ticket must look like https://host/path, not “{text[:100]}”.")
    return text


def _choice(name: str, value: Any, options: list[str]) -> str:
    if value not in options:
        raise Invalid.field(name, f"The {name} must be one of {', '.join(options)}.", "invalid_choice")
    return str(value)


def _day(name: str, value: Any) -> date | None:
    if value in (None, ""):
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise Invalid.field(name, f"“{str(value)[:50]}” is not a date. Write it like 2026-11-30.") from error


#: Open ones first, by the day they are due; those without a day last.
BY_DUE: Final = (F("due_on").asc(nulls_last=True), "pk")
