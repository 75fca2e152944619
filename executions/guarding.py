"""Before a drill launches: what DRS would delete to make room for it.

A drill's launch deletes the server's earlier recovery instance, also one of a real recovery (DRS_FACTS 4.5). Starting a
drill asks DRS for those, but a drill may go on for hours. `decide` launches on a fresh list of the site's jobs only, so
a real recovery that began since is in it, and while its job runs DRS refuses the server itself: DRS is asked again only
for servers that such a job names.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from drs.errors import DrsError
from drs.port import JOB_TYPE_LAUNCH
from executions import preflight, transitions
from executions.core.actions import Launch
from executions.core.adoption import INITIATED_BY
from executions.core.states import Kind, ServerStatus
from executions.models import DrsJob, Execution, ServerRun
from protection.models import Site

log = structlog.get_logger(__name__)


def launchable(execution_id: UUID, action: Launch, lease: UUID) -> tuple[int, ...]:
    """Those of the servers that may be launched now; the others fail, or wait, and say why."""
    recovered = _recovered_since_the_start(execution_id, action.site)
    suspects = (
        list(ServerRun.objects.filter(pk__in=action.servers, source_server_id__in=recovered)) if recovered else []
    )
    if not suspects:
        return tuple(action.servers)
    site = Site.objects.get(pk=action.site)
    try:
        live = preflight.recoveries_of(site, [server.source_server_id for server in suspects])
    except DrsError as error:
        why = f"Site {site.name} could not say whether a real recovery runs there. {error.message}"
        log.warning("recovery_not_ruled_out", execution=str(execution_id), site=site.name, error=error.message)
        retry_at = timezone.now() + timedelta(seconds=settings.DRSORCH_POLL_CEILING_SECONDS)
        held = [server.pk for server in suspects]
        transitions.servers_hold(execution_id, held, why, lease=lease, retry_at=retry_at)
        return tuple(server for server in action.servers if server not in held)
    doomed = [server for server in suspects if server.source_server_id in live]
    for server in doomed:
        why = preflight.would_delete(str(server), live[server.source_server_id])
        transitions.servers_move(execution_id, [server.pk], ServerStatus.FAILED, lease=lease, why=why)
    return tuple(server for server in action.servers if server not in {server.pk for server in doomed})


def _recovered_since_the_start(execution_id: UUID, site_id: int) -> set[str]:
    """Source servers that a real recovery at the site names which was first seen since the drill was asked for."""
    execution = Execution.objects.only("kind", "requested_at").get(pk=execution_id)
    if execution.kind != Kind.DRILL:
        return set()
    jobs = DrsJob.objects.filter(
        site=site_id,
        type=JOB_TYPE_LAUNCH,
        initiated_by=INITIATED_BY[False],
        first_seen_at__gte=execution.requested_at,
    )
    return {source for servers in jobs.values_list("servers", flat=True) for source in servers}
