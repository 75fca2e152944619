"""Asking DRS what launches would make it delete. Runs outside any transaction; changes nothing.

Two reads for each 200 servers, and none can be left out: the list of instances does not show those that were deleted
from DRS, and a server's last launch does not show that its instance lives (docs/drs.md 5.3). Nothing seen before
stands in for them: a job of someone else may have begun and ended since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from drs.errors import DrsError
from drs.port import RecoveryInstance, SourceServer
from executions.core.stake import Replaced, Wanted, replaced_by_launch
from executions.core.states import ExecutionKind
from executions.models import ServerRun
from foundation.errors import Unavailable
from plans.core import BlueprintServer
from protection.core.replication import REVERSED
from protection.gateways import gateway
from protection.models import Site


def would_replace(servers: Iterable[BlueprintServer | ServerRun]) -> tuple[Replaced, ...]:
    """What a launch of these servers makes DRS delete, asked of DRS now, drill instances included, in their order.

    `core.stake.at_stake` picks those that may be production. Raises `Unavailable` if a site cannot be asked: what
    cannot be ruled out is not risked.
    """
    wanted = [_wanted(server) for server in servers]
    sites = Site.objects.in_bulk({one.site for one in wanted})
    found: list[Replaced] = []
    for site in sites.values():
        here = [one for one in wanted if one.site == site.pk]
        try:
            found += replaced_at(site, here)
        except DrsError as error:
            raise Unavailable(
                f"drsorch could not ask DRS at site {site.name} which instances a launch would delete, so nothing was "
                f"launched. {error.message}"
            ) from error
    order = {(one.site, one.source_server_id): place for place, one in enumerate(wanted)}
    return tuple(sorted(found, key=lambda one: order[one.site, one.source_server_id]))


@dataclass(frozen=True, slots=True)
class Look:
    """What DRS says of servers of one site that are to be launched."""

    #: By source server id; one that DRS does not list is missing.
    sources: Mapping[str, SourceServer]
    replaced: list[Replaced]

    def unlaunchable(self, server: BlueprintServer | ServerRun) -> str:
        """Why DRS must not be asked to launch the server, in a sentence; empty if it may."""
        name = server.hostname or server.source_server_id
        source = self.sources.get(server.source_server_id)
        if source is None:
            return f"DRS no longer lists {name} ({server.source_server_id}), so it cannot be launched."
        if source.replication_direction == REVERSED:
            return (
                f"{name} ({server.source_server_id}) replicates back to where it came from (FAILBACK), so it is not "
                "launched: that would start an instance at the origin."
            )
        return ""


def replaced_at(site: Site, wanted: Sequence[Wanted]) -> list[Replaced]:
    """The same for servers of one site. Raises `DrsError`."""
    return look_at(site, wanted).replaced


def look_at(site: Site, wanted: Sequence[Wanted]) -> Look:
    """The same, with the servers themselves. Raises `DrsError`."""
    if not wanted:
        return Look({}, [])
    ids = sorted({one.source_server_id for one in wanted})
    drs = gateway(site)
    instances: dict[str, list[RecoveryInstance]] = defaultdict(list)
    for instance in drs.recovery_instances(source_server_ids=ids):
        instances[instance.source_server_id].append(instance)
    sources = {source.source_server_id: source for source in drs.source_servers(ids)}
    launched = _seen_launched(site, ids)
    replaced = [
        replaced
        for one in wanted
        for replaced in replaced_by_launch(
            one,
            instances[one.source_server_id],
            sources.get(one.source_server_id),
            launched[one.source_server_id],
        )
    ]
    return Look(sources, replaced)


def wanted_of(servers: Iterable[ServerRun]) -> list[Wanted]:
    return [_wanted(server) for server in servers]


def _wanted(server: BlueprintServer | ServerRun) -> Wanted:
    return Wanted(server.site_id, server.source_server_id, server.hostname or server.source_server_id)


def _seen_launched(site: Site, source_server_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """For each server: job id -> the instance that drsorch saw a recovery launch."""
    rows: QuerySet[ServerRun] = ServerRun.objects.filter(
        site=site, source_server_id__in=source_server_ids, execution__kind=ExecutionKind.RECOVERY
    ).exclude(recovery_instance_id="")
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for source, job, instance in rows.values_list("source_server_id", "job_id", "recovery_instance_id"):
        found[source][job] = instance
    return found
