"""The landing page: what runs, how every plan did last, how replication is, and what needs somebody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from audit.daily import DAILY_HEAD
from audit.models import TrailCheck
from dashboard.selectors import PlanResult, RunningExecution, SiteHealth
from executions.core.states import ExecutionStatus, ServerStatus
from executions.models import Execution, SiteWatch, StepRun
from executions.screens.late import late_alarm
from executions.screens.targets import rpo_meter, rto_meter
from executions.screens.waves import shares
from executions.screens.words import duration, execution_badge, kind_badge, loud_badges
from foundation.chores import CHORES
from foundation.due import DueRow
from foundation.models import Chore
from foundation.wording import Badge, Meter, Share, Tone, ago, count
from plans.models import Plan
from plans.screens.words import recovery_badge, recovery_sentence
from protection.core.replication import ReplicationState, lag_tone, replication_tone, replication_words
from protection.models import Site
from protection.uses import UnfollowedJob

#: A plan whose last success is older is no longer trusted without a drill.
_PROOF_LASTS = timedelta(days=90)
#: So many jobs that nobody follows are named; the sites show all of theirs.
_JOBS_NAMED = 3
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
    rto: Meter
    rpo: Meter


@dataclass(frozen=True, slots=True)
class PlanLine:
    plan: Plan
    #: An execution of it is not over.
    active: bool
    last: LastRun | None
    #: That it runs in recovery; None if it does not.
    recovery: Badge | None


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
class Attention:
    """Something that needs somebody, and the page where it is seen to."""

    tone: Tone
    sentence: str
    link: str


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
    plans: tuple[PlanLine, ...]
    sites: tuple[SiteCard, ...]
    attention: tuple[Attention, ...]
    #: What a newcomer does first; empty once a drill has been run.
    first_steps: tuple[FirstStep, ...]


def dashboard(
    running: Sequence[RunningExecution],
    results: Sequence[PlanResult],
    sites: Sequence[SiteHealth],
    *,
    groups_exist: bool,
    halted: Mapping[ReplicationState, int],
    late: Sequence[Execution],
    stuck: Sequence[DueRow],
    rights: Collection[str],
    now: datetime,
    unfollowed: Sequence[UnfollowedJob] = (),
    trail_faults: int = 0,
    signers: str = "",
) -> Dashboard:
    """`halted`: replication state -> servers of protection groups whose replication does not go on by itself;
    `late`: executions with an alarm for what was launched late; `stuck`: what drsorch cannot work on; `rights`:
    permissions of who looks; `unfollowed`: jobs of ours that nobody follows; `trail_faults`: what the last verification
    of the audit trail found; `signers`: what is wrong with the keys that sign it."""
    attention = [*_attention(running, results, sites, halted, now)]
    if trail_faults and "audit.view_event" in rights:
        attention.append(_trail_attention(trail_faults))
    if signers and "audit.view_event" in rights:
        attention.append(Attention(Tone.BAD, signers, _to("audit_event_verify")))
    attention.extend(
        Attention(Tone.BAD, job.detail, _to("protection_site_change", job.site)) for job in unfollowed[:_JOBS_NAMED]
    )
    attention.extend(alarm for execution in late for alarm in _late_attention(execution))
    active = {one.execution.plan_id for one in running}
    return Dashboard(
        running=running_cards(running, now),
        plans=tuple(_plan_line(result, result.plan.pk in active, now) for result in results),
        sites=tuple(_site_card(health, now) for health in sites),
        attention=(*(_stuck(row) for row in stuck), *sorted(attention, key=_worst_first)),
        first_steps=_first_steps(running, results, sites, groups_exist, rights),
    )


def _worst_first(item: Attention) -> int:
    return -_TONE_ORDER[item.tone]


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
    last = _last_run(result.last, now) if result.last else None
    return PlanLine(result.plan, active, last, recovery_badge(result.plan))


def _last_run(execution: Execution, now: datetime) -> LastRun:
    return LastRun(
        execution=execution,
        badge=execution_badge(execution.status),
        kind=kind_badge(execution.kind),
        when=ago(execution.finished_at or execution.requested_at, now),
        rto=rto_meter(execution, now),
        rpo=rpo_meter(execution),
    )


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


def _stuck(row: DueRow) -> Attention:
    """Work on it raises, whatever kind of row it is."""
    match row:
        case Execution():
            what, link = f"the {row}", _to("executions_execution_change", row.pk)
        case StepRun():
            what, link = f"step {row} of the {row.execution}", _to("executions_execution_change", row.execution_id)
        case SiteWatch():
            what, link = f"the jobs of site {row}", _to("protection_site_change", row.pk)
        case Site():
            what, link = f"the inventory of site {row}", _to("protection_site_change", row.pk)
        case TrailCheck():
            what, link = "the verification of the audit trail", _to("audit_event_verify")
        case Chore():
            chore = CHORES.get(row.name)
            what = chore.what if chore else f"chore {row}"
            link = _to("audit_event_verify" if row.name == DAILY_HEAD else "index")
        case _:
            what, link = f"{row._meta.verbose_name} {row}", _to("index")
    return Attention(Tone.BAD, f"drsorch cannot work on {what}: {row.standstill}", link)


def _attention(
    running: Sequence[RunningExecution],
    results: Sequence[PlanResult],
    sites: Sequence[SiteHealth],
    halted: Mapping[ReplicationState, int],
    now: datetime,
) -> Iterator[Attention]:
    for one in running:
        if one.execution.status == ExecutionStatus.AWAITING_APPROVAL:
            yield Attention(
                Tone.WARN,
                f"The {one.execution} requested by {one.execution.requested_by_name} is waiting for approval.",
                _to("executions_execution_change", one.execution.pk),
            )
    active = {one.execution.plan_id for one in running}
    for result in results:
        if result.plan.pk not in active:
            yield from _plan_attention(result, now)
    for health in sites:
        name, here = health.site.name, f"site__id__exact={health.site.pk}"
        if health.site.sync_error:
            yield Attention(
                Tone.BAD,
                f"Site {name} could not be synced: {health.site.sync_error}",
                _to("protection_site_change", health.site.pk),
            )
        if health.missing_protected:
            yield Attention(
                Tone.BAD,
                f"{count(health.missing_protected, 'protected server')} at {name} "
                f"{'is' if health.missing_protected == 1 else 'are'} missing from DRS.",
                _to("protection_sourceserver_changelist", query=f"{here}&gone=yes&protected=yes"),
            )
        if health.unprotected:
            yield Attention(
                Tone.NEUTRAL,
                f"{count(health.unprotected, 'server')} at {name} "
                f"{'is' if health.unprotected == 1 else 'are'} in no protection group, so no plan recovers "
                f"{'it' if health.unprotected == 1 else 'them'}.",
                _to("protection_sourceserver_changelist", query=f"{here}&gone=no&protected=no"),
            )
    for state, number in halted.items():
        theirs = f"{'its' if number == 1 else 'their'} recovery points"
        yield Attention(
            state.tone,
            f"Replication of {count(number, 'protected server')} is {state.lower()}: "
            f"{f'{theirs} are getting older' if state.launchable else f'{theirs} were deleted with it'}.",
            _to("protection_sourceserver_changelist", query=f"protected=yes&gone=no&replication_state={state}"),
        )


def _late_attention(execution: Execution) -> Iterator[Attention]:
    alarm = late_alarm(execution, list(execution.late_instances.all()))
    if alarm is not None:
        sentence = f"Launched late in the {execution}: {alarm.to_do}"
        yield Attention(alarm.tone, sentence, _to("executions_execution_change", execution.pk))


def _trail_attention(faults: int) -> Attention:
    sentence = f"The audit trail is damaged: verifying it found {count(faults, 'fault')}."
    return Attention(Tone.BAD, sentence, _to("audit_event_verify"))


def _plan_attention(result: PlanResult, now: datetime) -> Iterator[Attention]:
    plan, last = result.plan, result.last
    if plan.recovered_by is not None:
        yield Attention(
            Tone.BAD,
            f"{recovery_sentence(plan)} When production is back, declare the recovery over.",
            _to("executions_execution_change", plan.recovered_by),
        )
    if last is not None and last.status == ExecutionStatus.FAILED:
        yield Attention(
            Tone.BAD,
            f"The last {last.kind} of {plan.name} failed. {last.outcome}".strip(),
            _to("executions_execution_change", last.pk),
        )
        return
    if plan.recovered_by is not None:
        # A drill would delete what runs.
        return
    drill = _to("executions_start", plan.pk, query="kind=drill")
    if result.proven_at is None:
        never = f"{plan.name} has never completed a successful drill."
        yield Attention(Tone.WARN, never, drill)
    elif now - result.proven_at > _PROOF_LASTS:
        old = f"{plan.name} last succeeded {ago(result.proven_at, now)}. Run a drill."
        yield Attention(Tone.WARN, old, drill)


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
    if running or any(result.last for result in results):
        return ()
    done = [bool(sites), any(health.states for health in sites), groups_exist, bool(results), False]
    following = done.index(False)
    return tuple(
        FirstStep(title, sentence, _to(page), button, done[index], index == following, permission in rights, ask)
        for index, (title, sentence, page, button, permission, ask) in enumerate(_FIRST_STEPS)
    )


def _to(page: str, *arguments: object, query: str = "") -> str:
    """The address of an admin page."""
    return reverse(f"admin:{page}", args=arguments) + (f"?{query}" if query else "")
