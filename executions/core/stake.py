"""What a launch makes DRS delete: the earlier instances of the server, those of a real recovery among them.

Also instances that were deleted from DRS and go on in EC2, which no list shows: the server's last launch alone tells
of them (docs/drs.md 5.3). What is at stake decides whether a launch is refused; its kind, drill or recovery, does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from drs.port import FAILED, LAUNCHED, TERMINATED, TYPE_DRILL, RecoveryInstance, SourceServer
from foundation.wording import count, listing

#: A launch that ended so has left no instance, or none any more.
_LEFT_NOTHING = frozenset({FAILED, TERMINATED})
#: A launch of which DRS has not said how it ends.
_UNDECIDED = frozenset({"NOT_STARTED", "PENDING", "IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source server that is to be launched."""

    site: int
    source_server_id: str
    #: As people know it; its id where DRS has no name.
    hostname: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """An instance that DRS deletes to launch its source server anew, or may delete."""

    site: int
    source_server_id: str
    hostname: str
    #: Empty: not known, as DRS does not list it.
    instance_id: str
    #: False: of a real recovery, or not known to be of a drill.
    is_drill: bool
    #: False: DRS does not list it, and nothing says that it was terminated.
    is_listed: bool
    job_id: str = ""
    #: When its launch was asked for; None where DRS does not say.
    launched_at: datetime | None = None
    #: Who said that it may be deleted; empty where nobody did.
    acknowledged_by: str = ""

    @property
    def name(self) -> str:
        """What a person acknowledges it by: its id, or its source server's where that is not known."""
        return self.instance_id or self.source_server_id

    @property
    def names(self) -> frozenset[str]:
        """Everything it may be acknowledged by. One that is not listed also goes by its source server's id."""
        return frozenset({self.name} if self.is_listed else {self.name, self.source_server_id})

    def is_same(self, other: Replaced) -> bool:
        """True if both are one instance. It may have been deleted from DRS, and lost its id, between two looks."""
        if (self.site, self.source_server_id) != (other.site, other.source_server_id):
            return False
        if self.instance_id and other.instance_id:
            return self.instance_id == other.instance_id
        if self.job_id or other.job_id:
            return self.job_id == other.job_id
        if self.launched_at is None:
            return other.launched_at is None and self.instance_id == other.instance_id
        return self.launched_at == other.launched_at

    def document(self) -> dict[str, Any]:
        """As plain JSON, for rows and events; read back by `replaced_of`."""
        at = self.launched_at
        return {**asdict(self), "launched_at": at.isoformat() if at else None}


def replaced_of(document: Mapping[str, Any]) -> Replaced:
    values = {name: document[name] for name in Replaced.__slots__}
    at = values.pop("launched_at")
    return Replaced(**values, launched_at=datetime.fromisoformat(at) if at else None)


def replaced_by_launch(
    wanted: Wanted,
    instances: Iterable[RecoveryInstance],
    source: SourceServer | None,
    launched: Mapping[str, str],
) -> list[Replaced]:
    """What a launch of this server deletes. `instances` are those that DRS lists of it, whatever their state;
    `launched`: job id -> the instance that drsorch saw it launch for this server."""
    listed = list(instances)
    last_job = (source.last_launch_job_id if source else None) or ""
    last_at = source.last_launch_at if source else None
    found = [
        Replaced(
            wanted.site,
            wanted.source_server_id,
            wanted.hostname,
            instance.recovery_instance_id,
            is_drill=instance.is_drill,
            is_listed=True,
            job_id=instance.job_id or "",
            launched_at=last_at if instance.job_id and instance.job_id == last_job else None,
        )
        for instance in listed
        if not instance.is_gone
    ]
    if source is not None and _is_unaccounted_for(source, listed, launched):
        found.append(
            Replaced(
                wanted.site,
                wanted.source_server_id,
                wanted.hostname,
                launched.get(last_job, ""),
                is_drill=False,
                is_listed=False,
                job_id=last_job,
                launched_at=last_at,
            )
        )
    return found


def _is_unaccounted_for(source: SourceServer, listed: Sequence[RecoveryInstance], launched: Mapping[str, str]) -> bool:
    """True if a real recovery launched the server last, and nothing says what became of its instance."""
    status, job = source.last_launch_status, source.last_launch_job_id
    if source.last_launch_type == TYPE_DRILL or status in _LEFT_NOTHING:
        return False
    if not source.last_launch_type and status != LAUNCHED:
        # It was never launched. A launch without its type counts as a real one, as an instance does (5.2).
        return False
    known = launched.get(job) if job else None
    if status in _UNDECIDED and not known:
        # While its job runs DRS refuses another launch; one that ended undecided has an instance if a list shows it.
        return False
    return not any(
        instance.recovery_instance_id in (known, source.recovery_instance_id)
        or (instance.job_id == job if instance.job_id else not instance.is_drill)
        for instance in listed
    )


def at_stake(replaced: Iterable[Replaced]) -> list[Replaced]:
    """Those that are, or may be, production: a launch that deletes one is refused unless it was acknowledged."""
    return [one for one in replaced if not one.is_drill]


class Acknowledged:
    """Instances that people said may be deleted, found by what they are."""

    def __init__(self, instances: Iterable[Replaced]) -> None:
        self._of_server: dict[tuple[int, str], list[Replaced]] = defaultdict(list)
        for one in instances:
            self._of_server[one.site, one.source_server_id].append(one)

    def find(self, one: Replaced) -> Replaced | None:
        """The same instance as it was when it was acknowledged; None if nobody did."""
        return next((other for other in self._of_server[one.site, one.source_server_id] if one.is_same(other)), None)


def unacknowledged(replaced: Iterable[Replaced], acknowledged: Iterable[Replaced]) -> list[Replaced]:
    """Those at stake that nobody said may be deleted."""
    known = Acknowledged(acknowledged)
    return [one for one in at_stake(replaced) if known.find(one) is None]


def named(replaced: Iterable[Replaced], names: Collection[str]) -> list[Replaced]:
    """Those at stake that are named, each by one of its `names`."""
    wanted = frozenset(names)
    return [one for one in at_stake(replaced) if one.names & wanted]


def names_of_nothing(replaced: Collection[Replaced], names: Collection[str]) -> list[str]:
    """Names that are of none of these, in their order: mistyped, of another server, or gone."""
    known = frozenset().union(*(one.names for one in replaced))
    return [name for name in dict.fromkeys(names) if name not in known]


def sentence(one: Replaced) -> str:
    """What it is, and how it is acknowledged."""
    if one.is_listed:
        return f"{one.hostname} is running in recovery as {one.instance_id}, and a launch would delete that instance."
    what = f" as {one.instance_id}" if one.instance_id else ""
    return (
        f"{one.hostname} was recovered{what} and may still be in production: DRS no longer lists that instance, but "
        f"does not report it terminated, and a launch would delete it. To name it, use {one.name}."
    )


def summary(stake: Sequence[Replaced]) -> str:
    """All that is at stake in one sentence, however many there are, and what to do about it."""
    servers = sorted({one.hostname for one in stake})
    are = "is" if len(servers) == 1 else "are"
    return (
        f"{count(len(servers), 'server')} {are} running in recovery ({listing(servers, 3)}), and DRS would delete "
        f"{'that instance' if len(stake) == 1 else f'these {len(stake)} instances'} to launch again. "
        "Fail back or terminate first, or name each instance that DRS may delete."
    )
