"""A world without a database or DRS: applies what `decide` decides, and lets jobs end as it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from executions.core import actions as a
from executions.core.decide import decide
from executions.core.facts import (
    ExecutionFacts,
    JobFacts,
    OperationFacts,
    ServerFacts,
    ServerProgress,
    Settings,
    SiteFacts,
    WaveFacts,
)
from executions.core.states import (
    ExecutionKind,
    ExecutionStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    WaveStatus,
)

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
SETTINGS = Settings()


def wave(position: int, *, depends_on: tuple[int, ...] = (), **values: object) -> WaveFacts:
    return WaveFacts(
        id=100 + position,
        position=position,
        name=f"wave-{position}",
        status=WaveStatus.PENDING,
        depends_on=frozenset(depends_on),
        **values,
    )


def server(number: int, *, wave: int = 0, site: int = 1, **values: object) -> ServerFacts:
    values.setdefault("status", ServerStatus.PENDING)
    return ServerFacts(id=number, wave=wave, site=site, source_server_id=f"s-{number:017d}", **values)


def site(number: int = 1, **values: object) -> SiteFacts:
    limits: dict[str, object] = {"concurrent_jobs": 20, "servers_per_job": 100, "servers_in_jobs": 500}
    return SiteFacts(id=number, **{**limits, "polled_at": START, **values})


def facts(
    waves: list[WaveFacts],
    servers: list[ServerFacts],
    *,
    sites: list[SiteFacts] | None = None,
    operations: tuple[OperationFacts, ...] = (),
    status: ExecutionStatus = ExecutionStatus.RUNNING,
    kind: ExecutionKind = ExecutionKind.DRILL,
) -> ExecutionFacts:
    return ExecutionFacts(
        kind=kind,
        status=status,
        started_at=START,
        waves=tuple(waves),
        servers=tuple(servers),
        operations=operations,
        sites={found.id: found for found in sites or [site()]},
    )


class PureWorld:
    """Runs an execution to its end. `fate` says what becomes of a launch: (job number, server) -> launch status."""

    def __init__(self, state: ExecutionFacts, fate: Callable[[int, str], str] = lambda job, source: "LAUNCHED") -> None:
        self.state = state
        self.fate = fate
        self.now = START
        self.launches: Counter[str] = Counter()
        self.started: dict[int, datetime] = {}
        self.ended: dict[int, datetime] = {}
        self.finished: a.FinishExecution | None = None
        #: Launches whose answer is lost: operation number -> True.
        self.lose_answer: Callable[[int], bool] = lambda number: False
        self.peaks: dict[int, tuple[int, int]] = {}
        self._numbers = 0

    # --- time and DRS ---

    def run(self, limit: int = 400) -> None:
        for _ in range(limit):
            decision = decide(self.state, self.now, SETTINGS)
            assert decision == decide(self.state, self.now, SETTINGS), "the same facts gives the same decision"
            for action in decision.actions:
                self.apply(action)
            if self.finished:
                return
            if any(not isinstance(action, a.PollSite) for action in decision.actions):
                continue
            assert decision.look_at is not None or self._in_flight(), "it waits for nothing and is not final"
            self._pass_time(decision.look_at)
        raise AssertionError("the execution never ends")

    def _in_flight(self) -> bool:
        return any(not job.complete for found in self.state.sites.values() for job in found.jobs)

    def _pass_time(self, look_at: datetime | None) -> None:
        self.now = max(self.now + timedelta(seconds=5), min(look_at or self.now, self.now + timedelta(seconds=60)))
        for found in list(self.state.sites.values()):
            jobs = tuple(self._advance(job) for job in found.jobs)
            self._site(replace(found, jobs=jobs, polled_at=self.now))

    def _advance(self, job: JobFacts) -> JobFacts:
        if job.finished:
            return replace(job, examined=True, complete=True)
        if self.now - job.first_seen_at < timedelta(seconds=30):
            return job
        tail = job.job_id.rpartition("-")[2]
        number = int(tail) if tail.isdigit() else 0
        servers = {source: ServerProgress(launch_status=self.fate(number, source)) for source in job.servers}
        return replace(job, finished=True, examined=True, complete=True, servers=servers)

    # --- applying ---

    def apply(self, action: a.Action) -> None:
        match action:
            case a.MoveWave():
                found = next(w for w in self.state.waves if w.id == action.wave)
                if action.to is WaveStatus.RUNNING:
                    self.started[found.position] = self.now
                elif action.to is not WaveStatus.WAITING:
                    self.ended[found.position] = self.now
                self._wave(replace(found, status=action.to, ready_at=found.ready_at or self.now))
            case a.MoveServers():
                for number in action.servers:
                    queued_at = self.now if action.to is ServerStatus.QUEUED else None
                    self._server(number, status=action.to, queued_at=queued_at)
            case a.Launch():
                self._launch(action)
            case a.SettleServers():
                for outcome in action.outcomes:
                    self._server(outcome.server, status=outcome.to, finished_at=outcome.ended_at)
            case a.CloseOperation():
                self._operation(action.operation, state=OperationState.SETTLED)
            case a.AdoptJob():
                self._operation(action.operation, state=OperationState.ACCEPTED, job_id=action.job_id)
                for found_server in self.state.servers:
                    if found_server.operation == action.operation:
                        self._server(found_server.id, status=ServerStatus.LAUNCHING)
            case a.GiveUpOperation():
                self._operation(action.operation, state=OperationState.LOST)
                for found_server in self.state.servers:
                    if found_server.operation == action.operation:
                        self._server(found_server.id, status=ServerStatus.QUEUED, queued_at=self.now)
            case a.FinishExecution():
                self.finished = action
            case a.PollSite() | a.NoteProgress() | a.NoteDetails():
                pass

    def _launch(self, action: a.Launch) -> None:
        found = self.state.sites[action.site]
        assert action.budget_version == found.budget_version, "the budget moved under the launch"
        self._numbers += 1
        key = f"key-{self._numbers}"
        servers = [s for s in self.state.servers if s.id in action.servers]
        assert len(servers) <= found.servers_per_job
        busy = {source for job in found.jobs if not job.finished for source in job.servers}
        for one in servers:
            assert one.source_server_id not in busy, "one job a server"
            self.launches[one.source_server_id] += 1
            self._server(one.id, status=ServerStatus.LAUNCHING, operation=key, started_at=self.now)
        lost = self.lose_answer(self._numbers)
        job = JobFacts(
            job_id=f"job-{self._numbers}",
            type="LAUNCH",
            initiated_by="START_DRILL",
            finished=False,
            examined=False,
            complete=False,
            operation_key=key,
            created_at=self.now,
            first_seen_at=self.now,
            servers={one.source_server_id: ServerProgress("PENDING") for one in servers},
        )
        operation = OperationFacts(
            key=key,
            kind=OperationKind.LAUNCH,
            site=action.site,
            state=OperationState.INTENDED if lost else OperationState.ACCEPTED,
            is_drill=True,
            targets=frozenset(one.source_server_id for one in servers),
            created_at=self.now,
            may_act_until=self.now,
            job_id="" if lost else job.job_id,
        )
        self.state = replace(self.state, operations=(*self.state.operations, operation))
        self._site(replace(found, jobs=(*found.jobs, job), budget_version=found.budget_version + 1))
        running = [j for j in self.state.sites[action.site].jobs if not j.finished]
        assert len(running) <= found.concurrent_jobs
        assert sum(len(j.servers) for j in running) <= found.servers_in_jobs

    def _site(self, found: SiteFacts) -> None:
        self.state = replace(self.state, sites={**self.state.sites, found.id: found})

    def _wave(self, found: WaveFacts) -> None:
        waves = tuple(found if w.id == found.id else w for w in self.state.waves)
        self.state = replace(self.state, waves=waves)

    def _server(self, number: int, **values: object) -> None:
        servers = tuple(replace(s, **values) if s.id == number else s for s in self.state.servers)
        self.state = replace(self.state, servers=servers)

    def _operation(self, key: str, **values: object) -> None:
        operations = tuple(replace(o, **values) if o.key == key else o for o in self.state.operations)
        self.state = replace(self.state, operations=operations)

    # --- reading ---

    def statuses(self) -> dict[int, ServerStatus]:
        return {found.id: found.status for found in self.state.servers}

    def wave_statuses(self) -> list[WaveStatus]:
        return [found.status for found in self.state.waves]
