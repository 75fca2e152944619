"""Reading executions, for services, API, screens and whatever lies above."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Prefetch, QuerySet

from executions.core.states import (
    EXECUTION_ACTIVE,
    OPERATION_OPEN,
)
from executions.models import Event, Execution, Operation, ServerRun, StepRun, WaveRun
from foundation.errors import Missing
from plans.models import Plan


def has_open_operations(site_id: int) -> bool:
    """True while drsorch has something in flight at the site."""
    return Operation.objects.filter(site=site_id, state__in=[str(state) for state in OPERATION_OPEN]).exists()


def active_execution_of(source_server_ids: Iterable[str], site_ids: Iterable[int]) -> QuerySet[ServerRun]:
    """Servers among these that another active execution holds."""
    return ServerRun.objects.filter(
        site__in=list(site_ids),
        source_server_id__in=list(source_server_ids),
        execution__status__in=[str(status) for status in EXECUTION_ACTIVE],
    ).select_related("execution")


_ACTIVE = [str(status) for status in EXECUTION_ACTIVE]


def executions() -> QuerySet[Execution]:
    """Executions without what they consist of."""
    return Execution.objects.prefetch_related("approvals")


def executions_whole() -> QuerySet[Execution]:
    """Executions with waves, steps, servers and approvals: five queries however many there are."""
    return executions().prefetch_related(
        Prefetch("waves", WaveRun.objects.order_by("position")),
        Prefetch("waves__steps", StepRun.objects.order_by("position")),
        Prefetch("waves__servers", ServerRun.objects.order_by("position", "pk")),
    )


def events_of(execution: Execution) -> QuerySet[Event]:
    """The execution's events, oldest first."""
    return Event.objects.filter(execution=execution).order_by("sequence")


def execution_find(reference: UUID | str) -> Execution:
    """The execution of this id; raises `Missing`."""
    try:
        wanted = reference if isinstance(reference, UUID) else UUID(reference)
    except ValueError as error:
        raise Missing(f"“{reference}” is not the id of an execution.") from error
    found = Execution.objects.filter(pk=wanted).first()
    if found is None:
        raise Missing(f"There is no execution {wanted}.")
    return found


def active_execution(plan: Plan) -> Execution | None:
    """The one execution of the plan that is not over."""
    return Execution.objects.filter(plan=plan, status__in=_ACTIVE).first()


def started_since(plan: Plan, kind: str, user: AbstractBaseUser, since: datetime) -> Execution | None:
    """What this person has already started of the plan since then: a form sent twice must not start it twice."""
    return Execution.objects.filter(plan=plan, kind=kind, requested_by=user.pk, requested_at__gte=since).first()
