"""From a plan, or from an execution as it stands, to the course that is forecast. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import quantiles

from executions.core.facts import ExecutionFacts, Settings, SiteFacts, StepFacts, WaveFacts
from executions.core.forecast.course import Course, CourseServer, CourseSite, CourseStep, CourseWave
from executions.core.forecast.durations import Expected, LaunchHistory, expected_step
from executions.core.states import (
    SERVER_FINAL,
    STEP_FINAL,
    WAVE_FINAL,
    ExecutionStatus,
    OperationState,
    ServerStatus,
    WaveStatus,
)
from plans.core import Blueprint, BlueprintStep, BlueprintWave
from plans.core.steps import OnFailure, StepKind, StepWhen

#: What a step is guessed to take that was never run, in seconds: a person needs a while, a check is quick.
_STEP_GUESS = {StepKind.APPROVAL: 300.0, StepKind.SSM_AUTOMATION: 300.0, StepKind.SSM_COMMAND: 60.0}
_OTHER_STEP_GUESS = 10.0
#: Until something is known: a job's end is noticed after this share of the time that it took, and spread so.
_NOTICE_SHARE, _NOTICE_SPREAD = 0.02, 0.6
_FEW = 3
#: A job of others that takes longer than usual is expected to take this share of the usual time longer.
_OTHERS_LEFT = 0.1


def platform_of(os: str) -> str:
    """ "linux" or "windows", from the operating system as DRS names it."""
    return "windows" if "windows" in os.lower() else "linux"


@dataclass(frozen=True, slots=True)
class PastJob:
    """How long its launch waited although there was room, and how long its end went unnoticed, in seconds."""

    site: int
    dispatch_seconds: float
    notice_seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """What was seen at the sites of a plan. Steps are by wave and name, and by kind."""

    launches: LaunchHistory = field(default_factory=lambda: LaunchHistory([]))
    jobs: Sequence[PastJob] = ()
    steps: Mapping[tuple[str, str], Sequence[float]] = field(default_factory=dict)
    kinds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    #: Operating systems, by site and source server id.
    systems: Mapping[tuple[int, str], str] = field(default_factory=dict)

    def launch(self, site: int, source_server_id: str) -> Expected:
        platform = platform_of(self.systems.get((site, source_server_id), ""))
        return self.launches.expected(source_server_id, population_of(site, platform), platform)

    def step(self, wave: str, name: str, kind: str) -> Expected:
        guess = _STEP_GUESS.get(StepKind(kind), _OTHER_STEP_GUESS)
        return expected_step(self.steps.get((wave, name), ()), self.kinds.get(kind, ()), guess)


def population_of(site: int, platform: str) -> str:
    """Servers with the same one are alike: at the same site, with the same kind of operating system."""
    return f"{site} {platform}"


# --- a plan -------------------------------------------------------------------------------------------------------


def course_of_plan(
    blueprint: Blueprint, sites: Mapping[int, SiteFacts], history: History, settings: Settings
) -> Course:
    """As it would go if it were started now and nothing else ran at its sites."""
    critical = {wave.position for wave in blueprint.waves if wave.on_failure == OnFailure.STOP}
    return Course(
        waves=tuple(_planned(wave, history, critical) for wave in blueprint.waves),
        sites={key: _site(site, history, settings, ()) for key, site in sites.items()},
        rto_target_seconds=blueprint.rto_target_seconds,
    )


def _planned(wave: BlueprintWave, history: History, critical: set[int]) -> CourseWave:
    return CourseWave(
        position=wave.position,
        name=wave.name,
        depends_on=frozenset(wave.depends_on),
        critical=wave.position in critical or not critical,
        minimum_success_percent=wave.minimum_success_percent,
        start_delay_seconds=wave.start_delay_seconds,
        before=tuple(_planned_step(step, wave, history) for step in wave.steps if step.when == StepWhen.BEFORE),
        after=tuple(_planned_step(step, wave, history) for step in wave.steps if step.when == StepWhen.AFTER),
        servers=tuple(
            CourseServer(
                server.source_server_id,
                wave.position,
                server.site_id,
                history.launch(server.site_id, server.source_server_id),
            )
            for server in wave.servers
        ),
    )


def _planned_step(step: BlueprintStep, wave: BlueprintWave, history: History) -> CourseStep:
    if step.kind == StepKind.WAIT:
        return _wait(step.parameters["seconds"])
    return CourseStep(history.step(wave.name, step.name, step.kind), step.timeout_seconds)


def _wait(seconds: float, since: float | None = None) -> CourseStep:
    return CourseStep(Expected(seconds), seconds, since)


# --- an execution -------------------------------------------------------------------------------------------------


def course_of_execution(
    facts: ExecutionFacts, now: datetime, history: History, settings: Settings, rto_target_seconds: float | None
) -> Course:
    """As it would go on from now: a paused one as if it were resumed, one that waits for approval as if it had it."""
    waits = facts.status is ExecutionStatus.AWAITING_APPROVAL

    def since_start(moment: datetime | None) -> float | None:
        return max(0.0, (moment - facts.started_at).total_seconds()) if moment else None

    critical = {wave.position for wave in facts.waves if wave.stops_on_failure}
    servers: dict[int, list[CourseServer]] = defaultdict(list)
    counts: dict[int, Counter[ServerStatus]] = defaultdict(Counter)
    launched_at: dict[int, float] = {}
    for server in facts.servers:
        counts[server.wave][server.status] += 1
        if server.status is ServerStatus.LAUNCHED:
            ended_at = since_start(server.finished_at) or 0.0
            launched_at[server.wave] = max(ended_at, launched_at.get(server.wave, 0.0))
        if server.status not in SERVER_FINAL:
            launching = server.status is ServerStatus.LAUNCHING
            servers[server.wave].append(
                CourseServer(
                    server.source_server_id,
                    server.wave,
                    server.site,
                    history.launch(server.site, server.source_server_id),
                    server.single_server_job,
                    since_start(server.started_at) or 0.0 if launching else None,
                    server.operation or "" if launching else "",
                )
            )
    steps: dict[tuple[int, str], list[CourseStep]] = defaultdict(list)
    names = {wave.position: wave.name for wave in facts.waves}
    for step in sorted(facts.steps, key=lambda one: one.position):
        if step.status not in STEP_FINAL:
            steps[step.wave, step.when].append(
                _open_step(step, names[step.wave], history, since_start(step.started_at))
            )
    ours = {one.job_id for one in facts.operations if one.job_id and one.state is not OperationState.SETTLED}
    return Course(
        waves=tuple(
            _standing(
                wave,
                critical=wave.position in critical or not critical,
                before=tuple(steps[wave.position, StepWhen.BEFORE]),
                after=tuple(steps[wave.position, StepWhen.AFTER]),
                servers=tuple(servers[wave.position]),
                counts=counts[wave.position],
                launched_at=launched_at.get(wave.position),
                ready_at=since_start(wave.ready_at),
                finished_at=since_start(wave.finished_at),
            )
            for wave in facts.waves
        ),
        sites={
            key: _site(site, history, settings, tuple(_others(site, ours, now, history.launches.guess_seconds)))
            for key, site in facts.sites.items()
        },
        rto_target_seconds=rto_target_seconds,
        now=0.0 if waits else max(0.0, (now - facts.started_at).total_seconds()),
    )


def _standing(
    wave: WaveFacts,
    *,
    critical: bool,
    before: tuple[CourseStep, ...],
    after: tuple[CourseStep, ...],
    servers: tuple[CourseServer, ...],
    counts: Mapping[ServerStatus, int],
    launched_at: float | None,
    ready_at: float | None,
    finished_at: float | None,
) -> CourseWave:
    over = wave.status in WAVE_FINAL
    return CourseWave(
        position=wave.position,
        name=wave.name,
        depends_on=wave.depends_on,
        critical=critical,
        minimum_success_percent=wave.minimum_success_percent,
        start_delay_seconds=wave.start_delay_seconds,
        before=before,
        after=after,
        servers=() if over else servers,
        launched=counts[ServerStatus.LAUNCHED] + counts[ServerStatus.TERMINATED],
        failed=counts[ServerStatus.FAILED] + counts[ServerStatus.UNKNOWN],
        launched_at=launched_at,
        ready_at=None if wave.status is WaveStatus.PENDING else ready_at,
        over_at=(finished_at or 0.0) if over else None,
        is_running=wave.status is WaveStatus.RUNNING,
    )


def _open_step(step: StepFacts, wave: str, history: History, since: float | None) -> CourseStep:
    if step.wait_seconds is not None:
        return _wait(step.wait_seconds, since)
    return CourseStep(history.step(wave, step.name, step.kind), step.timeout_seconds, since)


# --- sites --------------------------------------------------------------------------------------------------------


def _site(
    site: SiteFacts, history: History, settings: Settings, others: tuple[tuple[int, Expected], ...]
) -> CourseSite:
    jobs = [job for job in history.jobs if job.site == site.id]
    if len(jobs) < _FEW:
        dispatch = Expected(settings.poll_floor_seconds)
        notice = Expected(
            max(settings.poll_floor_seconds, _NOTICE_SHARE * history.launches.guess_seconds), _NOTICE_SPREAD
        )
    else:
        # A launch that waited long had no room: the quick ones say what starting one takes.
        dispatch = Expected(quantiles([job.dispatch_seconds for job in jobs], n=4)[0])
        notice = expected_step([job.notice_seconds for job in jobs], (), 0.0)
    return CourseSite(
        concurrent_jobs=site.concurrent_jobs,
        servers_per_job=site.servers_per_job,
        servers_in_jobs=site.servers_in_jobs,
        dispatch=dispatch,
        notice=notice,
        others=others,
    )


def _others(site: SiteFacts, ours: set[str], now: datetime, usual: float) -> Iterable[tuple[int, Expected]]:
    """Jobs of others that run: how long they still take is not known, and guessed from what they have taken."""
    for job in site.jobs:
        if not job.finished and job.job_id not in ours:
            elapsed = max(0.0, (now - job.first_seen_at).total_seconds())
            left = max(usual - elapsed, _OTHERS_LEFT * usual)
            yield len(job.servers), Expected(left, _NOTICE_SPREAD)
