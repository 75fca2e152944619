"""A decision in the making: the facts, overlaid by what was decided so far, for the parts that come after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from executions.core.actions import Action, FinishStep, MoveServers, MoveWave, RunStep, ServerOutcome, StartStep
from executions.core.facts import ExecutionFacts, OperationFacts, ServerFacts, Settings, StepFacts, WaveFacts
from executions.core.states import WAVE_ACTIVE, WAVE_FINAL, ExecutionStatus, ServerStatus, StepStatus, WaveStatus


class Draft:
    def __init__(self, facts: ExecutionFacts, now: datetime, settings: Settings) -> None:
        self.facts = facts
        self.now = now
        self.settings = settings
        self.actions: list[Action] = []
        self.wake_at: list[datetime] = []
        #: Jobs that are known to be those of operations.
        self.taken: set[str] = {operation.job_id for operation in facts.operations if operation.job_id}
        self.waves: dict[int, WaveFacts] = {wave.position: wave for wave in facts.waves}
        self.servers: dict[int, ServerFacts] = {server.id: server for server in facts.servers}
        self.steps: dict[int, StepFacts] = {step.id: step for step in facts.steps}
        self.jobs = {(site.id, job.job_id): job for site in facts.sites.values() for job in site.jobs}
        self.operations = {operation.key: operation for operation in facts.operations}
        self.by_source = {(server.site, server.source_server_id): server.id for server in facts.servers}
        self._in_wave: dict[int, list[int]] = {position: [] for position in self.waves}
        for server in facts.servers:
            self._in_wave[server.wave].append(server.id)

    @property
    def starts_new_things(self) -> bool:
        """Paused and cancelled executions let what runs finish, and start nothing."""
        return self.facts.status is ExecutionStatus.RUNNING

    def members(self, position: int) -> list[ServerFacts]:
        return [self.servers[server_id] for server_id in self._in_wave[position]]

    def steps_of(self, position: int, when: str) -> list[StepFacts]:
        found = [step for step in self.steps.values() if step.wave == position and step.when == when]
        return sorted(found, key=lambda step: step.position)

    def held_by(self, operation: OperationFacts) -> list[ServerFacts]:
        """The servers that this operation, and no later one, is about."""
        ids = (self.by_source.get((operation.site, source)) for source in sorted(operation.targets))
        found = [self.servers[server_id] for server_id in ids if server_id is not None]
        return [server for server in found if server.operation == operation.key]

    # --- deciding -------------------------------------------------------------------------------------------------

    def act(self, action: Action) -> None:
        self.actions.append(action)

    def wake(self, at: datetime) -> None:
        """Look again at this time, at the latest."""
        self.wake_at.append(at)

    def wake_in(self, seconds: float) -> None:
        self.wake_at.append(self.now + timedelta(seconds=seconds))

    def move_wave(self, wave: WaveFacts, to: WaveStatus, why: str = "") -> None:
        self.act(MoveWave(wave.id, to, why))
        ready_at = self.now if to in WAVE_ACTIVE and wave.ready_at is None else wave.ready_at
        finished_at = self.now if to in WAVE_FINAL else None
        self.waves[wave.position] = replace(wave, status=to, ready_at=ready_at, finished_at=finished_at)

    def move_servers(self, ids: Iterable[int], to: ServerStatus, why: str = "") -> None:
        moved = tuple(sorted(ids))
        if not moved:
            return
        self.act(MoveServers(moved, to, why))
        for server_id in moved:
            server = self.servers[server_id]
            queued_at = self.now if to is ServerStatus.QUEUED else server.queued_at
            self.servers[server_id] = replace(server, status=to, queued_at=queued_at)

    def settle(self, outcome: ServerOutcome) -> None:
        """Take a server's result into account; the caller sees to the action."""
        self.servers[outcome.server] = replace(
            self.servers[outcome.server],
            status=outcome.to,
            finished_at=outcome.ended_at,
            recovery_instance_id=outcome.instance_id,
            recovery_point_at=outcome.recovery_point_at,
        )

    def requeue(self, servers: Iterable[ServerFacts]) -> None:
        """Servers of a launch that did not happen wait again; the caller sees to the action."""
        for server in servers:
            if server.status is ServerStatus.LAUNCHING:
                self.servers[server.id] = replace(server, status=ServerStatus.QUEUED, started_at=None)

    def start_step(self, step: StepFacts) -> StepFacts:
        self.act(StartStep(step.id))
        self.steps[step.id] = replace(step, status=StepStatus.RUNNING, started_at=self.now, due_at=self.now)
        return self.steps[step.id]

    def run_step(self, step: StepFacts) -> None:
        """Once a decision: it is due again when its try has been recorded."""
        self.act(RunStep(step.id))
        self.steps[step.id] = replace(step, due_at=None)

    def finish_step(self, step: StepFacts, to: StepStatus, why: str = "") -> StepFacts:
        self.act(FinishStep(step.id, to, why))
        self.steps[step.id] = replace(step, status=to)
        return self.steps[step.id]
