"""Reading executions, for services, screens and the API."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from access.policy import Person, limits_nothing
from access.visibility import reached
from executions.core.operations.launch import INITIATED_BY
from executions.core.states import CLEANUP_AHEAD, EXECUTION_ACTIVE, ExecutionStatus, OperationState
from executions.models import Approval, DrsJob, Execution, LateInstance, Operation, ServerRun, StepRun, WaveRun
from executions.querysets import ExecutionQuerySet
from executions.samples import KeptForecast
from foundation.errors import Missing
from foundation.wording import clock_utc, listing
from plans.models import Plan
from protection.models import Site, SourceServer
from protection.uses import UnfollowedJob

#: So long a job that nobody follows is reported after it was seen.
_REPORTED = timedelta(days=7)
_APPROVE: Final = "executions.approve_execution"


def has_open_operations(site_id: int) -> bool:
    """True while drsorch has something in flight at the site."""
    return Operation.objects.open().filter(site=site_id).exists()


def under_way_at(site_id: int, by: Person) -> list[str]:
    """The executions, as people know them, that still need the site to lead where it led when they began.

    Active ones; those that are or will be cleaned up; those over of which an operation is still followed; and those
    that were ended while AWS may act on what they asked for, with the time until which it may. At most six. What the
    person may not see is not named.
    """
    here = ServerRun.objects.filter(site=site_id, execution=OuterRef("pk"))
    followed = Operation.objects.open().filter(site=site_id).values("execution")
    at_work = Execution.objects.filter(Q(status__in=EXECUTION_ACTIVE) | Q(cleanup_status__in=CLEANUP_AHEAD))
    found = {*at_work.filter(Exists(here))[:6], *Execution.objects.filter(pk__in=followed)[:6]}
    until: dict[Execution, datetime] = {}
    for operation in _left_at_work(site_id):
        at = operation.at_work_until
        if operation.execution not in found:
            until[operation.execution] = max(at, until.get(operation.execution, at))
    known = known_to(by, (*found, *until))
    ended = [
        f"{called(execution, known)}, which is over but AWS may still work on what it asked for, until "
        f"{clock_utc(at)} at the latest"
        for execution, at in until.items()
    ]
    return sorted({called(execution, known) for execution in found})[:6] + sorted(ended)[:6]


def known_to(by: Person, executions: Iterable[Execution]) -> set[UUID]:
    """The ids of those of these executions that the person may see."""
    ids = {one.pk for one in executions}
    if not ids or limits_nothing(by, "executions.view_execution"):
        return ids
    return set(Execution.objects.visible_to(by).filter(pk__in=ids).values_list("pk", flat=True))


def called(execution: Execution, known: Collection[UUID]) -> str:
    """What an execution is called to somebody who knows these."""
    return f"the {execution}" if execution.pk in known else "an execution that you may not see"


def _left_at_work(site_id: int) -> Iterable[Operation]:
    """Operations that nobody follows, and that AWS may still act on."""
    now = timezone.now()
    there = Operation.objects.filter(site=site_id).select_related("execution")
    given_up = there.may_begin(now).filter(state=OperationState.LOST)
    return [*given_up, *there.at_work_unfollowed(now)]


def unfollowed_jobs() -> list[UnfollowedJob]:
    """Jobs of this installation that are in no execution of this database, seen in the last week. Two queries at most.

    No one can be told apart from them what became of their instances, so they are reported for as long.
    """
    found = list(
        DrsJob.objects.filter(is_unfollowed=True, first_seen_at__gt=timezone.now() - _REPORTED).order_by("-pk")
    )
    if not found:
        return []
    named = SourceServer.objects.filter(source_server_id__in={source for job in found for source in job.servers})
    names = {(site, source): name for site, source, name in named.values_list("site", "source_server_id", "hostname")}
    return [_unfollowed(job, names) for job in found]


def _unfollowed(job: DrsJob, names: Mapping[tuple[int, str], str]) -> UnfollowedJob:
    servers = tuple(sorted(job.servers))
    since = job.created_at or job.first_seen_at
    hosts = sorted(names.get((job.site_id, source)) or source for source in servers)
    kind = "a drill" if job.initiated_by == INITIATED_BY[True] else "a recovery"
    detail = (
        f"DRS job {job.job_id} began at {clock_utc(since)} to launch {listing(hosts)} as {kind} for this installation "
        "of drsorch, but no execution in this database asked for it, so drsorch does not follow it. The database was "
        "restored from an older backup, or is used by two installations. Check in the DRS console what the job "
        "launched, and terminate what is not needed."
    )
    return UnfollowedJob(job.site_id, job.job_id, servers, since, detail)


def active_execution_of(servers: Collection[tuple[int, str]]) -> list[ServerRun]:
    """Those of these servers, (site id, source server id), that another active execution holds.

    A server is what DRS says it is: its id in an account and Region, by whichever site it is reached.
    """
    places = {pk: place for pk, *place in Site.objects.values_list("pk", "account_id", "region")}
    wanted = {(*places[site_id], source) for site_id, source in servers}
    sites = [pk for pk, place in places.items() if any(place == places[site_id] for site_id in {s for s, _ in servers})]
    held = ServerRun.objects.filter(
        site__in=sites,
        source_server_id__in=list({source for _, source in servers}),
        execution__status__in=EXECUTION_ACTIVE,
    ).select_related("execution")
    return [row for row in held if (*places[row.site_id], row.source_server_id) in wanted]


def site_ids_of(execution: Execution) -> set[int]:
    """Ids of the sites at which the execution has servers."""
    return set(execution.servers.order_by().values_list("site", flat=True).distinct())


def execution_list(by: Person) -> ExecutionQuerySet:
    """Executions that the person may see, without what they consist of."""
    return Execution.objects.visible_to(by).prefetch_related("approvals__user")


def execution_whole(execution: Execution) -> Execution:
    """The execution as it stands, with waves, steps, servers and approvals: six queries."""
    return (
        Execution.objects.select_related("forecast")
        .prefetch_related("approvals__user")
        .prefetch_related(
            Prefetch("waves", WaveRun.objects.order_by("position")),
            Prefetch("late_instances", LateInstance.objects.select_related("server")),
            Prefetch("waves__steps", StepRun.objects.order_by("position")),
            Prefetch("waves__servers", ServerRun.objects.select_related("site__watch").order_by("position", "pk")),
        )
        .get(pk=execution.pk)
    )


def latest_forecast(execution: Execution) -> dict[str, Any] | None:
    """`core.forecast.document` of an execution that goes on, by what has happened so far; None if there is none."""
    kept: KeptForecast | None = getattr(execution, "forecast", None)
    return kept.latest if kept is not None and execution.status in EXECUTION_ACTIVE else None


def execution_get(reference: UUID | str, by: Person) -> Execution:
    """The execution of this id; raises `Missing`, also where the person may not see it."""
    return _execution(reference, Execution.objects.visible_to(by))


def execution_find(reference: UUID | str) -> Execution:
    """The same for a command on the server, which may see every one."""
    return _execution(reference, Execution.objects.all())


def _execution(reference: UUID | str, rows: ExecutionQuerySet) -> Execution:
    wanted = execution_id_of(reference)
    found = rows.select_related("forecast").filter(pk=wanted).first()
    if found is None:
        raise Missing(f"There is no execution {wanted}.")
    return found


def execution_id_of(reference: UUID | str) -> UUID:
    """The id that is written so; raises `Missing`. Whether there is an execution of it is not asked."""
    try:
        return reference if isinstance(reference, UUID) else UUID(reference)
    except ValueError as error:
        raise Missing(f"“{reference}” is not a valid execution id.") from error


def active_execution(plan: Plan) -> Execution | None:
    """The one execution of the plan that is not over."""
    return Execution.objects.active().filter(plan=plan).first()


def executions_to_approve(user: AbstractBaseUser) -> QuerySet[Execution]:
    """Those that wait for approval, and that this person may answer, and has neither requested nor answered."""
    answered = Approval.objects.filter(execution=OuterRef("pk"), user=user.pk)
    mine = Execution.objects.visible_to(user, _APPROVE)
    waiting = mine.filter(~Exists(answered), status=ExecutionStatus.AWAITING_APPROVAL)
    return waiting.exclude(requested_by=user.pk).order_by("requested_at")


def steps_to_approve(user: AbstractBaseUser) -> QuerySet[StepRun]:
    """Approval steps that wait, of executions that this person has not requested; as above."""
    waiting = StepRun.objects.waiting_for_approval().exclude(execution__requested_by=user.pk)
    mine = partial(Execution.objects.visible_to, permission=_APPROVE)
    waiting = reached(waiting, user, _APPROVE, "execution", mine)
    return waiting.order_by("started_at")


def under_way_of(plan_id: int) -> list[str]:
    """The plan's execution that is not over, for who would put the plan aside."""
    return [str(execution) for execution in Execution.objects.active().filter(plan=plan_id)]


def started_since(plan: Plan, kind: str, user: AbstractBaseUser, since: datetime) -> Execution | None:
    """What this person has already started of the plan since then: a form sent twice must not start it twice."""
    return Execution.objects.filter(plan=plan, kind=kind, requested_by=user.pk, requested_at__gte=since).first()
