"""TerminateRecoveryInstances, for clean-up: no instance is terminated unseen, and none counts as gone unseen."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from drs.errors import TRANSIENT, DrsError
from drs.port import DrsPort, Job, RecoveryInstance
from executions import transitions
from executions.core.actions import Terminate
from executions.core.states import OperationKind
from executions.crashpoints import crash_point
from executions.engine.operations.sending import send
from executions.engine.operations.slots import slot
from executions.models import LateInstance, Operation, ServerRun
from executions.transitions.operations.terminate import terminated_model
from protection.gateways import gateway
from protection.models import Site

log = structlog.get_logger(__name__)


def terminate_verified(execution_id: UUID, action: Terminate, lease: UUID) -> None:
    """Look at each instance; terminate those that are drill instances of this execution, note those that are gone."""
    with slot(action.site) as is_free:
        if is_free:
            _terminate_verified(execution_id, action, lease)


def _terminate_verified(execution_id: UUID, action: Terminate, lease: UUID) -> None:
    model = terminated_model(action.kind)
    servers = list(model._default_manager.filter(pk__in=action.servers).select_related("site"))
    site = Site.objects.get(pk=action.site)
    try:
        there = _instances(site, [server.recovery_instance_id for server in servers])
    except DrsError as error:
        transitions.servers_hold_cleanup(
            execution_id,
            {server.pk: error.message for server in servers},
            lease=lease,
            retry_at=_retry_at(),
            transient=isinstance(error, TRANSIENT),
            model=model,
        )
        return
    gone = [server for server in servers if server.recovery_instance_id not in there]
    held = {
        server.pk: why
        for server in servers
        if (instance := there.get(server.recovery_instance_id)) and (why := _not_ours(server, instance))
    }
    if gone:
        with transitions.locked(execution_id, lease) as execution:
            transitions.servers_gone(execution, [server.recovery_instance_id for server in gone], model=model)
    if held:
        transitions.servers_hold_cleanup(execution_id, held, lease=lease, retry_at=_retry_at(), model=model)
    to_terminate = tuple(server.pk for server in servers if server not in gone and server.pk not in held)
    if not to_terminate:
        return
    operation = transitions.operation_intend(
        execution_id, action.kind, action.site, to_terminate, action.budget_version, lease=lease
    )
    if operation is not None:
        send(operation, _terminate_instances, lease)


def _terminate_instances(port: DrsPort, operation: Operation) -> Job:
    return port.terminate_recovery_instances([target["recovery_instance_id"] for target in operation.targets])


def verify_terminated(execution_id: UUID, key: UUID, lease: UUID) -> None:
    """After a termination job: settle which of its instances are gone; the rest is tried again."""
    operation = Operation.objects.select_related("site").get(pk=key)
    wanted = [target["recovery_instance_id"] for target in operation.targets]
    try:
        there = _instances(operation.site, wanted)
    except DrsError as error:
        # Nothing is settled on a guess: the next look asks again.
        log.warning("termination_not_verified", operation=str(key), error=error.message)
        return
    remaining = {
        instance_id: f"{instance_id} is still {there[instance_id].ec2_state or 'present'} after job {operation.job_id}."
        for instance_id in wanted
        if instance_id in there
    }
    gone = [instance_id for instance_id in wanted if instance_id not in there]
    crash_point("cleanup.after_look")
    transitions.termination_settle(execution_id, key, gone, remaining, lease=lease, retry_at=_retry_at())


def _instances(site: Site, instance_ids: list[str]) -> dict[str, RecoveryInstance]:
    """Those that are still there, by id. Raises `DrsError`."""
    found = gateway(site).recovery_instances(recovery_instance_ids=instance_ids)
    return {one.recovery_instance_id: one for one in found if not one.is_gone}


def _not_ours(server: ServerRun | LateInstance, instance: RecoveryInstance) -> str:
    """Why this instance is not the drill's to terminate; empty if it is."""
    name = instance.recovery_instance_id
    if not instance.is_drill:
        return f"{name} is a recovery instance, not a drill instance, so it was not terminated."
    if instance.source_server_id != server.source_server_id:
        return f"{name} belongs to {instance.source_server_id}, so it was not terminated."
    if instance.job_id and server.job_id and instance.job_id not in _jobs(server):
        return f"{name} was launched by job {instance.job_id}, not by this execution, so it was not terminated."
    return ""


def _jobs(server: ServerRun | LateInstance) -> set[str]:
    """The jobs by which its execution launched it. Where the last one failed, the instance of one before may stay."""
    launches = Operation.objects.filter(execution=server.execution_id, site=server.site_id, kind=OperationKind.LAUNCH)
    return {server.job_id, *launches.values_list("job_id", flat=True)}


def _retry_at() -> datetime:
    return timezone.now() + timedelta(seconds=settings.DRSORCH_POLL_CEILING_SECONDS)
