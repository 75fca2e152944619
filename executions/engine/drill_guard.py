"""Before a drill launches: what DRS would delete to make room for it.

A drill's launch deletes the server's earlier recovery instance, also one of a real recovery (docs/drs.md 5.3). Starting
a drill asks DRS for those, but a drill may go on for hours, and a recovery may be on its way already. `decide` launches
on a fresh list of the site's jobs only, so such a recovery is in it, and while its job runs DRS refuses the server
itself. DRS is asked again only for servers that such a job names, or where the list is not that fresh.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from drs.errors import DrsError
from drs.port import JOB_TYPE_LAUNCH
from executions import transitions
from executions.core.actions import Launch
from executions.core.operations.launch import INITIATED_BY
from executions.core.states import ExecutionKind, ServerStatus
from executions.engine import preflight
from executions.models import DrsJob, Execution, ServerRun, SiteWatch
from protection.models import Site

#: A list of jobs proves this long that no real recovery has begun and ended: none that launched a server is taken to
#: last under three minutes (docs/drs.md 3.4).
_LIST_PROVES = timedelta(seconds=90)
#: An instance may show this long after its job has ended, so after the drill was asked for.
_SHOWS_LATE = timedelta(minutes=10)

log = structlog.get_logger(__name__)


def launchable(execution_id: UUID, action: Launch, lease: UUID) -> tuple[int, ...]:
    """Those of the servers that may be launched now; the others fail, or wait, and say why."""
    execution = Execution.objects.only("kind", "requested_at").get(pk=execution_id)
    suspects = _suspects(execution, action) if execution.kind == ExecutionKind.DRILL else []
    if not suspects:
        return tuple(action.servers)
    site = Site.objects.get(pk=action.site)
    try:
        live = preflight.recoveries_of(site, [server.source_server_id for server in suspects])
    except DrsError as error:
        why = f"drsorch could not check whether a real recovery is running at site {site.name}. {error.message}"
        log.warning("recovery_not_ruled_out", execution=str(execution_id), site=site.name, error=error.message)
        retry_at = timezone.now() + timedelta(seconds=settings.DRSORCH_POLL_CEILING_SECONDS)
        held = [server.pk for server in suspects]
        transitions.servers_hold(execution_id, held, why, lease=lease, retry_at=retry_at)
        return tuple(server for server in action.servers if server not in held)
    endangered = [server for server in suspects if server.source_server_id in live]
    for server in endangered:
        why = preflight.would_delete(str(server), live[server.source_server_id])
        transitions.servers_move(execution_id, [server.pk], ServerStatus.FAILED, lease=lease, why=why)
    return tuple(server for server in action.servers if server not in {server.pk for server in endangered})


def _suspects(execution: Execution, action: Launch) -> list[ServerRun]:
    """The servers for which it cannot be ruled out that they have been recovered since the drill was asked for."""
    servers = ServerRun.objects.filter(pk__in=action.servers)
    polled_at = SiteWatch.objects.filter(pk=action.site).values_list("polled_at", flat=True).first()
    if polled_at is None or timezone.now() - polled_at > _LIST_PROVES:
        return list(servers)
    under_way = Q(finished=False) | Q(finished_seen_at__gte=execution.requested_at - _SHOWS_LATE)
    jobs = DrsJob.objects.filter(under_way, site=action.site, type=JOB_TYPE_LAUNCH, initiated_by=INITIATED_BY[False])
    recovered = {source for named in jobs.values_list("servers", flat=True) for source in named}
    return list(servers.filter(source_server_id__in=recovered)) if recovered else []
