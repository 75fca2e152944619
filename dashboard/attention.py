"""What needs attention, the most urgent first: a sentence each, and the page where it is seen to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from django.urls import reverse

from audit.daily import DAILY_HEAD
from audit.models import TrailCheck
from dashboard.selectors import LeftDrill, PlanResult, RunningExecution, SiteHealth
from executions.core.states import CleanupStatus, ExecutionKind, ExecutionStatus, ServerStatus
from executions.models import Execution, SiteWatch, StepRun
from executions.samples import KeptForecast
from executions.screens.late import late_alarm
from executions.screens.targets import missed_targets
from foundation.chores import CHORES
from foundation.due import DueRow
from foundation.models import Chore
from foundation.wording import Tone, ago, clock, count, listing
from plans.screens.words import recovery_sentence
from protection.core.replication import ReplicationState
from protection.models import Site
from protection.uses import UnfollowedJob
from reports.models import Anchor, Dossier

#: A plan whose last success is older is no longer trusted without a drill.
_PROOF_LASTS = timedelta(days=90)
#: So many jobs that nobody follows are named; the sites show all of theirs.
_JOBS_NAMED = 3
_TONE_ORDER = {Tone.BAD: 0, Tone.WARN: 1, Tone.NEUTRAL: 2, Tone.BUSY: 3, Tone.GOOD: 4}


class Urgency(IntEnum):
    """What comes first; of the same urgency, the worst does."""

    #: A real recovery waits for a person, and its RTO clock may be running.
    RECOVERY = 0
    #: drsorch itself is held up, or its trail is damaged.
    BROKEN = 1
    #: A drill waits for a person, or left something that they have to do.
    PERSON = 2
    #: Nothing is running that waits for it.
    LATER = 3


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that needs somebody, and the page where it is seen to."""

    tone: Tone
    sentence: str
    link: str
    urgency: Urgency = Urgency.LATER


@dataclass(frozen=True, slots=True)
class Matters:
    """All that may need attention, as it was read."""

    running: Sequence[RunningExecution]
    results: Sequence[PlanResult]
    sites: Sequence[SiteHealth]
    #: Replication state -> servers of protection groups whose replication does not go on by itself.
    halted: Mapping[ReplicationState, int]
    #: Steps that wait for approval.
    waiting_steps: Sequence[StepRun]
    #: Active execution -> its steps that failed.
    failed_steps: Mapping[UUID, int]
    unreviewed: Sequence[Execution]
    #: Drills that were not cleaned up.
    left: Sequence[LeftDrill]
    #: Executions with an alarm for what was launched late.
    late: Sequence[Execution]
    #: What drsorch cannot work on.
    stuck: Sequence[DueRow]
    #: Jobs of ours that nobody follows.
    unfollowed: Sequence[UnfollowedJob] = ()
    #: What the last verification of the audit trail found, and what is wrong with the keys that sign it.
    trail_faults: int = 0
    signers: str = ""
    #: Findings whose day has passed.
    overdue_findings: int = 0
    #: When a worker was last seen at work, if none is.
    stopped_since: datetime | None = None


def attention(matters: Matters, rights: Collection[str], now: datetime) -> tuple[Attention, ...]:
    """`rights`: permissions of who looks."""
    found = [
        *_no_worker(matters, now),
        *map(_stuck, matters.stuck),
        *_running(matters),
        *_afterwards(matters, now),
        *(_trail(matters) if "audit.view_event" in rights else ()),
        *_at_drs(matters),
        *_plans(matters, now),
        *_sites(matters),
        *_findings(matters),
    ]
    return tuple(sorted(found, key=lambda item: (item.urgency, _TONE_ORDER[item.tone])))


#: So many are seen without a press, and all that is urgent.
_SHOWN = 10


def folded(items: Sequence[Attention]) -> tuple[Sequence[Attention], Sequence[Attention]]:
    """What is seen first; and, where there is much, the rest of what can wait."""
    urgent = sum(item.urgency < Urgency.LATER for item in items)
    first = len(items) if len(items) <= _SHOWN + 3 else max(_SHOWN, urgent)
    return items[:first], items[first:]


def _urgency(execution: Execution) -> Urgency:
    return Urgency.RECOVERY if execution.kind == ExecutionKind.RECOVERY else Urgency.PERSON


