"""What needs a person now, the most urgent first, each with its buttons; or, for whoever may not press, whom to ask."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from audit.event_types import EventType
from executions.core.monitor.lateness import Late
from executions.core.states import (
    SERVER_RETRIABLE,
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import ServerRun, SiteWatch, StepRun, WaveRun
from executions.screens.monitor.reading import MonitorRows
from executions.screens.monitor.scene import Need, Scene
from executions.screens.monitor.waves import Failure
from executions.screens.selectors import ExecutionRows
from executions.screens.words import duration
from executions.services.commands import (
    APPROVE,
    CLEANUP,
    END,
    LOOK,
    REJECT,
    RESUME,
    RETRY,
    REVIEW,
    SKIP,
    Facts,
)
from executions.services.scenes import step_name
from foundation.ticking import Ticking
from foundation.wording import Tone, clock, count, listing
from plans.core.steps import OnFailure, StepKind
from protection.models import Site

#: Waves whose failures are told one by one.
_WAVES = 5
_HELD_UP = (
    "Give the reference to an administrator. Once the cause is fixed, select “Retry now”. If it cannot be fixed now, "
    "cancel the execution; if even that does not end it, select “End without drsorch”, and check in AWS what is in "
    "progress."
)


def needs(
    rows: ExecutionRows,
    monitor: MonitorRows,
    failed: Sequence[Failure],
    *,
    facts: Facts,
    offered: Collection[str],
    now: datetime,
) -> tuple[Need, ...]:
    """`failed`: why servers and steps failed; `offered`: the names of the commands that the reader may press."""
    servers = [one for of_wave in rows.servers.values() for one in of_wave]
    return tuple(_needs(Scene(rows, monitor, facts, offered, now, servers, failed)))


def _needs(scene: Scene) -> Iterator[Need]:
    yield from _no_worker(scene)
    yield from _standstill(scene)
    yield from _approval(scene)
    yield from _steps_to_approve(scene)
    yield from _failed(scene)
    yield from _sites(scene)
    yield from _held_up_steps(scene)
    yield from _refused(scene)
    yield from _crowds(scene)
    yield from _late(scene)
    yield from _paused(scene)
    yield from _clean_up(scene)
    yield from _review(scene)


def _no_worker(scene: Scene) -> Iterator[Need]:
    since, execution = scene.monitor.stopped_since, scene.execution
    if since is None or not (scene.is_active or execution.cleanup_status == CleanupStatus.RUNNING):
        return
    yield Need(
        Tone.BAD,
        "power_off",
        f"No worker has run since {clock(since, scene.now)} UTC",
        lines=(
            "AWS continues with the jobs that it has. drsorch launches, watches and cleans up nothing until an "
            "administrator starts a worker (manage.py rundramatiq); then it continues where it stopped.",
        ),
    )


def _standstill(scene: Scene) -> Iterator[Need]:
    if said := scene.execution.standstill:
        yield Need(
            Tone.BAD,
            "dangerous",
            "drsorch cannot work on it",
            quotes=((said, ""),),
            lines=(_HELD_UP,),
            moves=scene.moves(scene.move(LOOK), scene.move(END)),
            ask=scene.ask(LOOK, "have drsorch retry"),
        )


def _approval(scene: Scene) -> Iterator[Need]:
    execution = scene.execution
    if execution.status != ExecutionStatus.AWAITING_APPROVAL:
        return
    given = sum(1 for one in scene.rows.approvals if one.approved and one.pk not in scene.rows.lapsed)
    missing = max(0, execution.approvals_required - given)
    until = execution.approval_expires_at
    left = (Ticking.until(until, scene.now, before="Rejected automatically in ", after="."),) if until else ()
    yield Need(
        Tone.WARN,
        "how_to_reg",
        f"Nothing launches until it has {count(missing, 'more approval' if given else 'approval')}",
        lines=left,
        moves=scene.moves(scene.move(APPROVE), scene.move(REJECT)),
        ask=scene.ask(APPROVE, "approve or reject it on this page"),
    )


def _steps_to_approve(scene: Scene) -> Iterator[Need]:
    if scene.execution.status not in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED):
        return
    for wave, step in _steps(scene):
        if step.kind != StepKind.APPROVAL or step.status != StepStatus.RUNNING:
            continue
        told = (str(step.parameters.get("instructions", "")).strip(), step.description.strip())
        left: tuple[str, ...] = ()
        if step.started_at:
            until = step.started_at + timedelta(seconds=step.timeout_seconds)
            left = (Ticking.until(until, scene.now, before="Times out in ", after="."),)
        name = step_name(step.name, wave.name)
        yield Need(
            Tone.WARN,
            "how_to_reg",
            f"“{step.name}” is waiting for approval",
            lines=(*(text for text in told if text), *left),
            link=step.link,
            wave=(wave.position, wave.name),
            moves=scene.moves(
                *(
                    scene.move(command, about=f"step-{step.pk}", label=f"{command.label} {step.name}", step=name)
                    for command in (APPROVE, REJECT)
                )
            ),
            ask=scene.ask(APPROVE, "approve or reject it on this page"),
        )


def _failed(scene: Scene) -> Iterator[Need]:
    rows = scene.rows
    found = [(wave, [one for one in scene.failed if one.wave.pk == wave.pk]) for wave in rows.waves]
    broken = [(wave, reasons) for wave, reasons in found if reasons]
    for wave, reasons in broken[:_WAVES]:
        servers = [one for one in rows.servers.get(wave.pk, ()) if one.status in SERVER_RETRIABLE]
        steps = [one for one in rows.steps.get(wave.pk, ()) if one.status == StepStatus.FAILED]
        parts = [str(servers[0]) if len(servers) == 1 else count(len(servers), "server")] if servers else []
        parts += [count(len(steps), "step")] if steps else []
        about = f"wave-{wave.position}"
        moves = [scene.move(RETRY, about=about, label="Retry what failed", wave=wave.name)]
        if servers:
            earlier = "Retry from an earlier point"
            moves.append(scene.move(RETRY, about=about, label=earlier, to="id_point_in_time", wave=wave.name))
        moves.append(scene.move(SKIP, about=about, wave=wave.name))
        yield Need(
            Tone.BAD,
            "dangerous",
            f"{' and '.join(parts)} failed",
            quotes=tuple((one.reason, one.servers) for one in reasons),
            lines=tuple(_after_failure(scene, wave, servers)),
            wave=(wave.position, wave.name),
            moves=scene.moves(*moves),
            ask=scene.ask(RETRY, "retry or skip what failed"),
        )
    if more := broken[_WAVES:]:
        yield Need(Tone.BAD, "dangerous", f"{count(len(more), 'more wave')} with failures: see below")


def _after_failure(scene: Scene, wave: WaveRun, servers: Sequence[ServerRun]) -> Iterator[str]:
    execution = scene.execution
    if unknown := sum(1 for one in servers if one.status == ServerStatus.UNKNOWN):
        yield (
            f"DRS did not report a result for {count(unknown, 'server')}. Look for instances in the EC2 console before "
            "you start anything again."
        )
    if not RETRY.offered(scene.facts):
        if not scene.is_active:
            yield f"Fix the cause before you start a new {execution.kind}: this one is over."
        return
    if not scene.is_active:
        yield f"Fix the cause, then retry: the {execution.kind} continues from there. Or skip what you can do without."
        return
    yield "Fix the cause and retry now; you do not have to wait for the execution to finish."
    if wave.on_failure != OnFailure.STOP:
        return
    minimum = f"its minimum of {wave.minimum_success_percent} %"
    if wave.status == WaveStatus.FAILED:
        if any(one.status == WaveStatus.CANCELLED for one in scene.rows.waves):
            yield (
                f"{wave.name} ended below {minimum}, so nothing more is launched. With a retry or a skip, the waves "
                "that it cancelled continue too."
            )
    elif servers:
        yield (
            f"If {wave.name} ends below {minimum}, the execution stops there. Servers that have launched keep running."
        )


def _sites(scene: Scene) -> Iterator[Need]:
    """Sites that cannot be polled although something of the execution is waiting for news from there."""
    if not scene.is_active:
        return
    at: dict[Site, list[ServerRun]] = {}
    for server in scene.servers:
        if server.status in (ServerStatus.QUEUED, ServerStatus.LAUNCHING):
            at.setdefault(server.site, []).append(server)
    for site, waiting in at.items():
        watch: SiteWatch | None = getattr(site, "watch", None)
        if watch is None or watch.failing_since is None:
            continue
        title = f"{site} cannot be reached, for "
        one = len(waiting) == 1
        yield Need(
            Tone.BAD,
            "cloud_off",
            Ticking.since(watch.failing_since, scene.now, before=title),
            quotes=((watch.error, f"since {clock(watch.failing_since, scene.now)} UTC"),),
            lines=(
                f"{count(len(waiting), 'server')} {'is' if one else 'are'} waiting for news from there. Launches in "
                "progress continue in DRS; drsorch retries automatically.",
            ),
            moves=scene.moves(scene.move(LOOK, about=f"site-{site.pk}")),
            ask=scene.ask(LOOK, "have drsorch retry now"),
        )


def _held_up_steps(scene: Scene) -> Iterator[Need]:
    for wave, step in _steps(scene):
        if step.status == StepStatus.RUNNING and step.trouble:
            yield Need(
                Tone.BAD,
                "warning",
                f"Step {step.name} is held up",
                quotes=((step.trouble, ""),),
                wave=(wave.position, wave.name),
                moves=scene.moves(scene.move(LOOK, about=f"step-{step.pk}")),
                ask=scene.ask(LOOK, "have drsorch retry now"),
            )


def _refused(scene: Scene) -> Iterator[Need]:
    """Servers whose launch AWS refuses, by what it said."""
    if scene.execution.status not in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED):
        return
    by_reason: dict[str, list[ServerRun]] = {}
    for server in scene.servers:
        if server.status == ServerStatus.QUEUED and server.error:
            by_reason.setdefault(server.error, []).append(server)
    for number, (reason, refused) in enumerate(by_reason.items()):
        again = min((one.not_before for one in refused if one.not_before), default=None)
        when = f" at {clock(again, scene.now)} UTC" if again and again > scene.now else ""
        yield Need(
            Tone.WARN,
            "block",
            f"AWS has not accepted the launch of {count(len(refused), 'server')} yet",
            quotes=((reason, listing([str(one) for one in refused])),),
            lines=(f"drsorch retries automatically{when}.",),
            moves=scene.moves(scene.move(LOOK, about=f"refused-{number}")),
            ask=scene.ask(LOOK, "have drsorch retry now"),
        )


def _crowds(scene: Scene) -> Iterator[Need]:
    for site, crowd in scene.monitor.crowds.items():
        waiting = sum(1 for one in scene.servers if one.status == ServerStatus.QUEUED and one.site_id == site.pk)
        jobs: dict[str, list[int]] = {}
        for job in crowd.jobs:
            jobs.setdefault(job.whose, []).append(len(job.servers))
        whose = listing(
            [f"{who} ({count(len(sizes), 'job')}, {count(sum(sizes), 'server')})" for who, sizes in jobs.items()]
        )
        taken = len(crowd.taken)
        why = (
            f"The quota of {site} is used up: {site.quota_concurrent_jobs} jobs at once, "
            f"{site.quota_servers_in_jobs} servers in all jobs."
            if crowd.full
            else f"{taken} of them {'is' if taken == 1 else 'are'} in such a job, and a server can be in one only."
        )
        yield Need(
            Tone.WARN,
            "groups",
            f"{count(waiting, 'server')} {'is' if waiting == 1 else 'are'} waiting at {site} for other people's jobs",
            lines=(f"Others launch there now: {whose}.", f"{why} drsorch launches as soon as there is room."),
        )


def _late(scene: Scene) -> Iterator[Need]:
    if not scene.is_active:
        return
    for late in scene.monitor.late(scene.servers, scene.now):
        yield _late_need(late, scene.now)


def _late_need(late: Late, now: datetime) -> Need:
    number = len(late.servers)
    usual = f"{'' if late.usual.launches else 'about '}{duration(late.usual.seconds)}"
    learnt = (
        f"Learnt from {count(late.usual.launches, 'launch', 'launches')}."
        if late.usual.launches
        else "Nothing like it has been launched here yet: that is what AWS's published examples took."
    )
    return Need(
        Tone.WARN,
        "timer",
        Ticking.since(
            late.since,
            now,
            before=f"{count(number, 'server')} {'has' if number == 1 else 'have'} been launching for ",
            after=f", usually {usual}",
        ),
        lines=(
            f"{listing(late.servers)}. {learnt} Check the job in the DRS console; drsorch follows it until the launch "
            "time-out of its wave.",
        ),
    )


def _paused(scene: Scene) -> Iterator[Need]:
    if scene.execution.status != ExecutionStatus.PAUSED:
        return
    pauses = [turn for turn in scene.monitor.turns if turn.type == EventType.EXECUTION_PAUSED]
    since = [Ticking.since(one.at, scene.now, before=f"By {one.by}, ", after=" ago.") for one in pauses[-1:]]
    yield Need(
        Tone.WARN,
        "pause_circle",
        "Paused: nothing new is launched",
        lines=(
            *since,
            "Launches in progress finish, and the RTO clock keeps running.",
        ),
        moves=scene.moves(scene.move(RESUME)),
        ask=scene.ask(RESUME, "resume or cancel it"),
    )


def _clean_up(scene: Scene) -> Iterator[Need]:
    """A drill is over, and its instances are running."""
    execution = scene.execution
    if execution.kind != ExecutionKind.DRILL or not CLEANUP.offered(scene.facts):
        return
    up = max(scene.facts.instances - len(scene.rows.replaced), 0)
    unsure = any(one.status == ServerStatus.UNKNOWN for one in scene.servers)
    running = (
        f"{count(up, 'drill instance')} {'is' if up == 1 else 'are'} running{', or may be,' if unsure else ''} and "
        f"{'costs' if up == 1 else 'cost'} money"
    )
    moves, ask = scene.moves(scene.move(CLEANUP)), scene.ask(CLEANUP, "clean up the drill")
    if execution.cleanup_status == CleanupStatus.FAILED:
        why = [(one.cleanup_error, str(one)) for one in scene.servers if one.cleanup_error]
        yield Need(
            Tone.BAD,
            "mop",
            f"The clean-up failed: {running}",
            quotes=tuple(why[:_WAVES]),
            lines=("All reasons are shown with the servers. Clean up again.",),
            moves=moves,
            ask=ask,
        )
    elif execution.cleanup_status == CleanupStatus.SCHEDULED and execution.cleanup_due_at:
        left = Ticking.until(execution.cleanup_due_at, scene.now, before="They are terminated in ", after=".")
        yield Need(
            Tone.NEUTRAL, "mop", running, lines=("Check the application before the clean-up.", left), moves=moves
        )
    elif up:
        ended = execution.cleanup_after_seconds is not None
        yield Need(
            Tone.WARN,
            "mop",
            running,
            lines=(
                "The drill was ended without drsorch, so its planned clean-up does not run and its instances keep "
                "running. Clean up the drill to have drsorch find and terminate them."
                if ended
                else "Check the application, then clean up.",
            ),
            moves=moves,
            ask=ask,
        )


def _review(scene: Scene) -> Iterator[Need]:
    execution = scene.execution
    if scene.is_active or not REVIEW.offered(scene.facts):
        return
    what = (
        "Break-glass was used: it was started without approval"
        if execution.break_glass
        else f"It needed {execution.approvals_required} of the {execution.approvals_expected} approvals that were "
        "needed lately"
    )
    yield Need(
        Tone.WARN,
        "rate_review",
        what,
        lines=(f"Someone other than {execution.requested_by_name} must review why and record the review.",),
        moves=scene.moves(scene.move(REVIEW)),
        ask=scene.ask(REVIEW, "review it"),
    )


def _steps(scene: Scene) -> Iterator[tuple[WaveRun, StepRun]]:
    for wave in scene.rows.waves:
        for step in scene.rows.steps.get(wave.pk, ()):
            yield wave, step
