"""What must be asked of DRS before an execution may start. Runs outside any transaction; changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from drs.errors import DrsError
from drs.port import RecoverySnapshot
from foundation.errors import FieldError, Unavailable
from plans.core import Blueprint, BlueprintServer
from protection.gateways import gateway
from protection.models import Site

#: DescribeRecoverySnapshots takes one server a call, so some are asked at a time.
_AT_A_TIME = 8


def servers_of(blueprint: Blueprint) -> list[BlueprintServer]:
    return [server for wave in blueprint.waves for server in wave.servers]


def _by_site(servers: Iterable[BlueprintServer]) -> dict[Site, list[BlueprintServer]]:
    found: dict[int, list[BlueprintServer]] = defaultdict(list)
    for server in servers:
        found[server.site_id].append(server)
    sites = Site.objects.in_bulk(found)
    return {sites[site_id]: members for site_id, members in found.items()}


def snapshots_at(
    wanted: Iterable[BlueprintServer], point_in_time: datetime
) -> tuple[dict[tuple[int, str], RecoverySnapshot], list[FieldError]]:
    """For each server the newest recovery snapshot at or before the time, and those that have none.

    Raises `Unavailable` if a site cannot be asked.
    """
    chosen: dict[tuple[int, str], RecoverySnapshot] = {}
    missing: list[FieldError] = []
    for site, servers in _by_site(wanted).items():
        try:
            for server, snapshot in _newest(site, servers, point_in_time):
                if snapshot is not None:
                    chosen[(site.pk, server.source_server_id)] = snapshot
                    continue
                missing.append(
                    FieldError(
                        "point_in_time",
                        f"{server.hostname or server.source_server_id} has no recovery snapshot at or before "
                        f"{point_in_time:%Y-%m-%d %H:%M:%S} UTC. Choose a later time, or the latest state.",
                        "no_recovery_snapshot",
                    )
                )
        except DrsError as error:
            raise Unavailable(
                f"drsorch could not list the recovery snapshots at site {site.name}. {error.message}"
            ) from error
    return chosen, missing


def _newest(
    site: Site, servers: list[BlueprintServer], point_in_time: datetime
) -> Iterable[tuple[BlueprintServer, RecoverySnapshot | None]]:
    port = gateway(site)

    def ask(server: BlueprintServer) -> RecoverySnapshot | None:
        return next(iter(port.recovery_snapshots(server.source_server_id, not_after=point_in_time)), None)

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        yield from zip(servers, pool.map(ask, servers), strict=True)