def _no_worker(matters: Matters, now: datetime) -> Iterator[Attention]:
    if since := matters.stopped_since:
        recovers = any(one.execution.kind == ExecutionKind.RECOVERY for one in matters.running)
        sentence = (
            f"No worker has run since {clock(since, now)} UTC: nothing is launched, watched or cleaned up. Start one "
            "(manage.py rundramatiq); it continues where the last one stopped."
        )
        yield Attention(
            Tone.BAD,
            sentence,
            address("executions_execution_changelist"),
            Urgency.RECOVERY if recovers else Urgency.BROKEN,
        )


def _running(matters: Matters) -> Iterator[Attention]:
    """Executions that wait for a person."""
    for step in matters.waiting_steps:
        sentence = f"Step {step} of wave {step.wave} in the {step.execution} is waiting for approval."
        yield _of(step.execution, Tone.WARN, sentence)
    for one in matters.running:
        execution = one.execution
        if execution.status == ExecutionStatus.AWAITING_APPROVAL:
            who = f"requested by {execution.requested_by_name}"
            yield _of(execution, Tone.WARN, f"The {execution} {who} is waiting for approval.")
        if execution.status == ExecutionStatus.PAUSED:
            yield _of(execution, Tone.WARN, f"The {execution} is paused: nothing new is launched until it is resumed.")
        servers = sum(one.counts.get(status, 0) for status in (ServerStatus.FAILED, ServerStatus.UNKNOWN))
        steps = matters.failed_steps.get(execution.pk, 0)
        if servers or steps:
            parts = [count(servers, "server")] if servers else []
            parts += [count(steps, "step")] if steps else []
            failed = f"{' and '.join(parts)} failed in the {execution}."
            yield _of(execution, Tone.BAD, f"{failed} Fix the cause and retry, or skip.")


def _afterwards(matters: Matters, now: datetime) -> Iterator[Attention]:
    """Executions that are over, and left something to a person."""
    for execution in matters.unreviewed:
        how = "used break-glass" if execution.break_glass else "had fewer approvals than usual"
        sentence = (
            f"The {execution} of {clock(execution.requested_at, now)} UTC {how}: someone other than "
            f"{execution.requested_by_name} must review why."
        )
        yield Attention(Tone.BAD, sentence, _page(execution), Urgency.PERSON)
    for left in matters.left:
        yield _left(left, now)
    for execution in matters.late:
        alarm = late_alarm(execution, list(execution.late_instances.all()))
        if alarm is not None:
            yield _of(execution, alarm.tone, f"Launched late in the {execution}: {alarm.to_do}")


def _left(left: LeftDrill, now: datetime) -> Attention:
    execution, number = left.execution, left.instances
    running = f"{count(number, 'instance')} {'is running and costs' if number == 1 else 'are running and cost'} money"
    if execution.cleanup_status == CleanupStatus.FAILED:
        sentence = f"The clean-up of the {execution} failed{f': {running}' if number else ''}. Clean up again."
        return Attention(Tone.BAD, sentence, _page(execution), Urgency.PERSON)
    about = f"The {execution} that ended {ago(execution.finished_at, now)} is not cleaned up: {running}."
    if execution.cleanup_status == CleanupStatus.SCHEDULED:
        sentence = f"{about} The clean-up begins at {clock(execution.cleanup_due_at, now)} UTC."
        return Attention(Tone.NEUTRAL, sentence, _page(execution))
    return Attention(Tone.WARN, about, _page(execution), Urgency.PERSON)


def _trail(matters: Matters) -> Iterator[Attention]:
    link = address("audit_event_verify")
    if matters.trail_faults:
        sentence = f"The audit trail is damaged: verifying it found {count(matters.trail_faults, 'fault')}."
        yield Attention(Tone.BAD, sentence, link, Urgency.BROKEN)
    if matters.signers:
        yield Attention(Tone.BAD, matters.signers, link, Urgency.BROKEN)


def _at_drs(matters: Matters) -> Iterator[Attention]:
    for job in matters.unfollowed[:_JOBS_NAMED]:
        yield Attention(Tone.BAD, job.detail, address("protection_site_change", job.site), Urgency.BROKEN)


def _of(execution: Execution, tone: Tone, sentence: str) -> Attention:
    return Attention(tone, sentence, _page(execution), _urgency(execution))


def _page(execution: Execution) -> str:
    return address("executions_execution_change", execution.pk)


