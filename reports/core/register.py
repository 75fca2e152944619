"""`register(rows, now)`: what is proven of every plan in use, the worst first: what an auditor is handed today. Pure.

A drill is good if it has succeeded. Targets are those that the plan has now; those that the drill was run with stand
beside them, so that a target that was moved after a drill is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from executions.core.states import EXECUTION_ACTIVE, CleanupStatus, ExecutionStatus
from foundation.durations import spoken
from foundation.wording import count, listing
from reports.core.report import Report
from reports.core.rows import Row

FORMAT: Final = "drsorch-register-1"
#: A drill is recent for so many days, and proves something for so many.
RECENT_DAYS: Final = 90
PROOF_DAYS: Final = 365

_OBJECTIVES: Final = ("rto", "rpo")
TONES: Final = ("bad", "warn", "good")
_CLEANUPS: Final = {
    CleanupStatus.NONE: "the last good drill was not cleaned up",
    CleanupStatus.SCHEDULED: "the last good drill is not cleaned up yet",
    CleanupStatus.RUNNING: "the last good drill is being cleaned up",
    CleanupStatus.FAILED: "the clean-up of the last good drill failed",
}
#: How a run after the last good drill went, where it proves less than that; and how bad that is.
_SINCE: Final = {
    ExecutionStatus.FAILED: ("bad", "failed"),
    ExecutionStatus.PARTIALLY_SUCCEEDED: ("warn", "partially succeeded"),
    ExecutionStatus.CANCELLED: ("warn", "was cancelled"),
}


@dataclass(frozen=True, slots=True)
class RegisterRows:
    """Plans with "id", "name", "business_owner", "rto_target_seconds", "rpo_target_seconds" and "recovered_by".

    Runs by the id of their plan, each with the columns of its execution, "signed_by_owner" and "signed_by_reviewer".
    """

    made_by: str
    plans: Sequence[Row]
    #: The newest run, whatever it is and however it ended.
    last: Mapping[int, Row] = field(default_factory=dict)
    #: The newest drill that succeeded, and the one before it.
    good: Mapping[int, Row] = field(default_factory=dict)
    before: Mapping[int, Row] = field(default_factory=dict)
    #: Open ones, each with "plan_id".
    findings: Sequence[Row] = ()


def register(rows: RegisterRows, now: datetime) -> Mapping[str, Any]:
    """Plain JSON without floats; times in UTC, "overdue" by the day in UTC."""
    findings: dict[int, list[dict[str, Any]]] = {}
    for finding in sorted(rows.findings, key=_by_due):
        findings.setdefault(finding["plan_id"], []).append(_finding(finding, now.date()))
    plans = [_plan(plan, rows, findings.get(plan["id"], []), now) for plan in rows.plans]
    return Report.of({
        "format": FORMAT,
        "made_at": now,
        "made_by": rows.made_by,
        "plans": sorted(plans, key=_worst_first),
        "totals": _totals(plans),
    }).document  # fmt: skip


def narrowed(document: Mapping[str, Any], text: str) -> list[Mapping[str, Any]]:
    """Those of its plans that have every word in their name, owner, verdict, or in an open finding."""
    words = text.casefold().split()
    return [plan for plan in document["plans"] if all(word in _words_of(plan) for word in words)]


def _words_of(plan: Mapping[str, Any]) -> str:
    findings = (f"{finding['title']} {finding['owner'] or ''}" for finding in plan["open_findings"])
    return "\n".join([plan["name"], plan["owner"] or "", *plan["verdict"]["reasons"], *findings]).casefold()


# --- a plan -------------------------------------------------------------------------------------------------------


def _plan(plan: Row, rows: RegisterRows, findings: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    last, good, before = (found.get(plan["id"]) for found in (rows.last, rows.good, rows.before))
    return {
        "id": plan["id"],
        "name": plan["name"],
        "owner": plan["business_owner"] or None,
        "rto_target_seconds": plan["rto_target_seconds"],
        "rpo_target_seconds": plan["rpo_target_seconds"],
        "in_recovery": plan["recovered_by"] is not None,
        "last_good": _run(good, now) if good else None,
        "last": {**_run(last, now), "status": last["status"]} if last else None,
        "targets": {name: _held(name, plan, good) for name in _OBJECTIVES},
        "trend": _trend(good, before),
        "open_findings": findings,
        "verdict": _verdict(plan, last, good, findings, now),
    }


def _run(run: Row, now: datetime) -> dict[str, Any]:
    return {
        "execution_id": run["id"],
        "kind": run["kind"],
        "requested_at": run["requested_at"],
        "finished_at": run["finished_at"],
        "age_days": _age(run, now),
        "rto_target_seconds": run["rto_target_seconds"],
        "rto_actual_seconds": run["rto_actual_seconds"],
        "rpo_target_seconds": run["rpo_target_seconds"],
        "rpo_actual_seconds": run["rpo_actual_seconds"],
        "cleanup_status": run["cleanup_status"],
        "signed_by_owner": run["signed_by_owner"],
        "signed_by_reviewer": run["signed_by_reviewer"],
    }


def _age(run: Row, now: datetime) -> int:
    """In whole days, of its end, or of its request while it goes on."""
    ended: datetime = run["finished_at"] or run["requested_at"]
    return max(0, (now - ended).days)


def _held(name: str, plan: Row, good: Row | None) -> dict[str, Any]:
    """The last good drill against the target that the plan has now."""
    target, actual = plan[f"{name}_target_seconds"], good[f"{name}_actual_seconds"] if good else None
    return {
        "target_seconds": target,
        "actual_seconds": actual,
        "met": None if target is None or actual is None else actual <= target,
    }


def _trend(good: Row | None, before: Row | None) -> dict[str, int | None] | None:
    """Seconds more, or less, than the good drill before it took; None where there is nothing to compare."""
    if good is None or before is None:
        return None
    found: dict[str, int | None] = {}
    for name in _OBJECTIVES:
        now, then = good[f"{name}_actual_seconds"], before[f"{name}_actual_seconds"]
        found[f"{name}_seconds"] = None if now is None or then is None else now - then
    return found if any(value is not None for value in found.values()) else None


def _by_due(finding: Row) -> tuple[bool, date, int]:
    return finding["due_on"] is None, finding["due_on"] or date.max, finding["id"]


def _finding(finding: Row, today: date) -> dict[str, Any]:
    due: date | None = finding["due_on"]
    return {
        "id": finding["id"],
        "title": finding["title"],
        "severity": finding["severity"],
        "owner": finding["owner"] or None,
        "due_on": due,
        "overdue": due is not None and due < today,
    }


# --- what is to be said of it -------------------------------------------------------------------------------------


def _verdict(
    plan: Row, last: Row | None, good: Row | None, findings: Sequence[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """`text` is the worst of `reasons`, which begin with the worst; or, if there is none, what is proven."""
    reasons = sorted(_reasons(plan, last, good, findings, now), key=lambda each: TONES.index(each[0]))
    if not reasons and good is not None:
        reasons = [("good", f"drilled {_days_ago(_age(good, now))}, targets met")]
    return {"tone": reasons[0][0], "text": reasons[0][1], "reasons": [text for _, text in reasons]}


def _reasons(
    plan: Row, last: Row | None, good: Row | None, findings: Sequence[Mapping[str, Any]], now: datetime
) -> Iterator[tuple[str, str]]:
    """Tones and sentences; of one tone, the worst comes first."""
    overdue = sum(1 for finding in findings if finding["overdue"])
    if good is None:
        yield "bad", "never run" if last is None else "no drill has succeeded"
    yield from _of_last(last, good)
    if good is not None:
        yield from _of_targets(plan, good)
    if overdue:
        yield "bad", f"{count(overdue, 'finding')} overdue"
    if good is not None:
        age = _age(good, now)
        if age > RECENT_DAYS:
            yield "bad" if age > PROOF_DAYS else "warn", f"last good drill {_days_ago(age)}"
        if good["cleanup_status"] in _CLEANUPS:
            yield "warn", _CLEANUPS[good["cleanup_status"]]
    if len(findings) > overdue:
        yield "warn", count(len(findings) - overdue, "open finding")
    if good is not None and (missing := _unsigned(good)):
        yield "warn", missing


def _of_last(last: Row | None, good: Row | None) -> Iterator[tuple[str, str]]:
    if last is None or (good is not None and last["id"] == good["id"]) or last["status"] in EXECUTION_ACTIVE:
        return
    if last["status"] in _SINCE:
        tone, words = _SINCE[last["status"]]
        yield tone, f"the last {last['kind']} {words}"


def _of_targets(plan: Row, good: Row) -> Iterator[tuple[str, str]]:
    missed: list[str] = []
    moved, unmeasured, unset = list[str](), list[str](), list[str]()
    for name in _OBJECTIVES:
        words, now, then = name.upper(), plan[f"{name}_target_seconds"], good[f"{name}_target_seconds"]
        actual = good[f"{name}_actual_seconds"]
        if now is None:
            unset.append(words)
        elif actual is None:
            unmeasured.append(words)
        elif actual > now:
            missed.append(f"{words}{'' if missed else ' missed'} by {spoken(actual - now)}")
        elif then is not None and actual > then:
            moved.append(words)
    if missed:
        yield "bad", f"{listing(missed)} in the last good drill"
    if moved:
        yield "warn", f"{listing(moved)} missed in the last good drill, {_targets(moved)} raised since"
    if unmeasured:
        yield "warn", f"{listing(unmeasured)} not measured in the last good drill"
    if unset:
        yield "warn", f"no {listing(unset, last='or')} target"


def _targets(names: Sequence[str]) -> str:
    return "target" if len(names) == 1 else "targets"


def _unsigned(good: Row) -> str:
    match good["signed_by_owner"], good["signed_by_reviewer"]:
        case True, True:
            return ""
        case True, False:
            return "not signed off by a reviewer"
        case False, True:
            return "not signed off by the owner"
        case _:
            return "not signed off"


def _days_ago(days: int) -> str:
    return "today" if days == 0 else f"{count(days, 'day')} ago"


# --- all of them --------------------------------------------------------------------------------------------------


def _worst_first(plan: Mapping[str, Any]) -> tuple[int, bool, int, int, str]:
    """By tone; then what was never drilled, what has more to say against it, and what was drilled longest ago."""
    verdict, good = plan["verdict"], plan["last_good"]
    age = good["age_days"] if good else 0
    return TONES.index(verdict["tone"]), good is not None, -len(verdict["reasons"]), -age, plan["name"]


def _totals(plans: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    def number(found: Iterable[object]) -> int:
        return sum(1 for each in found if each)

    findings = [finding for plan in plans for finding in plan["open_findings"]]
    return {
        "plans": len(plans),
        "drilled_in_90_days": number(
            plan["last_good"] and plan["last_good"]["age_days"] <= RECENT_DAYS for plan in plans
        ),
        "targets_met": number(_meets_targets(plan) for plan in plans),
        "in_recovery": number(plan["in_recovery"] for plan in plans),
        "open_findings": len(findings),
        "overdue_findings": number(finding["overdue"] for finding in findings),
    }


def _meets_targets(plan: Mapping[str, Any]) -> bool:
    """It has a target, and its last good drill met every one that it has."""
    held = [held for held in plan["targets"].values() if held["target_seconds"] is not None]
    return bool(held) and all(each["met"] for each in held)
