"""What the apps above know of a site: what is under way there, and the jobs that nobody follows.

While something is under way, the site leads where it led.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from access import policy
from access.policy import Person

#: Each names what of its app is under way at the site, as people know it ("the drill of Web shop"), to who asks.
_askers: list[Callable[[int, Person], list[str]]] = []


def register(asker: Callable[[int, Person], list[str]]) -> None:
    """Called once for each app, when it is ready."""
    if asker not in _askers:
        _askers.append(asker)


def under_way_at(site_id: int, by: Person) -> list[str]:
    return [name for asker in _askers for name in asker(site_id, by)]


@dataclass(frozen=True, slots=True)
class UnfollowedJob:
    """A DRS job that this installation asked for, and that its database knows nothing of."""

    site: int
    job_id: str
    #: Source server ids.
    servers: tuple[str, ...]
    #: When it began, by DRS's clock; when it was first seen, where DRS does not say.
    since: datetime
    #: What it is, and what to do about it.
    detail: str


_job_askers: list[Callable[[], list[UnfollowedJob]]] = []


def register_jobs(asker: Callable[[], list[UnfollowedJob]]) -> None:
    """Called once for each app, when it is ready."""
    if asker not in _job_askers:
        _job_askers.append(asker)


def unfollowed_jobs(by: Person) -> list[UnfollowedJob]:
    """Of every site of which the person may see every server, as a job names any; the newest first."""
    found = [job for asker in _job_askers for job in asker()]
    return [job for job in found if policy.may(by, "protection.view_sourceserver", sites=[job.site])]


@dataclass(frozen=True, slots=True)
class Use:
    """Something of an app above that has a group, or a server, in it, and its page."""

    name: str
    url: str
    #: What is to be said of it, in a few words.
    words: str = ""


#: Given the id of a group, the site id and id of a server where it is about one, and who asks: what has it in it, of
#: what they may see. None where there is nothing to be said.
UsesOf = Callable[[int | None, tuple[int, str] | None, Person], list[Use] | None]
_pages: dict[str, UsesOf] = {}


def register_uses(heading: str, uses_of: UsesOf) -> None:
    """Called once for each kind of thing, when its app is ready."""
    _pages[heading] = uses_of


def uses_of(group: int | None, server: tuple[int, str] | None = None, *, by: Person) -> list[tuple[str, list[Use]]]:
    """What has the group or the server in it, by what it is, for their pages."""
    asked = [(heading, ask(group, server, by)) for heading, ask in sorted(_pages.items(), reverse=True)]
    return [(heading, found) for heading, found in asked if found is not None]
