"""Reading executions, for services, screens and the API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Prefetch, QuerySet

from executions.core.states import (
    EXECUTION_ACTIVE,
)
from executions.models import Execution, LateInstance, Operation, ServerRun, StepRun, WaveRun
from foundation.errors import Missing
from plans.models import Plan


def has_open_operations(site_id: int) -> bool:
    """True while drsorch has something in flight at the site."""
    return Operation.objects.open().filter(site=site_id).exists()


def active_execution_of(source_server_ids: Iterable[str], site_ids: Iterable[int]) -> QuerySet[ServerRun]:
    """Servers among these that another active execution holds."""
    return ServerRun.objects.filter(
        site__in=list(site_ids),
        source_server_id__in=list(source_server_ids),
        execution__status__in=EXECUTION_ACTIVE,
    ).select_related("execution")


def site_ids_of(execution: Execution) -> set[int]:
    """Ids of the sites at which the execution has servers."""
    return set(execution.servers.order_by().values_list("site", flat=True).distinct())


def execution_list() -> QuerySet[Execution]:
    """Executions without what they consist of."""
    return Execution.objects.prefetch_related("approvals")


def execution_list_whole() -> QuerySet[Execution]:
    """Executions with waves, steps, servers and approvals: six queries however many there are."""
    return execution_list().prefetch_related(
        Prefetch("waves", WaveRun.objects.order_by("position")),
        Prefetch("late_instances", LateInstance.objects.select_related("server")),
        Prefetch("waves__steps", StepRun.objects.order_by("position")),
        Prefetch("waves__servers", ServerRun.objects.select_related("site__watch").order_by("position", "pk")),
    )


def execution_get(reference: UUID | str) -> Execution:
    """The execution of this id; raises `Missing`."""
    try:
        wanted = reference if isinstance(reference, UUID) else UUID(reference)
    except ValueError as error:
        raise Missing(f"“{reference}” is not a valid execution id.") from error
    found = Execution.objects.filter(pk=wanted).first()
    if found is None:
        raise Missing(f"There is no execution {wanted}.")
    return found


def active_execution(plan: Plan) -> Execution | None:
    """The one execution of the plan that is not over."""
    return Execution.objects.active().filter(plan=plan).first()


def started_since(plan: Plan, kind: str, user: AbstractBaseUser, since: datetime) -> Execution | None:
    """What this person has already started of the plan since then: a form sent twice must not start it twice."""
    return Execution.objects.filter(plan=plan, kind=kind, requested_by=user.pk, requested_at__gte=since).first()
