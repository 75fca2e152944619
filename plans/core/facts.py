"""What readiness is judged by: a plan, its steps and its servers as they were last mirrored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plans.core.graph import Graph
from plans.core.steps import StepKind, StepWhen


@dataclass(frozen=True, slots=True)
class SiteFacts:
    name: str
    last_synced_at: datetime | None
    #: Why the last sync failed, in a sentence; empty if it did not.
    sync_error: str


@dataclass(frozen=True, slots=True)
class ServerFacts:
    source_server_id: str
    #: What a person calls it.
    label: str
    missing_since: datetime | None
    #: As DRS writes it; it may be a value we do not know.
    replication_state: str
    replication_error: str
    lag_seconds: float | None
    recovery_instance_id: str
    hostname: str = ""
    #: Its last launch was a real recovery, whose instance was not terminated as far as DRS says.
    in_recovery: bool = False


@dataclass(frozen=True, slots=True)
class ReversedServer:
    source_server_id: str
    label: str
    #: The group names it one by one; otherwise its tags match.
    is_named: bool


@dataclass(frozen=True, slots=True)
class GroupFacts:
    name: str
    site: SiteFacts
    servers: tuple[ServerFacts, ...]
    #: A sentence by source server id for servers that this group and another one select.
    conflicts: tuple[tuple[str, str], ...] = ()
    #: Servers that it means but does not have, because they replicate back to where they came from.
    reversed: tuple[ReversedServer, ...] = ()
    #: Ids that it names and that its site has never had.
    unknown: tuple[str, ...] = ()
    #: It has a tag selector that matches no server of its site.
    matches_nothing: bool = False


@dataclass(frozen=True, slots=True)
class StepFacts:
    name: str
    when: str
    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    #: The execution stops if it fails.
    stops: bool = True

    @property
    def wait_seconds(self) -> int:
        """Of a wait; 0 for every other kind."""
        return int(self.parameters["seconds"]) if self.kind == StepKind.WAIT else 0


@dataclass(frozen=True, slots=True)
class WaveFacts:
    name: str
    start_delay_seconds: int
    groups: tuple[GroupFacts, ...]
    steps: tuple[StepFacts, ...]

    @property
    def servers(self) -> tuple[ServerFacts, ...]:
        return tuple(server for group in self.groups for server in group.servers)

    @property
    def sites(self) -> tuple[str, ...]:
        """Where its servers are, by name."""
        return tuple(sorted({group.site.name for group in self.groups if group.servers}))

    @property
    def waits_before_seconds(self) -> int:
        """How long it certainly takes until its servers may launch, by its own delay and waits."""
        return self.start_delay_seconds + sum(s.wait_seconds for s in self.steps if s.when == StepWhen.BEFORE)

    @property
    def waits_seconds(self) -> int:
        """How long it certainly takes as a whole."""
        return self.start_delay_seconds + sum(step.wait_seconds for step in self.steps)


@dataclass(frozen=True, slots=True)
class PlanFacts:
    name: str
    rto_target_seconds: int | None
    rpo_target_seconds: int | None
    approvals_required: int
    #: How many active people may approve.
    approvers: int
    graph: Graph
    waves: tuple[WaveFacts, ...]
    #: What the plan says instead, and what no approver has agreed to; None if it says what it requires.
    approvals_lowered_to: int | None = None
    #: It was put aside.
    archived: bool = False
    #: The names of all sites, whether the plan has servers there or not.
    sites: frozenset[str] = frozenset()
    #: Of these, the names that whoever asks may be told.
    sites_offered: frozenset[str] = frozenset()
    #: Why drsorch may not ask a host that a check names, in a sentence, by host.
    refused_hosts: Mapping[str, str] = field(default_factory=dict)
