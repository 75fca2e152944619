"""Whether servers wait for room because of somebody else's jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that DRS is working on. `whose`: who started it, in words; empty if this execution did."""

    whose: str
    servers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Crowd:
    """What others have there: jobs, and servers in them; and which of those that wait are in one of them themselves."""

    jobs: tuple[RunningJob, ...]
    servers: int
    #: The site's quota is used up.
    full: bool
    taken: frozenset[str]


def crowded_out(
    jobs: Sequence[RunningJob], waiting: Collection[str], *, concurrent_jobs: int, servers_in_jobs: int
) -> Crowd | None:
    """`waiting`: source servers that are queued at the site; the quotas are the site's (docs/drs.md 4). None if others
    are not in their way."""
    others = tuple(job for job in jobs if job.whose)
    full = len(jobs) >= concurrent_jobs or sum(len(job.servers) for job in jobs) >= servers_in_jobs
    taken = frozenset(waiting) & frozenset(server for job in others for server in job.servers)
    if not waiting or not others or not (full or taken):
        return None
    return Crowd(others, sum(len(job.servers) for job in others), full, taken)
