"""What an execution is made of: a plan revision with its dependencies and its servers resolved, frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from plans.core.purpose import PurposeDocument


@dataclass(frozen=True, slots=True)
class BlueprintServer:
    """A source server to launch, and the protection group that brought it in."""

    site_id: int
    source_server_id: str
    hostname: str
    os: str
    protection_group: str


@dataclass(frozen=True, slots=True)
class BlueprintStep:
    """Something done before or after a wave that is not a launch. `parameters` depend on `kind`: see `steps`."""

    name: str
    description: str
    link: str
    #: "before" or "after".
    when: str
    kind: str
    timeout_seconds: int
    #: "stop" or "continue".
    on_failure: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlueprintWave:
    """A wave with the positions, from 0, of the waves it waits for; empty starts at once."""

    position: int
    name: str
    depends_on: tuple[int, ...]
    minimum_success_percent: int
    #: "stop" or "continue".
    on_failure: str
    start_delay_seconds: int
    launch_timeout_seconds: int
    servers: tuple[BlueprintServer, ...]
    steps: tuple[BlueprintStep, ...]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One plan revision, ready to be copied into an execution. Waves are in the order of the plan."""

    plan_id: int
    plan_name: str
    revision: int
    rto_target_seconds: int | None
    rpo_target_seconds: int | None
    #: Approvals that a recovery needs; a drill needs none.
    approvals_required: int
    waves: tuple[BlueprintWave, ...]
    purpose: PurposeDocument

    @property
    def servers(self) -> Iterator[BlueprintServer]:
        """Every server of every wave, in the order of the plan."""
        return (server for wave in self.waves for server in wave.servers)
