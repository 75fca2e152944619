"""The one place where it is decided what happens next in an execution.

`decide(snapshot, now)` is a pure function: the same snapshot gives the same decision. It settles what DRS has
answered, moves waves along their dependency graph, packs launches into the sites' budgets, and ends the execution;
each step sees what the steps before it decided. Nothing is done here: `reconciler` acts on the decision, and every
action is guarded again there by the status in the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from executions.core.actions import (
    Action,
    AdoptJob,
    CloseOperation,
    Decision,
    FinishExecution,
    GiveUpOperation,
    Launch,
    MoveServers,
    MoveWave,
    NoteDetails,
    NoteProgress,
    PollSite,
    ServerOutcome,
    SettleServers,
)
from executions.core.adoption import find_job, give_up_at
from executions.core.packing import budget_of, pack
from executions.core.results import new_details, outcome_of
from executions.core.snapshot import JobView, OperationView, ServerView, Settings, SiteView, Snapshot, WaveView
from executions.core.states import (
    OPERATION_OPEN,
    SERVER_FINAL,
    WAVE_ACTIVE,
    WAVE_FINAL,
    ExecutionStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    WaveStatus,
)
from executions.core.timing import rpo_actual_seconds, rto_actual_seconds
from executions.core.waves import execution_result, wave_result

#: Nothing is launched at a site on knowledge older than this many poll ceilings.
_STALE_AFTER_CEILINGS = 2


def decide(snapshot: Snapshot, now: datetime, settings: Settings) -> Decision:
    """What to do now, and when to look again."""
    if snapshot.status in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED, ExecutionStatus.CANCELLING):
        return _Pass(snapshot, now, settings).run()
    return Decision(actions=(), look_at=None)


class _Pass:
    """One decision in the making: the snapshot, overlaid by what was decided so far."""

    def __init__(self, snapshot: Snapshot, now: datetime, settings: Settings) -> None:
        self.snapshot = snapshot
        self.now = now
        self.settings = settings
        self.actions: list[Action] = []
        self.wake_at: list[datetime] = []
        self.servers = {server.id: server for server in snapshot.servers}
        self.waves = {wave.position: wave for wave in snapshot.waves}
        self.in_wave: dict[int, list[int]] = {position: [] for position in self.waves}
        for server in snapshot.servers:
            self.in_wave[server.wave].append(server.id)
        self.by_source = {(server.site, server.source_server_id): server.id for server in snapshot.servers}
        self.jobs = {(site.id, job.job_id): job for site in snapshot.sites.values() for job in site.jobs}

    def run(self) -> Decision:
        for operation in self.snapshot.operations:
            if operation.kind is OperationKind.LAUNCH:
                self._follow(operation)
        self._time_out()
        if self.snapshot.status is ExecutionStatus.CANCELLING:
            self._cancel("The execution was cancelled.")
        self._finish_waves()
        if self.snapshot.status is ExecutionStatus.RUNNING:
            self._start_waves()
            self._finish_waves()
            self._launch()
        self._finish_execution()
        return Decision(tuple(self.actions), min(self.wake_at) if self.wake_at else None)

    # --- what DRS has answered ------------------------------------------------------------------------------------

    def _follow(self, operation: OperationView) -> None:
        if operation.state in (OperationState.INTENDED, OperationState.LOST):
            self._look_for_job(operation)
            return
        job = self.jobs.get((operation.site, operation.job_id))
        if job is None:
            return
        mine = [
            self.servers[server_id]
            for source in sorted(operation.targets)
            if (server_id := self.by_source.get((operation.site, source))) is not None
            and self.servers[server_id].operation == operation.key
        ]
        if operation.state is OperationState.ACCEPTED:
            self._settle(operation, job, mine)
        self._note_details(job, mine)

    def _look_for_job(self, operation: OperationView) -> None:
        """Adopt what is found; give up only when the window is over and a whole poll since then showed nothing."""
        site = self.snapshot.sites[operation.site]
        taken = frozenset(other.job_id for other in self.snapshot.operations if other.job_id)
        if (job := find_job(operation, site.jobs, taken)) is not None:
            if operation.state is OperationState.INTENDED or self._can_be_reclaimed(operation):
                self.actions.append(AdoptJob(operation.key, job.job_id))
                self._wake(0)
            return
        if operation.state is OperationState.LOST:
            return
        over_at = give_up_at(operation, self.settings)
        if self.now >= over_at and site.polled_at is not None and site.polled_at >= over_at:
            self.actions.append(GiveUpOperation(operation.key))
            self._wake(0)
        elif self.now >= over_at:
            self.actions.append(PollSite(operation.site))
        else:
            self.wake_at.append(over_at)

    def _can_be_reclaimed(self, operation: OperationView) -> bool:
        """A job that became visible after its operation was given up is taken back unless its servers moved on."""
        ids = [self.by_source.get((operation.site, source)) for source in operation.targets]
        return all(server_id and self.servers[server_id].status is ServerStatus.QUEUED for server_id in ids)

    def _settle(self, operation: OperationView, job: JobView, mine: list[ServerView]) -> None:
        outcomes: list[ServerOutcome] = []
        phases: list[tuple[int, str]] = []
        for server in mine:
            if server.status is not ServerStatus.LAUNCHING:
                continue
            if (outcome := outcome_of(server, job)) is not None:
                outcomes.append(self._clamp(outcome, server))
                self._apply(outcomes[-1])
            elif (said := job.servers.get(server.source_server_id)) and said.phase and said.phase != server.phase:
                phases.append((server.id, said.phase))
        if outcomes:
            self.actions.append(SettleServers(operation.key, tuple(outcomes)))
        if phases:
            self.actions.append(NoteProgress(tuple(phases)))
        if job.finished and job.complete and all(self.servers[s.id].status in SERVER_FINAL for s in mine):
            self.actions.append(CloseOperation(operation.key))

    def _clamp(self, outcome: ServerOutcome, server: ServerView) -> ServerOutcome:
        """DRS's clock is not ours: an end before the start, or after now, is taken as seen now or at the start."""
        ended_at = min(max(outcome.ended_at or self.now, server.started_at or self.now), self.now)
        return replace(outcome, ended_at=ended_at)

    def _apply(self, outcome: ServerOutcome) -> None:
        self.servers[outcome.server] = replace(
            self.servers[outcome.server],
            status=outcome.to,
            finished_at=outcome.ended_at,
            recovery_instance_id=outcome.instance_id,
            recovery_point_at=outcome.recovery_point_at,
        )

    def _note_details(self, job: JobView, mine: list[ServerView]) -> None:
        details = [
            found
            for server in mine
            if (current := self.servers[server.id]).status in (ServerStatus.LAUNCHED, ServerStatus.UNKNOWN)
            and (found := new_details(current, job)) is not None
        ]
        if details:
            self.actions.append(NoteDetails(tuple(details)))
            for found in details:
                self.servers[found.server] = replace(
                    self.servers[found.server],
                    recovery_instance_id=found.instance_id,
                    recovery_point_at=found.recovery_point_at,
                )

    # --- time -----------------------------------------------------------------------------------------------------

    def _time_out(self) -> None:
        """A launch, and a launch that AWS would not take, end with the wave's time-out; waiting for quota does not."""
        operations = {operation.key: operation for operation in self.snapshot.operations}
        outcomes: dict[str, list[ServerOutcome]] = {}
        overdue: list[int] = []
        for server in self.servers.values():
            limit = timedelta(seconds=self.waves[server.wave].launch_timeout_seconds)
            if server.status is ServerStatus.LAUNCHING and server.started_at and server.operation:
                if self.now < server.started_at + limit:
                    self.wake_at.append(server.started_at + limit)
                    continue
                operation = operations[server.operation]
                outcome = self._timed_out(server, operation, limit)
                outcomes.setdefault(operation.key, []).append(outcome)
                self._apply(outcome)
            elif server.status is ServerStatus.QUEUED and server.queued_at and server.not_before:
                if self.now < server.queued_at + limit:
                    self.wake_at.append(server.queued_at + limit)
                else:
                    overdue.append(server.id)
        self.actions.extend(SettleServers(key, tuple(found)) for key, found in outcomes.items())
        if overdue:
            why = "It could not be launched before the wave's launch time-out was over; its last error stands above."
            self._move_servers(overdue, ServerStatus.FAILED, why)

    def _timed_out(self, server: ServerView, operation: OperationView, limit: timedelta) -> ServerOutcome:
        minutes = round(limit.total_seconds() / 60, 1)
        if operation.job_id:
            to = ServerStatus.FAILED
            why = (
                f"Job {operation.job_id} gave no result within the wave's launch time-out of {minutes:g} min. "
                "DRS cannot stop a running job: it may still launch. Look at it before you retry."
            )
        else:
            to = ServerStatus.UNKNOWN
            why = (
                f"DRS never answered the launch, and showed no job for it, within {minutes:g} min. "
                "Look in the DRS console before you retry."
            )
        return ServerOutcome(server=server.id, to=to, error=why, ended_at=self.now)

    def _wake(self, seconds: float) -> None:
        self.wake_at.append(self.now + timedelta(seconds=seconds))

    # --- waves ----------------------------------------------------------------------------------------------------

    def _move_wave(self, wave: WaveView, to: WaveStatus, why: str = "") -> None:
        self.actions.append(MoveWave(wave.id, to, why))
        ready_at = self.now if to in WAVE_ACTIVE and wave.ready_at is None else wave.ready_at
        self.waves[wave.position] = replace(wave, status=to, ready_at=ready_at)

    def _move_servers(self, ids: Iterable[int], to: ServerStatus, why: str = "") -> None:
        moved = tuple(sorted(ids))
        if not moved:
            return
        self.actions.append(MoveServers(moved, to, why))
        for server_id in moved:
            server = self.servers[server_id]
            queued_at = self.now if to is ServerStatus.QUEUED else server.queued_at
            self.servers[server_id] = replace(server, status=to, queued_at=queued_at)

    def _members(self, wave: WaveView) -> list[ServerView]:
        return [self.servers[server_id] for server_id in self.in_wave[wave.position]]

    def _finish_waves(self) -> None:
        for wave in list(self.waves.values()):
            if wave.status is WaveStatus.RUNNING:
                members = self._members(wave)
                if all(server.status in SERVER_FINAL for server in members):
                    self._move_wave(wave, *wave_result(wave, members))

    def _stopped_by(self) -> WaveView | None:
        """The first failed wave that stops the execution."""
        failed = (w for w in self.waves.values() if w.status is WaveStatus.FAILED and w.stops_on_failure)
        return min(failed, key=lambda wave: wave.position, default=None)

    def _start_waves(self) -> None:
        if (stopper := self._stopped_by()) is not None:
            self._cancel(f"Held back: wave {stopper.name} failed, and its policy is to stop.")
            return
        for position in list(self.waves):
            self._ready_wave(position)
            self._begin_wave(position)
            self._queue_servers(position)

    def _ready_wave(self, position: int) -> None:
        """A wave whose dependencies are over is ready; it waits out its start delay, if it has one."""
        wave = self.waves[position]
        if wave.status is WaveStatus.PENDING and all(self.waves[d].status in WAVE_FINAL for d in wave.depends_on):
            self._move_wave(wave, WaveStatus.WAITING if wave.start_delay_seconds else WaveStatus.RUNNING)

    def _begin_wave(self, position: int) -> None:
        wave = self.waves[position]
        if wave.status is not WaveStatus.WAITING or wave.ready_at is None:
            return
        starts_at = wave.ready_at + timedelta(seconds=wave.start_delay_seconds)
        if self.now < starts_at:
            self.wake_at.append(starts_at)
        else:
            self._move_wave(wave, WaveStatus.RUNNING)

    def _queue_servers(self, position: int) -> None:
        wave = self.waves[position]
        if wave.status is WaveStatus.RUNNING:
            pending = [server.id for server in self._members(wave) if server.status is ServerStatus.PENDING]
            self._move_servers(pending, ServerStatus.QUEUED)

    def _cancel(self, why: str) -> None:
        """Start nothing more; what DRS already launches is waited for, because it cannot be stopped."""
        waiting = [
            server.id
            for server in self.servers.values()
            if server.status in (ServerStatus.PENDING, ServerStatus.QUEUED)
        ]
        self._move_servers(waiting, ServerStatus.CANCELLED, why)
        for wave in list(self.waves.values()):
            if wave.status in (WaveStatus.PENDING, WaveStatus.WAITING):
                self._move_wave(wave, WaveStatus.CANCELLED, why)

    # --- launches -------------------------------------------------------------------------------------------------

    def _launch(self) -> None:
        queued: dict[int, list[ServerView]] = {}
        for wave in self.waves.values():
            if wave.status is WaveStatus.RUNNING:
                for server in self._members(wave):
                    if server.status is ServerStatus.QUEUED:
                        queued.setdefault(server.site, []).append(server)
        for site_id, waiting in queued.items():
            self._launch_at(self.snapshot.sites[site_id], waiting)

    def _launch_at(self, site: SiteView, waiting: list[ServerView]) -> None:
        ready = [server for server in waiting if server.not_before is None or server.not_before <= self.now]
        self.wake_at.extend(s.not_before for s in waiting if s.not_before and s.not_before > self.now)
        if not ready:
            return
        stale_after = timedelta(seconds=self.settings.poll_ceiling_seconds * _STALE_AFTER_CEILINGS)
        if (
            site.polled_at is None
            or site.polled_at < self.snapshot.started_at
            or self.now - site.polled_at > stale_after
        ):
            self.actions.append(PollSite(site.id))
            self._wake(self.settings.poll_ceiling_seconds)
            return
        jobs = pack(ready, budget_of(site, self.snapshot.kind))
        for number, job in enumerate(jobs):
            self.actions.append(Launch(site.id, tuple(server.id for server in job), site.budget_version + number))
            for server in job:
                self.servers[server.id] = replace(server, status=ServerStatus.LAUNCHING)
        if sum(map(len, jobs)) < len(ready):
            # Somebody's job has to end first; that is seen by polling, and this is the net below it.
            self._wake(self.settings.poll_ceiling_seconds)

    def _is_stale(self, site: SiteView) -> bool:
        limit = timedelta(seconds=self.settings.poll_ceiling_seconds * _STALE_AFTER_CEILINGS)
        since = max(self.snapshot.started_at, self.now - limit)
        return site.polled_at is None or site.polled_at < since

    # --- the end --------------------------------------------------------------------------------------------------

    def _finish_execution(self) -> None:
        if any(wave.status not in WAVE_FINAL for wave in self.waves.values()):
            return
        if any(self._is_open(operation) for operation in self.snapshot.operations):
            self._wake(self.settings.poll_ceiling_seconds)
            return
        servers = tuple(self.servers.values())
        to, outcome = execution_result(
            tuple(self.waves.values()), servers, cancelled=self.snapshot.status is ExecutionStatus.CANCELLING
        )
        settled = replace(self.snapshot, servers=servers, waves=tuple(self.waves.values()))
        self.actions.append(
            FinishExecution(
                to=to,
                outcome=outcome,
                rto_actual_seconds=rto_actual_seconds(settled),
                rpo_actual_seconds=rpo_actual_seconds(settled.started_at, servers),
            )
        )
        self.wake_at = []

    def _is_open(self, operation: OperationView) -> bool:
        """A launch whose servers timed out does not hold the execution open; one still to be examined does."""
        if operation.kind is not OperationKind.LAUNCH or operation.state not in OPERATION_OPEN:
            return False
        job = self.jobs.get((operation.site, operation.job_id))
        if job is not None and job.complete:
            return False
        holders = [s for s in self.servers.values() if s.operation == operation.key]
        return any(s.status is ServerStatus.LAUNCHED or s.status not in SERVER_FINAL for s in holders)
