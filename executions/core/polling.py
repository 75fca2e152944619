"""What to ask DRS about a site's jobs, and when to ask again. Pure: facts in, the next thing to ask out.

Polling follows expectation: sparse at first, dense when a job is due (ADR 0008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from executions.core.facts import Settings

#: Without any history, a job is not due for so many poll ceilings (three minutes by default): no recorded launch took
#: less (docs/drs.md 3.4).
_FIRST_DUE_CEILINGS = 6
#: With servers like them, it is not due for this share of the shortest time that those took.
_EARLY = 0.9
#: From then on the gap is this share of the time it has taken: it is found, on average, half of this share late.
_GROWTH = 0.04
#: The same servers took as long before, give or take this share.
_MARGIN = 0.105
#: Around that time the gap is this share of it.
_DENSE = 0.012
#: After it, the gap is this share of the time that the job is late.
_OVERDUE = 0.25
#: While a job is not due by what the same servers took before, only its log is read, every so many ceilings.
_IDLE_CEILINGS = 3
#: Without such history, its status is asked for all the time, and its log every so many ceilings.
_LOG_CEILINGS = 4


#: While something waits for the site and nothing says when to look, it is looked at after so many ceilings.
_NET_CEILINGS = 3
#: A launch that was given up is looked for ever more seldom: the gap is this share of the time since then.
_LOST_GROWTH = 0.1
#: A hint that a job is about to end is good for so long.
_HINT = timedelta(seconds=60)
#: An instance may appear a poll or two after its launch (docs/drs.md 5.1); after so many looks it is left unnamed.
_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Expectation:
    """`likely_seconds`: what the same servers took; `least_seconds`: what servers like them took at the least."""

    likely_seconds: float | None = None
    least_seconds: float | None = None

    def may_be_over(self, elapsed: float) -> bool:
        """False while a job is certainly worth no look at its status, by what the same servers took before."""
        return self.likely_seconds is None or elapsed >= self.likely_seconds * (1 - _MARGIN)


def expectation(*, same: Sequence[float], alike: Sequence[float]) -> Expectation:
    """From durations, in seconds, of jobs of the same servers and of servers with the same operating systems."""
    return Expectation(median(same) if same else None, min(alike) if alike else None)


def next_gap_seconds(elapsed: float, expected: Expectation, floor: float, ceiling: float) -> float:
    """Seconds until the next look at a job that has run for `elapsed` seconds: at least the floor, and at most the
    ceiling as soon as it may be over."""
    if expected.likely_seconds is None:
        first_due = _EARLY * expected.least_seconds if expected.least_seconds else _FIRST_DUE_CEILINGS * ceiling
        gap = min(ceiling, first_due - elapsed) if elapsed < first_due else elapsed * _GROWTH
        return min(max(gap, floor), ceiling)
    likely = expected.likely_seconds
    if not expected.may_be_over(elapsed):
        return max(min(_IDLE_CEILINGS * ceiling, likely * (1 - _MARGIN) - elapsed), floor)
    gap = likely * _DENSE if elapsed <= likely * (1 + _MARGIN) else (elapsed - likely) * _OVERDUE
    return min(max(gap, floor), ceiling)


def log_is_due(elapsed: float, since_read: float, expected: Expectation, ceiling: float) -> bool:
    """True if a running job's log is to be read for its phases, `since_read` seconds after the last time.

    It is read less often while the job's end is looked for anyway.
    """
    likely, every = expected.likely_seconds, _IDLE_CEILINGS * ceiling
    if likely is None:
        return since_read >= _LOG_CEILINGS * ceiling
    if likely * (1 - _MARGIN) - every / 2 <= elapsed <= likely * (1 + _MARGIN):
        every *= 2
    return since_read >= every


# --- one look at a site -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WatchedJob:
    """A job at the site that is running, or of which not everything was asked."""

    job_id: str
    is_launch: bool
    finished: bool
    #: An operation of ours waits for it.
    ours: bool
    first_seen_at: datetime
    finished_seen_at: datetime | None = None
    log_read_at: datetime | None = None
    #: When an EventBridge event, or its log, said that it is about to end.
    hinted_at: datetime | None = None
    #: How often everything was asked of it since it finished.
    examinations: int = 0
    #: Asking again would tell nothing more.
    complete: bool = False
    #: A server of it failed, and no reason is known.
    failure_unexplained: bool = False
    #: It launched a server whose instance is not known; or whose instance or recovery point is not.
    instance_unknown: bool = False
    details_unknown: bool = False
    #: Its execution will launch more at the site, and no step of it asks for addresses.
    more_to_come: bool = False
    expected: Expectation = Expectation()

    @property
    def can_wait(self) -> bool:
        """Its recovery points may be asked for later: one lookup at the end then serves all jobs of the execution."""
        return self.more_to_come and not self.instance_unknown

    def elapsed(self, now: datetime) -> float:
        return (now - self.first_seen_at).total_seconds()

    def is_hinted(self, now: datetime) -> bool:
        return self.hinted_at is not None and now - self.hinted_at < _HINT

    def log_is_final(self) -> bool:
        return bool(self.log_read_at and self.finished_seen_at and self.log_read_at >= self.finished_seen_at)


@dataclass(frozen=True, slots=True)
class PollFacts:
    """A site and its jobs, and what was asked in this look so far."""

    jobs: tuple[WatchedJob, ...]
    #: Something in flight: an intent whose job is not known; servers that wait to be launched; any open operation.
    intent_open: bool = False
    servers_queued: bool = False
    operation_open: bool = False
    #: When an operation was last given up whose job may yet appear.
    lost_at: datetime | None = None
    #: No list of jobs was ever complete.
    first: bool = False
    #: Asked in this look: whether the jobs were listed; the jobs whose log was read since; those that were examined.
    listed: bool = False
    logs_read: frozenset[str] = frozenset()
    examined: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ListJobs:
    """DescribeJobs, as far back as needed."""


@dataclass(frozen=True, slots=True)
class ReadLogs:
    """DescribeJobLogItems of each of these jobs."""

    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examine:
    """Everything was asked of these finished jobs; for `look_up`, DescribeRecoveryInstances first."""

    jobs: tuple[str, ...]
    look_up: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgainAt:
    """Nothing more to ask now. None: not before somebody waits for the site again."""

    at: datetime | None


def decide_poll(facts: PollFacts, now: datetime, settings: Settings) -> ListJobs | ReadLogs | Examine | AgainAt:
    """What to ask next. Each answer changes the facts; `AgainAt` ends the look."""
    if not facts.listed and _is_worth_a_list(facts, now):
        return ListJobs()
    if logs := _logs_to_read(facts, now, settings):
        return ReadLogs(logs)
    if finished := [job for job in _unexamined(facts) if job.job_id not in facts.examined]:
        # Of a job that can wait, only the log is read.
        look_up = [job.job_id for job in finished if not job.can_wait]
        return Examine(tuple(job.job_id for job in finished), tuple(look_up))
    return AgainAt(next_poll_at(facts, now, settings))


def next_poll_at(facts: PollFacts, now: datetime, settings: Settings) -> datetime | None:
    """When the site is worth another look; None if nothing there is waited for."""
    floor, ceiling = settings.poll_floor_seconds, settings.poll_ceiling_seconds
    gaps: list[float] = []
    for job in facts.jobs:
        if job.complete:
            continue
        if job.finished:
            gaps.extend([] if job.can_wait else [floor])
        elif job.ours or facts.servers_queued:
            hinted = job.is_hinted(now)
            gaps.append(floor if hinted else next_gap_seconds(job.elapsed(now), job.expected, floor, ceiling))
    if facts.intent_open:
        gaps.append(floor)
    elif facts.servers_queued or facts.operation_open:
        gaps.append(ceiling * _NET_CEILINGS)
    if facts.lost_at is not None:
        gaps.append(max(ceiling * _NET_CEILINGS, (now - facts.lost_at).total_seconds() * _LOST_GROWTH))
    return now + timedelta(seconds=min(gaps)) if gaps else None


def is_complete(job: WatchedJob) -> bool:
    """True if a finished job whose instances were looked up has nothing more to tell."""
    return not job.details_unknown or job.examinations >= _LOOKS


def _is_worth_a_list(facts: PollFacts, now: datetime) -> bool:
    """False while every job of interest is known not to be over yet: then only their logs are read."""
    if facts.first or facts.intent_open or facts.servers_queued:
        return True
    running = [job for job in facts.jobs if job.ours and not job.finished]
    if not running or any(job.is_hinted(now) for job in running):
        return True
    return any(job.expected.may_be_over(job.elapsed(now)) for job in running)


def _logs_to_read(facts: PollFacts, now: datetime, settings: Settings) -> tuple[str, ...]:
    """Of finished jobs once; of running ones where a server failed without a reason, and of the one that is due the
    longest. One in a look, so that the number of calls does not grow with that of executions."""
    finished = [job for job in _unexamined(facts) if job.is_launch and not job.log_is_final()]
    running = [job for job in facts.jobs if job.ours and not job.finished]
    unexplained = [job for job in running if job.failure_unexplained]
    due = [job for job in running if not job.failure_unexplained and _log_is_due(job, now, settings)]
    if facts.logs_read.isdisjoint(job.job_id for job in running if not job.failure_unexplained):
        due = sorted(due, key=lambda job: job.log_read_at or job.first_seen_at)[:1]
    else:
        due = []
    wanted = [*finished, *unexplained, *due]
    return tuple(job.job_id for job in wanted if job.job_id not in facts.logs_read)


def _unexamined(facts: PollFacts) -> list[WatchedJob]:
    return [job for job in facts.jobs if job.finished and (not job.complete or (job.ours and not job.examinations))]


def _log_is_due(job: WatchedJob, now: datetime, settings: Settings) -> bool:
    since_read = (now - (job.log_read_at or job.first_seen_at)).total_seconds()
    return log_is_due(job.elapsed(now), since_read, job.expected, settings.poll_ceiling_seconds)
