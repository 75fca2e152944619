"""The landing page: what runs, how every plan did last, how replication is, and what needs somebody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.urls import reverse

from dashboard.selectors import PlanResult, RunningExecution, SiteHealth
from executions.core.states import ExecutionStatus, ServerStatus
from executions.models import Execution
from executions.screens.monitor.waves import shares
from executions.screens.targets import missed_targets, rpo_meter, rto_meter
from executions.screens.words import duration, execution_badge, kind_badge, loud_badges
from foundation.wording import Badge, Meter, Share, Tone, ago, count
from plans.models import Plan
from plans.screens.words import recovery_badge
from protection.core.replication import lag_tone, replication_tone, replication_words
from protection.models import Site

_TONE_ORDER = {Tone.GOOD: 0, Tone.BUSY: 1, Tone.NEUTRAL: 2, Tone.WARN: 3, Tone.BAD: 4}


@dataclass(frozen=True, slots=True)
class RunningCard:
    execution: Execution
    #: What it is and where it stands.
    badges: tuple[Badge, ...]
    tone: Tone
    shares: tuple[Share, ...]
    summary: str
    rto: Meter


@dataclass(frozen=True, slots=True)
class LastRun:
    execution: Execution
    badge: Badge
    kind: Badge
    when: str
    #: Of the newest execution that has them: one that failed or was cancelled measures nothing.
    rto: Meter
    rpo: Meter
    #: When that was, if it is an earlier one.
    measured: str


@dataclass(frozen=True, slots=True)
class PlanLine:
    plan: Plan
    #: An execution of it is not over.
    active: bool
    last: LastRun | None
    #: That it runs in recovery; None if it does not.
    recovery: Badge | None


#: Plans on the dashboard: as many as somebody reads; and those that are seen without a press.
PLANS_SHOWN = 50
_PLANS_SEEN = 12


@dataclass(frozen=True, slots=True)
class SiteCard:
    site: Site
    #: Replication states.
    shares: tuple[Share, ...]
    worst_lag: str
    worst_lag_tone: Tone
    #: The states in words.
    summary: str
    synced: str


@dataclass(frozen=True, slots=True)
class FirstStep:
    title: str
    sentence: str
    link: str
    button: str
    done: bool
    #: The first one that is not done.
    next: bool
    #: False: the person reads `ask` instead of the button.
    allowed: bool
    ask: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    running: tuple[RunningCard, ...]
    #: Those at most risk first.
    plans: tuple[PlanLine, ...]
    #: Those after them, where there are many: folded.
    more_plans: tuple[PlanLine, ...]
    #: How many plans there are beside all these.
    plans_left_out: int
    sites: tuple[SiteCard, ...]
    #: What a newcomer does first; empty once a drill has been run, and for who has no right to see what there is.
    first_steps: tuple[FirstStep, ...]


def dashboard(
    running: Sequence[RunningExecution],
    results: Sequence[PlanResult],
    sites: Sequence[SiteHealth],
    *,
    groups_exist: bool,
    rights: Collection[str],
    now: datetime,
    every_plan: bool = False,
) -> Dashboard:
    """`rights`: permissions of who looks. Unless every plan is asked for, `PLANS_SHOWN` of them are shown."""
    active = {one.execution.plan_id for one in running}
    by_risk = sorted(results, key=_risk)
    shown = by_risk if every_plan else by_risk[:PLANS_SHOWN]
    plans = tuple(_plan_line(result, result.plan.pk in active, now) for result in shown)
    # Folding a few away is worth nobody's press.
    seen = len(plans) if len(plans) <= _PLANS_SEEN + 3 else _PLANS_SEEN
    return Dashboard(
        running=running_cards(running, now),
        plans=plans[:seen],
        more_plans=plans[seen:],
        plans_left_out=len(by_risk) - len(shown),
        sites=tuple(_site_card(health, now) for health in sites),
        first_steps=_first_steps(running, results, sites, groups_exist, rights),
    )


def running_cards(running: Sequence[RunningExecution], now: datetime) -> tuple[RunningCard, ...]:
    return tuple(_running_card(one.execution, one.counts, now) for one in running)


def _running_card(execution: Execution, counts: dict[str, int], now: datetime) -> RunningCard:
    parts = shares([status for status, number in counts.items() for _ in range(number)])
    done = counts.get(ServerStatus.LAUNCHED, 0) + counts.get(ServerStatus.TERMINATED, 0)
    total = sum(counts.values())
    others = [f"{part.number} {part.text}" for part in parts if part.tone is not Tone.GOOD]
    badges = [kind_badge(execution.kind), execution_badge(execution.status)]
    return RunningCard(
        execution=execution,
        badges=(*badges, *loud_badges(execution)),
        tone=kind_badge(execution.kind).tone,
        shares=parts,
        summary=", ".join([f"{done} of {count(total, 'server')} launched", *others]),
        rto=rto_meter(execution, now),
    )


def _plan_line(result: PlanResult, active: bool, now: datetime) -> PlanLine:
    last = _last_run(result.last, result.proven, now) if result.last else None
    return PlanLine(result.plan, active, last, recovery_badge(result.plan))


def _last_run(execution: Execution, proven: Execution | None, now: datetime) -> LastRun:
    measured = execution if execution.rto_actual_seconds is not None or proven is None else proven
    return LastRun(
        execution=execution,
        badge=execution_badge(execution.status),
        kind=kind_badge(execution.kind),
        when=ago(execution.finished_at or execution.requested_at, now),
        rto=rto_meter(measured, now),
        rpo=rpo_meter(measured),
        measured="" if measured is execution else f"measured {ago(measured.finished_at, now)}",
    )


def _risk(result: PlanResult) -> tuple[int, datetime, str]:
    """What is least sure comes first: in recovery, failed, missed its target, never proven, proven longest ago."""
    last, proven = result.last, result.proven
    if result.plan.recovered_by is not None:
        place = 0
    elif last is not None and last.status == ExecutionStatus.FAILED:
        place = 1
    elif proven is not None and missed_targets(proven):
        place = 2
    else:
        place = 3 if proven is None else 4
    return place, result.proven_at or datetime.min.replace(tzinfo=UTC), result.plan.name


def _site_card(health: SiteHealth, now: datetime) -> SiteCard:
    site, total = health.site, sum(health.states.values())
    tones = {state: replication_tone(state) for state in health.states}
    ordered = sorted(health.states.items(), key=lambda item: (_TONE_ORDER[tones[item[0]]], item[0]))
    lag = health.worst_lag_seconds
    lag_text = f"{duration(lag)} ({health.worst_lag_host})" if lag is not None else "unknown"
    return SiteCard(
        site=site,
        shares=tuple(Share.of(total, replication_words(state), number, tones[state]) for state, number in ordered),
        worst_lag=lag_text,
        worst_lag_tone=lag_tone(lag),
        summary=", ".join(f"{number} {state}" for state, number in ordered),
        synced=ago(site.last_synced_at, now) if site.last_synced_at else "never",
    )


#: Title, what it is, where it is done, what the button says, the permission it takes, who has that.
_FIRST_STEPS = (
    (
        "Add a site",
        "A site is one AWS account in one Region where DRS replicates your source servers.",
        "protection_site_add",
        "Add a site",
        "protection.add_site",
        "Ask an administrator to add a site.",
    ),
    (
        "Sync the site",
        "drsorch reads the list of source servers from DRS, now and every few minutes.",
        "protection_site_changelist",
        "Open sites",
        "protection.sync_site",
        "Ask a planner or an operator to sync the site.",
    ),
    (
        "Create a protection group",
        "Servers that are recovered together, selected one by one or by tag.",
        "protection_protectiongroup_add",
        "Create a group",
        "protection.add_protectiongroup",
        "Ask a planner to create a protection group.",
    ),
    (
        "Create a plan",
        "Which groups launch in which order, and the RTO and RPO to meet.",
        "plans_plan_add",
        "Create a plan",
        "plans.add_plan",
        "Ask a planner to create a plan.",
    ),
    (
        "Run a drill",
        "Launches copies of the servers beside production, and measures RTO and RPO.",
        "plans_plan_changelist",
        "Open plans",
        "executions.start_drill",
        "Ask an operator to run a drill.",
    ),
)


def _first_steps(
    running: Sequence[RunningExecution],
    results: Sequence[PlanResult],
    sites: Sequence[SiteHealth],
    groups_exist: bool,
    rights: Collection[str],
) -> tuple[FirstStep, ...]:
    if not rights or running or any(result.last for result in results):
        return ()
    done = [bool(sites), any(health.states for health in sites), groups_exist, bool(results), False]
    following = done.index(False)
    return tuple(
        FirstStep(
            title,
            sentence,
            reverse(f"admin:{page}"),
            button,
            done[index],
            index == following,
            permission in rights,
            ask,
        )
        for index, (title, sentence, page, button, permission, ask) in enumerate(_FIRST_STEPS)
    )
