"""The register as its page shows it: a line for each plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from executions.core.states import CleanupStatus
from executions.screens.words import cleanup_badge, duration, execution_badge, kind_badge
from foundation.wording import Badge, Meter, Tone, count
from reports.core.register import RECENT_DAYS

IN_RECOVERY: Final = Badge("in recovery", Tone.BAD, "emergency_home")
#: Findings of a plan that are told of one by one.
_TOLD: Final = 3
_VERDICT_ICONS: Final = {Tone.GOOD: "verified", Tone.WARN: "error", Tone.BAD: "dangerous"}


@dataclass(frozen=True, slots=True)
class RunLine:
    execution_id: str
    #: "12 days ago", and on which day.
    age: str
    day: str
    kind: Badge
    status: Badge | None
    #: Where it is not cleaned up.
    cleanup: Badge | None


@dataclass(frozen=True, slots=True)
class FindingLine:
    id: int
    title: str
    #: "due 3 Mar 2026, high, Petra".
    about: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class PlanLine:
    id: int
    name: str
    owner: str
    in_recovery: Badge | None
    verdict: Badge
    #: What else is to be said, after the verdict.
    more: tuple[str, ...]
    good: RunLine | None
    rto: Meter
    rpo: Meter
    signed: Badge | None
    findings: tuple[FindingLine, ...]
    #: How many more there are.
    more_findings: int
    #: None where it is the last good drill.
    last: RunLine | None


@dataclass(frozen=True, slots=True)
class Total:
    words: str
    number: str
    tone: Tone


def plan_lines(plans: Sequence[Mapping[str, Any]]) -> list[PlanLine]:
    return [_line(plan) for plan in plans]


def totals(document: Mapping[str, Any]) -> list[Total]:
    every = document["totals"]
    plans, overdue = every["plans"], every["overdue_findings"]
    return [
        Total("plans", str(plans), Tone.NEUTRAL),
        Total(f"drilled in {RECENT_DAYS} days", *_of(every["drilled_in_90_days"], plans)),
        Total("met their targets in the last good drill", *_of(every["targets_met"], plans)),
        Total("in recovery", str(every["in_recovery"]), Tone.BAD if every["in_recovery"] else Tone.GOOD),
        Total("open findings", str(every["open_findings"]), Tone.WARN if every["open_findings"] else Tone.GOOD),
        Total("findings overdue", str(overdue), Tone.BAD if overdue else Tone.GOOD),
    ]


def _of(number: int, plans: int) -> tuple[str, Tone]:
    return f"{number} of {plans}", Tone.GOOD if number == plans else Tone.WARN


def _line(plan: Mapping[str, Any]) -> PlanLine:
    good, last, verdict = plan["last_good"], plan["last"], plan["verdict"]
    trend = plan["trend"] or {}
    tone = Tone(verdict["tone"])
    told = plan["open_findings"][:_TOLD]
    return PlanLine(
        id=plan["id"],
        name=plan["name"],
        owner=plan["owner"] or "",
        in_recovery=IN_RECOVERY if plan["in_recovery"] else None,
        verdict=Badge(verdict["text"], tone, _VERDICT_ICONS[tone]),
        more=tuple(verdict["reasons"][1:]),
        good=_run(good) if good else None,
        rto=_meter("RTO", plan["targets"]["rto"], trend.get("rto_seconds")),
        rpo=_meter("RPO", plan["targets"]["rpo"], trend.get("rpo_seconds")),
        signed=_signed(good) if good else None,
        findings=tuple(_finding(finding) for finding in told),
        more_findings=len(plan["open_findings"]) - len(told),
        last=_run(last) if last and not (good and good["execution_id"] == last["execution_id"]) else None,
    )


def _run(run: Mapping[str, Any]) -> RunLine:
    days = run["age_days"]
    cleanup = cleanup_badge(run["cleanup_status"]) if run["cleanup_status"] != CleanupStatus.SUCCEEDED else None
    return RunLine(
        execution_id=run["execution_id"],
        age="today" if days == 0 else f"{count(days, 'day')} ago",
        day=day_of(run["finished_at"] or run["requested_at"]),
        kind=kind_badge(run["kind"]),
        status=execution_badge(run["status"]) if "status" in run else None,
        cleanup=cleanup,
    )


def day_of(at: str) -> str:
    """`3 Mar 2026`, in UTC."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%-d %b %Y}"


def _meter(name: str, held: Mapping[str, Any], trend: int | None) -> Meter:
    actual, target, met = held["actual_seconds"], held["target_seconds"], held["met"]
    if met is None:
        verdict, tone = ("not measured" if actual is None else "no target"), Tone.NEUTRAL
    else:
        verdict, tone = ("met", Tone.GOOD) if met else (f"missed by {duration(actual - target)}", Tone.BAD)
    return Meter(
        name=name,
        value=duration(actual) or "–",
        target=duration(target) or "none",
        verdict=verdict,
        tone=tone,
        percent=None,
        note=_trend_words(name, trend),
    )


def _trend_words(name: str, trend: int | None) -> str:
    """Against the good drill before."""
    if trend is None:
        return ""
    if trend == 0:
        return "as before"
    less, more = ("faster", "slower") if name == "RTO" else ("less", "more")
    return f"{duration(abs(trend))} {less if trend < 0 else more}"


def _signed(good: Mapping[str, Any]) -> Badge:
    match good["signed_by_owner"], good["signed_by_reviewer"]:
        case True, True:
            return Badge("owner and reviewer", Tone.GOOD, "verified")
        case True, False:
            return Badge("owner alone", Tone.WARN, "error")
        case False, True:
            return Badge("reviewer alone", Tone.WARN, "error")
        case _:
            return Badge("no", Tone.WARN, "error")


def _finding(finding: Mapping[str, Any]) -> FindingLine:
    due = f"due {day_of(finding['due_on'])}" if finding["due_on"] else "no due date"
    about = ", ".join(part for part in (due, finding["severity"], finding["owner"]) if part)
    return FindingLine(finding["id"], finding["title"], about, Tone.BAD if finding["overdue"] else Tone.NEUTRAL)
