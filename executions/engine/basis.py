"""Asking DRS what a launch would start from. Runs outside any transaction; changes nothing.

For each site two reads for 200 servers (`engine.stake`), the native executions in progress, and, where servers are
launched from a chosen point in time, the recovery snapshots of each of them (docs/drs.md 1.4, 5.3, 16).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from drs.errors import DrsError
from drs.port import NativeExecution
from executions.core.stake import Replaced, Wanted
from executions.engine import stake
from executions.models import ServerRun
from foundation.wording import listing
from plans.core import BlueprintServer, Finding, Severity
from protection.gateways import gateway
from protection.models import Site

#: DescribeRecoverySnapshots takes one server a call, so some are asked at a time.
_AT_A_TIME = 8
HELD = "held_by_native_execution"
NO_SNAPSHOT = "no_recovery_snapshot"

log = structlog.get_logger(__name__)
Server = BlueprintServer | ServerRun
AnyServer = TypeVar("AnyServer", bound=Server)
Key = tuple[int, str]


@dataclass(slots=True)
class Look:
    """What DRS said."""

    #: (site id, source server id) -> code and sentence, of a server that DRS would not launch as it is asked for.
    problems: dict[Key, tuple[str, str]] = field(default_factory=dict)
    #: Instances that a launch deletes, drill instances included.
    replaced: list[Replaced] = field(default_factory=list)
    #: Findings that only DRS can tell: servers held by native executions, or that this could not be asked.
    findings: list[Finding] = field(default_factory=list)
    #: A sentence for each site that could not be asked.
    not_asked: list[str] = field(default_factory=list)


def look_at(servers: Iterable[Server], snapshots: Mapping[Key, str] | None = None) -> Look:
    """Ask about these servers. `snapshots`: the recovery snapshot to launch each from, where one is chosen.

    Raises nothing of DRS: what could not be asked is in the answer.
    """
    by_site: dict[int, list[Server]] = defaultdict(list)
    for server in servers:
        by_site[server.site_id].append(server)
    look = Look()
    for site in Site.objects.filter(pk__in=by_site).order_by("pk"):
        here = by_site[site.pk]
        try:
            _of_servers(look, site, here)
            _of_snapshots(look, site, here, snapshots or {})
        except DrsError as error:
            log.warning("launch_not_checked", site=site.name, error=error.message)
            look.not_asked.append(
                f"drsorch could not ask DRS at site {site.name} what a launch would start from and delete. "
                f"{error.message}"
            )
        look.findings += native_findings(site, here)
    return look


def _of_servers(look: Look, site: Site, servers: Sequence[Server]) -> None:
    wanted = [Wanted(one.site_id, one.source_server_id, one.hostname or one.source_server_id) for one in servers]
    found = stake.look_at(site, wanted)
    look.replaced += found.replaced
    for server in servers:
        if why := found.unlaunchable(server):
            code = "replication_reversed" if server.source_server_id in found.sources else "server_missing"
            look.problems[server.site_id, server.source_server_id] = (code, why)


def _of_snapshots(look: Look, site: Site, servers: Sequence[Server], snapshots: Mapping[Key, str]) -> None:
    wanted = [
        server
        for server in servers
        if snapshots.get(key := (server.site_id, server.source_server_id)) and key not in look.problems
    ]
    if not wanted:
        return
    port = gateway(site)

    def is_there(server: Server) -> bool:
        chosen = snapshots[server.site_id, server.source_server_id]
        return any(one.snapshot_id == chosen for one in port.recovery_snapshots(server.source_server_id))

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for server, there in zip(wanted, pool.map(is_there, wanted), strict=True):
            if not there:
                look.problems[server.site_id, server.source_server_id] = (
                    NO_SNAPSHOT,
                    f"DRS no longer has the recovery snapshot of {server.hostname or server.source_server_id} that was "
                    f"chosen ({snapshots[server.site_id, server.source_server_id]}), so it cannot be launched.",
                )


def native_findings(site: Site, servers: Iterable[Server]) -> list[Finding]:
    """Which of these servers executions of DRS's own recovery plans hold, whether or not they have a job yet.

    That it could not be asked, for lack of a permission or at an endpoint without recovery plans, is a warning: DRS
    itself refuses a second job of a server, and the engine waits for it.
    """
    try:
        held = native_held(site, list(servers))
    except DrsError as error:
        return [
            Finding(
                Severity.WARNING,
                "native_executions_unknown",
                site.name,
                f"drsorch could not ask DRS at site “{site.name}” whether a native recovery plan is being executed. "
                f"{error.message}",
                "Allow drs:ListRecoveryPlanExecutions, drs:ListRecoveryPlanExecutionSteps and drs:GetRecoveryPlan.",
            )
        ]
    return [_held(site, execution, those) for execution, those in held]


def native_held(
    site: Site, servers: Sequence[AnyServer], *, in_progress_alone: bool = False
) -> list[tuple[NativeExecution, list[AnyServer]]]:
    """Executions of DRS's own recovery plans that hold some of these servers of the site, with those servers.

    Where there is none, it costs three calls to DRS, or one for those in progress alone. Raises `DrsError`.
    """
    found = [
        (execution, [server for server in servers if server.source_server_id in execution.source_server_ids])
        for execution in gateway(site).native_executions(in_progress_alone=in_progress_alone)
    ]
    return [(execution, held) for execution, held in found if held]


def _held(site: Site, execution: NativeExecution, servers: Iterable[Server]) -> Finding:
    names = [f"{server.hostname or server.source_server_id} ({server.source_server_id})" for server in servers]
    return Finding(
        Severity.BLOCKING,
        HELD,
        execution.arn,
        f"The native recovery plan execution {execution.label} at site “{site.name}” is in progress and holds "
        f"{listing(list(names))}.",
        "Wait until it has ended, or cancel it in the DRS console.",
    )