def _stuck(row: DueRow) -> Attention:
    """Work on it raises, whatever kind of row it is."""
    match row:
        case Execution():
            what, link = f"the {row}", address("executions_execution_change", row.pk)
        case StepRun():
            what, link = f"step {row} of the {row.execution}", address("executions_execution_change", row.execution_id)
        case SiteWatch():
            what, link = f"the jobs of site {row}", address("protection_site_change", row.pk)
        case Site():
            what, link = f"the inventory of site {row}", address("protection_site_change", row.pk)
        case KeptForecast():
            what = f"the forecast of the {row.execution}"
            link = address("executions_execution_change", row.pk)
        case Anchor():
            evidence = row.evidence
            what = (
                f"the {row.get_kind_display()} of version {evidence.version} of the report on the {evidence.execution}"
            )
            link = address("reports_report", evidence.execution_id)
        case Dossier():
            what, link = f"the report of the {row.execution}", address("reports_report", row.pk)
        case TrailCheck():
            what, link = "the verification of the audit trail", address("audit_event_verify")
        case Chore():
            chore = CHORES.get(row.name)
            what = chore.what if chore else f"chore {row}"
            link = address("audit_event_verify" if row.name == DAILY_HEAD else "index")
        case _:
            what, link = f"{row._meta.verbose_name} {row}", address("index")
    return Attention(Tone.BAD, f"drsorch cannot work on {what}: {row.standstill}", link, Urgency.BROKEN)


def _findings(matters: Matters) -> Iterator[Attention]:
    if number := matters.overdue_findings:
        late = f"{count(number, 'finding')} {'is' if number == 1 else 'are'} overdue."
        yield Attention(Tone.WARN, late, f"{address('reports_finding_changelist')}?overdue=true")


def _plans(matters: Matters, now: datetime) -> Iterator[Attention]:
    active = {one.execution.plan_id for one in matters.running}
    for result in matters.results:
        if result.plan.pk not in active:
            yield from _plan_attention(result, now)


def _plan_attention(result: PlanResult, now: datetime) -> Iterator[Attention]:
    plan, last = result.plan, result.last
    if plan.recovered_by is not None:
        yield Attention(
            Tone.BAD,
            f"{recovery_sentence(plan)} When production is back, declare the recovery over.",
            address("executions_execution_change", plan.recovered_by),
        )
    if last is not None and last.status == ExecutionStatus.FAILED:
        yield Attention(
            Tone.BAD,
            f"The last {last.kind} of {plan.name} failed. {last.outcome}".strip(),
            address("executions_execution_change", last.pk),
        )
        return
    if plan.recovered_by is not None:
        # A drill would delete what runs.
        return
    if result.proven is not None and (missed := missed_targets(result.proven)):
        sentence = f"The last successful {result.proven.kind} of {plan.name} missed its {listing(missed)} target."
        yield Attention(Tone.WARN, sentence, address("executions_execution_change", result.proven.pk))
    drill = address("executions_start", plan.pk, query="kind=drill")
    if result.proven_at is None:
        never = f"{plan.name} has never completed a successful drill."
        yield Attention(Tone.WARN, never, drill)
    elif now - result.proven_at > _PROOF_LASTS:
        old = f"{plan.name} last succeeded {ago(result.proven_at, now)}. Run a drill."
        yield Attention(Tone.WARN, old, drill)


def _sites(matters: Matters) -> Iterator[Attention]:
    for health in matters.sites:
        name, here = health.site.name, f"site__id__exact={health.site.pk}"
        if health.site.sync_error:
            yield Attention(
                Tone.BAD,
                f"Site {name} could not be synced: {health.site.sync_error}",
                address("protection_site_change", health.site.pk),
            )
        if health.missing_protected:
            yield Attention(
                Tone.BAD,
                f"{count(health.missing_protected, 'protected server')} at {name} "
                f"{'is' if health.missing_protected == 1 else 'are'} missing from DRS.",
                address("protection_sourceserver_changelist", query=f"{here}&gone=yes&protected=yes"),
            )
        if health.unprotected:
            yield Attention(
                Tone.NEUTRAL,
                f"{count(health.unprotected, 'server')} at {name} "
                f"{'is' if health.unprotected == 1 else 'are'} in no protection group, so no plan recovers "
                f"{'it' if health.unprotected == 1 else 'them'}.",
                address("protection_sourceserver_changelist", query=f"{here}&gone=no&protected=no"),
            )
    for state, number in matters.halted.items():
        theirs = f"{'its' if number == 1 else 'their'} recovery points"
        yield Attention(
            state.tone,
            f"Replication of {count(number, 'protected server')} is {state.lower()}: "
            f"{f'{theirs} are getting older' if state.launchable else f'{theirs} were deleted with it'}.",
            address("protection_sourceserver_changelist", query=f"protected=yes&gone=no&replication_state={state}"),
        )


def address(page: str, *arguments: object, query: str = "") -> str:
    """The address of an admin page."""
    return reverse(f"admin:{page}", args=arguments) + (f"?{query}" if query else "")
