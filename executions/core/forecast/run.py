"""One made-up run of a course: from event to event, with the packing and the quotas of the engine. Pure.

A failed launch takes its time like any other, and what depends on it goes on: `Run.failed` says that the plan would
have stopped there. So the times are those of a run that recovers the application.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from executions.core.forecast.course import Course, CourseServer, CourseStep, CourseWave
from executions.core.forecast.durations import Expected
from executions.core.packing import Budget, pack


@dataclass(slots=True)
class Run:
    """How it went, in seconds since the start, by the position of the wave."""

    #: When what the wave waits for was over.
    starts: dict[int, float] = field(default_factory=dict)
    ends: dict[int, float] = field(default_factory=dict)
    #: The wave that each wave waited for last: for its end, or for the room that its launches took.
    waited_for: dict[int, int] = field(default_factory=dict)
    #: When the last critical server was launched.
    recovered_at: float = 0.0
    #: A wave that stops the execution stayed below its minimum.
    failed: bool = False

    @property
    def finish(self) -> float:
        return max(self.ends.values(), default=0.0)

    def critical_path(self) -> set[int]:
        """Positions of the waves that the end waited for, one after the other."""
        path: set[int] = set()
        at: int | None = max(self.ends, key=lambda position: self.ends[position], default=None)
        while at is not None and at not in path:
            path.add(at)
            at = self.waited_for.get(at)
        return path


def run(course: Course, rng: random.Random) -> Run:
    """A run that carries on from where the course stands. The same `rng` makes the same run."""
    return _Simulation(course, rng).run()


@dataclass(slots=True)
class _Job:
    site: int
    servers: list[CourseServer]
    #: The wave whose job gave back the room for it; None: there was room.
    room_of: int | None = None
    size: int = 0


class _Simulation:
    def __init__(self, course: Course, rng: random.Random) -> None:
        self._course = course
        self._rng = rng
        self._waves = {wave.position: wave for wave in course.waves}
        self._result = Run()
        self._events: list[tuple[float, int, Literal["queue", "job", "over"], Any]] = []
        self._number = count()
        self._factors: dict[str, float] = {}
        self._open = {wave.position: len(wave.servers) for wave in course.waves}
        self._failures = {wave.position: wave.failed for wave in course.waves}
        over = {wave.position for wave in course.waves if wave.over_at is not None}
        self._unmet = {wave.position: len(wave.depends_on - over) for wave in course.waves}
        self._waiting: dict[int, list[CourseServer]] = {site: [] for site in course.sites}
        self._jobs_left = {key: site.concurrent_jobs for key, site in course.sites.items()}
        self._servers_left = {key: site.servers_in_jobs for key, site in course.sites.items()}

    def run(self) -> Run:
        now = self._course.now
        for key, site in self._course.sites.items():
            for size, expected in site.others:
                self._begin(_Job(key, [], size=size), now + self._draw(expected))
        for wave in self._course.waves:
            if wave.critical and wave.launched_at is not None:
                self._result.recovered_at = max(self._result.recovered_at, wave.launched_at)
            self._resume(wave, now)
        for site_id in self._waiting:
            self._dispatch(site_id, now)
        while self._events:
            at, _, kind, what = heapq.heappop(self._events)
            if kind == "queue":
                self._queue(what, at)
            elif kind == "job":
                self._job_over(what, at)
            else:
                self._wave_over(what, at)
        return self._result

    # --- waves ----------------------------------------------------------------------------------------------------

    def _resume(self, wave: CourseWave, now: float) -> None:
        if wave.ready_at is not None:
            self._result.starts[wave.position] = wave.ready_at
        if wave.over_at is not None:
            self._result.starts.setdefault(wave.position, wave.over_at)
            self._result.ends[wave.position] = wave.over_at
        elif wave.is_running:
            self._result.starts.setdefault(wave.position, now)
            self._take_up(wave, now)
        elif wave.ready_at is not None:
            self._steps_before(wave, max(now, wave.ready_at + wave.start_delay_seconds))
        elif not self._unmet[wave.position]:
            self._ready(wave, now)

    def _ready(self, wave: CourseWave, at: float) -> None:
        self._result.starts[wave.position] = at
        self._steps_before(wave, at + wave.start_delay_seconds)

    def _steps_before(self, wave: CourseWave, at: float) -> None:
        self._push(self._through(wave.before, at), "queue", wave)

    def _queue(self, wave: CourseWave, at: float) -> None:
        if not wave.servers:
            self._launched(wave, at)
            return
        sites = dict.fromkeys(server.site for server in wave.servers)
        for server in wave.servers:
            self._waiting[server.site].append(server)
        for site_id in sites:
            self._dispatch(site_id, at)

    def _take_up(self, wave: CourseWave, now: float) -> None:
        """A wave that was begun: what is launching goes on, and what is not waits for room."""
        jobs: dict[tuple[int, str], list[CourseServer]] = {}
        for server in wave.servers:
            if server.since is None:
                self._waiting[server.site].append(server)
            else:
                jobs.setdefault((server.site, server.job), []).append(server)
        for (site_id, _), servers in jobs.items():
            self._launch(_Job(site_id, servers, size=len(servers)), now)
        if not wave.servers:
            self._launched(wave, now)

    def _launched(self, wave: CourseWave, at: float) -> None:
        """Every server of the wave has its result."""
        tried = wave.launched + wave.failed + len(wave.servers)
        failures = self._failures[wave.position]
        if failures and wave.critical and 100 * (tried - failures) / tried < wave.minimum_success_percent:
            self._result.failed = True
        self._push(self._through(wave.after, at), "over", wave)

    def _wave_over(self, wave: CourseWave, at: float) -> None:
        self._result.ends[wave.position] = at
        for other in self._course.waves:
            if wave.position in other.depends_on:
                self._unmet[other.position] -= 1
                if not self._unmet[other.position] and other.ready_at is None and other.over_at is None:
                    self._result.waited_for[other.position] = wave.position
                    self._ready(other, at)

    def _through(self, steps: tuple[CourseStep, ...], at: float) -> float:
        """When these steps are over, one after the other."""
        for step in steps:
            if step.since is None:
                at += min(self._draw(step.expected), step.timeout_seconds)
            else:
                took = self._draw(step.expected, at - step.since)
                at = max(at, step.since + min(took, step.timeout_seconds))
        return at

    # --- launches -------------------------------------------------------------------------------------------------

    def _dispatch(self, site_id: int, at: float, room_of: int | None = None) -> None:
        waiting = self._waiting[site_id]
        if not waiting:
            return
        site = self._course.sites[site_id]
        waiting.sort(key=lambda server: server.wave)
        budget = Budget(
            max(self._jobs_left[site_id], 0), max(self._servers_left[site_id], 0), max(site.servers_per_job, 1), {}
        )
        jobs = pack(waiting, budget)
        packed = {id(server) for job in jobs for server in job}
        self._waiting[site_id] = [server for server in waiting if id(server) not in packed]
        for servers in jobs:
            begun = at + self._draw(site.dispatch)
            self._launch(_Job(site_id, servers, room_of, len(servers)), begun)

    def _launch(self, job: _Job, at: float) -> None:
        """Draw when each server is launched; the job is over, and that is known, a little after the last."""
        last = at
        for server in job.servers:
            since = at if server.since is None else server.since
            ends_at = since + self._draw(server.expected, at - since)
            last = max(last, ends_at)
            if server.expected.failed_share and self._rng.random() < server.expected.failed_share:
                self._failures[server.wave] += 1
            elif self._waves[server.wave].critical:
                self._result.recovered_at = max(self._result.recovered_at, ends_at)
        self._begin(job, last + self._draw(self._course.sites[job.site].notice))

    def _begin(self, job: _Job, over_at: float) -> None:
        self._jobs_left[job.site] -= 1
        self._servers_left[job.site] -= job.size
        self._push(over_at, "job", job)

    def _job_over(self, job: _Job, at: float) -> None:
        self._jobs_left[job.site] += 1
        self._servers_left[job.site] += job.size
        for server in job.servers:
            self._open[server.wave] -= 1
            if not self._open[server.wave]:
                if job.room_of is not None and job.room_of != server.wave:
                    self._result.waited_for[server.wave] = job.room_of
                self._launched(self._waves[server.wave], at)
        self._dispatch(job.site, at, job.servers[0].wave if job.servers else None)

    # --- time and chance --------------------------------------------------------------------------------------------

    def _push(self, at: float, kind: Literal["queue", "job", "over"], what: CourseWave | _Job) -> None:
        heapq.heappush(self._events, (at, next(self._number), kind, what))

    def _draw(self, expected: Expected, after: float = 0.0) -> float:
        factor = self._factors.get(expected.population)
        if factor is None:
            factor = self._factors[expected.population] = expected.common_factor(self._rng)
        return expected.draw(self._rng, factor, after)
