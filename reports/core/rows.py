"""What a report is made from: everything that is known of one execution, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.origin import ENGINE

#: The columns of a row, by their names.
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of the execution's chain."""

    sequence: int
    at: datetime
    actor: str
    #: By screen, API or command; "engine" for drsorch's own work.
    via: str
    type: str
    subject: str
    detail: Row
    #: As the audit trail tells it, and the reason that was given.
    sentence: str
    reason: str
    hash: str

    @property
    def person(self) -> str | None:
        """Who did it; None if drsorch itself did, also at somebody's press."""
        return None if self.actor == ENGINE else self.actor


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Something that was changed in drsorch while the execution ran."""

    at: datetime
    actor: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Each row has the names of its model's columns. Times are aware; durations are seconds."""

    tool_version: str
    #: The name of the zone in which local times are shown, such as "Europe/Berlin".
    time_zone: str
    #: When they were read.
    read_at: datetime
    execution: Row
    #: SHA-256 of the document of the plan's revision; empty if it is gone.
    plan_sha256: str
    #: By their id: "name", "account_id", "region".
    sites: Mapping[int, Row]
    waves: Sequence[Row]
    steps: Sequence[Row]
    servers: Sequence[Row]
    approvals: Sequence[Row] = ()
    #: What jobs launched that appeared late.
    late: Sequence[Row] = ()
    #: The tags that a server had when this was read, by site and source server id.
    tags: Mapping[tuple[int, str], Mapping[str, str]] = field(default_factory=dict)
    events: Sequence[EventRow] = ()
    changes: Sequence[ChangeRow] = ()
    #: The dossier's columns.
    validated: Row = field(default_factory=dict)
    findings: Sequence[Row] = ()
    sign_offs: Sequence[Row] = ()
    #: Runs of the plan of the same kind that ended before this one was requested, the newest first.
    earlier: Sequence[Row] = ()
    #: Source servers in protection groups at the sites of the execution, whichever plan they are in.
    protected_servers: int = 0
    #: What is wrong with the chain, or with rows that it seals; None if that was not asked.
    faults: Sequence[str] | None = None
