"""Before a launch: whether DRS would delete the live instance of a real recovery to make room for it, whether it still
lists the server, whether that replicates in the direction in which it is recovered, and whether an execution of DRS's
own recovery plans holds it.

Starting an execution asked DRS for those, and they were acknowledged; but an execution may wait for its approval, be
paused, or go on for hours, and meanwhile anyone may have recovered the same servers. So DRS is asked before each
launch, whatever its kind, and a server whose instance nobody acknowledged fails and says so: a retry can name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from drs.errors import TRANSIENT, DrsError
from executions import transitions
from executions.core.actions import Launch
from executions.core.stake import Acknowledged, Replaced, at_stake, replaced_of, sentence
from executions.core.states import ServerStatus
from executions.decisions import Basis
from executions.engine import stake
from executions.engine.basis import HELD, native_held
from executions.models import Execution, ServerRun
from protection.models import Site

_NATIVE_ADVICE = "It is launched when that has ended. Wait, or cancel that execution in the DRS console."
_ADVICE = "It was not launched. Fail back or terminate that instance, or name it when you retry the server."

#: A press asked for all native executions; what begins right behind it is not asked about again.
_JUST_ASKED = timedelta(minutes=1)

log = structlog.get_logger(__name__)


def launchable(execution_id: UUID, action: Launch, lease: UUID) -> tuple[tuple[int, ...], list[Replaced]]:
    """Those of the servers that may be launched now, and the live recovery instances that this deletes, as they were
    acknowledged. The other servers fail, or wait, and say why."""
    site = Site.objects.get(pk=action.site)
    servers = list(ServerRun.objects.filter(pk__in=action.servers))
    try:
        look = stake.look_at(site, stake.wanted_of(servers))
        held = _held_by_others(execution_id, site, servers)
    except DrsError as error:
        _hold_all(execution_id, servers, site, error, lease)
        return (), []
    for label, those in held:
        why = f"The native recovery plan execution {label} is in progress and holds it. {_NATIVE_ADVICE}"
        _hold(execution_id, those, why, lease)
    waiting = {server.pk for _, those in held for server in those}
    found = at_stake(look.replaced)
    acknowledged = Execution.objects.values_list("acknowledged", flat=True).get(pk=execution_id)
    known = Acknowledged(map(replaced_of, acknowledged))
    replaces: list[Replaced] = []
    refused: dict[str, list[str]] = {}
    for one in found:
        named = known.find(one)
        if named is None:
            refused.setdefault(one.source_server_id, []).append(sentence(one))
        else:
            replaces.append(replace(one, acknowledged_by=named.acknowledged_by))
    for server in servers:
        if server.pk in waiting:
            continue
        if unlaunchable := look.unlaunchable(server):
            refused[server.source_server_id] = []
            transitions.servers_move(execution_id, [server.pk], ServerStatus.FAILED, lease=lease, why=unlaunchable)
        elif reasons := refused.get(server.source_server_id):
            why = " ".join([*reasons, _ADVICE])
            transitions.servers_move(execution_id, [server.pk], ServerStatus.FAILED, lease=lease, why=why)
    allowed = {
        server.pk: server.source_server_id
        for server in servers
        if server.pk not in waiting and server.source_server_id not in refused
    }
    return (
        tuple(server for server in action.servers if server in allowed),
        [one for one in replaces if one.source_server_id in allowed.values()],
    )


def _held_by_others(
    execution_id: UUID, site: Site, servers: Sequence[ServerRun]
) -> list[tuple[str, Sequence[ServerRun]]]:
    """Native executions that hold some of the servers, by what people know them by; not those that a press accepted.

    Raises `DrsError` for what passes. Where a role may not read them, or an endpoint does not have them, nothing would
    ever be launched: then DRS's own rule of one job a server has to do, as the warning of the request says.
    """
    last = Basis.objects.filter(execution=execution_id).last()
    if last is not None and timezone.now() - last.at < _JUST_ASKED:
        return []
    try:
        found = native_held(site, servers, in_progress_alone=True)
    except TRANSIENT:
        raise
    except DrsError as error:
        log.info("native_executions_unknown", execution=str(execution_id), site=site.name, error=error.message)
        return []
    if not found:
        return []
    accepted = {one["subject"] for one in last.read()["findings"] if one["code"] == HELD} if last else set()
    return [(execution.label, held) for execution, held in found if execution.arn not in accepted]


def _hold_all(execution_id: UUID, servers: Sequence[ServerRun], site: Site, error: DrsError, lease: UUID) -> None:
    why = f"drsorch could not check whether a launch would delete a real recovery at site {site.name}. {error.message}"
    log.warning("recovery_not_ruled_out", execution=str(execution_id), site=site.name, error=error.message)
    _hold(execution_id, servers, why, lease, error.retry_after_seconds)


def _hold(
    execution_id: UUID, servers: Sequence[ServerRun], why: str, lease: UUID, wait_seconds: float | None = None
) -> None:
    retry_at = timezone.now() + timedelta(seconds=wait_seconds or settings.DRSORCH_POLL_CEILING_SECONDS)
    transitions.servers_hold(execution_id, [server.pk for server in servers], why, lease=lease, retry_at=retry_at)
