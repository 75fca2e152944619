"""Questions about rows that are asked in more than one place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.utils import timezone

from access.core.grants import Scope
from access.policy import Person
from access.visibility import visible
from executions.core.states import (
    EXECUTION_ACTIVE,
    EXECUTION_ENGAGED,
    OPERATION_OPEN,
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    LateStatus,
    OperationState,
    ServerStatus,
    StepStatus,
)
from foundation.due import DueQuerySet
from plans.core.steps import StepKind
from plans.models import Plan, PlanQuerySet, at_other_sites

#: How long drsorch keeps looking for the job of an operation that it gave up, or no longer follows.
MAY_APPEAR = timedelta(days=1)

if TYPE_CHECKING:
    from executions.models import DrsJob, Execution, Operation, ServerRun, SiteWatch, StepRun  # noqa: F401 # in the types of the bases
    from executions.samples import KeptForecast  # noqa: F401 # as above


def _given_up_early(at: F | Value) -> Q:
    """At that time AWS could still act on the call, or what it had done could be invisible."""
    window = timedelta(seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS)
    return Q(state=OperationState.LOST, job_id="", may_act_until__gt=at - window)


class ExecutionQuerySet(DueQuerySet["Execution"]):
    def visible_to(self, user: Person, permission: str = "executions.view_execution") -> Self:
        """Those that the person may see, or for which they hold another permission: of their plans, and those that
        touch no other site than theirs."""
        return visible(self, user, permission, self.covered)

    @staticmethod
    def covered(scope: Scope) -> Q:
        found = Q(plan__in=scope.plans)
        if scope.sites:
            servers = apps.get_model("executions", "ServerRun")._default_manager.filter(execution=OuterRef("pk"))
            steps = apps.get_model("executions", "StepRun").objects.filter(execution=OuterRef("pk"))
            inside = ~Exists(servers.exclude(site__in=scope.sites)) & ~Exists(at_other_sites(steps, scope.sites))
            # A run that launches nothing counts as being where its plan is.
            planned = Plan.objects.filter(PlanQuerySet.covered(scope)).order_by().values("pk")
            found |= inside & (Exists(servers) | Q(plan__in=planned))
        return found

    def active(self) -> Self:
        """Requested, and not over."""
        return self.filter(status__in=EXECUTION_ACTIVE)

    def over(self) -> Self:
        return self.exclude(status__in=EXECUTION_ACTIVE)

    def good_drills(self) -> Self:
        """Those that succeeded: what counts as a proof of the plan. By an index."""
        return self.filter(kind=ExecutionKind.DRILL, status=ExecutionStatus.SUCCEEDED)

    def unreviewed(self) -> Self:
        """Started with fewer approvals than were needed, and not reviewed by anyone (`Execution.needs_review`)."""
        passed_by = Q(break_glass=True) | Q(approvals_required__lt=F("approvals_expected"))
        unasked = [ExecutionStatus.AWAITING_APPROVAL, ExecutionStatus.REJECTED]
        return self.filter(passed_by, reviewed_at=None).exclude(status__in=unasked)

    def recovering(self, plan_id: int) -> Self:
        """Recoveries of the plan that nobody has declared over, whatever their status."""
        return self.filter(plan=plan_id, kind=ExecutionKind.RECOVERY, recovery_over_at=None)

    def waiting_for(self, site_id: int) -> Self:
        """Those that have something in flight at the site, also when they are over, or that wait there for room."""
        return self.filter(
            Q(operations__site=site_id, operations__state__in=OPERATION_OPEN)
            | Q(
                servers__site=site_id,
                servers__status__in=[ServerStatus.QUEUED, ServerStatus.LAUNCHING],
                status__in=EXECUTION_ENGAGED,
            )
            # What was given up may yet appear.
            | Q(
                operations__site=site_id,
                operations__state=OperationState.LOST,
                operations__job_id="",
                operations__settled_at__gte=timezone.now() - MAY_APPEAR,
            )
            # A clean-up waits for room although its execution is over.
            | Q(servers__site=site_id, cleanup_status=CleanupStatus.RUNNING),
        ).distinct()


class OperationQuerySet(models.QuerySet["Operation"]):
    def open(self) -> Self:
        """What DRS was, or may have been, asked for, and has not been settled."""
        return self.filter(state__in=OPERATION_OPEN)

    def may_begin(self, now: datetime) -> Self:
        """Intents of which AWS may still make a job that nobody has seen, whatever became of their execution: it may be
        over by its launch time-out, or have been ended without the engine."""
        return self.filter(Q(state=OperationState.INTENDED) | _given_up_early(Value(now)))

    def left(self) -> Self:
        """What was not followed to its end because its execution was ended without the engine."""
        return self.filter(Q(state=OperationState.DROPPED) | _given_up_early(F("settled_at")))

    def at_work_unfollowed(self, now: datetime) -> Self:
        """Dropped ones whose job DRS has not ended, as far as polls know: for a day at most, so that a site that cannot
        be polled any more is not waited for for ever."""
        jobs = apps.get_model("executions", "DrsJob")._default_manager
        ended = jobs.filter(site=OuterRef("site"), job_id=OuterRef("job_id"), finished=True)
        return self.filter(~Exists(ended), state=OperationState.DROPPED, settled_at__gt=now - MAY_APPEAR)

    def lost_lately(self, now: datetime) -> Self:
        """Given up in the last day, and not seen since: their jobs may yet appear."""
        return self.filter(state=OperationState.LOST, job_id="", settled_at__gte=now - MAY_APPEAR)


class ServerRunQuerySet(models.QuerySet["ServerRun"]):
    def queued_at(self, site_id: int) -> Self:
        """Servers that wait at the site to be launched, of executions that launch."""
        return self.filter(site=site_id, status=ServerStatus.QUEUED, execution__status=ExecutionStatus.RUNNING)

    def in_recovery(self, plan_id: int) -> Self:
        """Servers that recoveries of the plan launched, until these are over; also those that are not counted as
        launched, and have an instance, be it of a job that appeared late. A server may be there twice."""
        launched = Q(status=ServerStatus.LAUNCHED) | ~Q(recovery_instance_id="")
        launched |= Q(late_instances__status=LateStatus.LAUNCHED)
        return self.filter(
            launched,
            execution__plan=plan_id,
            execution__kind=ExecutionKind.RECOVERY,
            execution__recovery_over_at=None,
        ).exclude(status=ServerStatus.TERMINATED)


class StepRunQuerySet(DueQuerySet["StepRun"]):
    def tried_by_engine(self) -> Self:
        """Running steps that ask something outside; approvals and waits are decided from rows."""
        return self.filter(status=StepStatus.RUNNING).exclude(kind__in=[StepKind.APPROVAL, StepKind.WAIT])

    def waiting_for_approval(self) -> Self:
        """Steps that a person approves or rejects now; also while their execution is paused."""
        running = self.filter(status=StepStatus.RUNNING, kind=StepKind.APPROVAL)
        return running.filter(execution__status__in=[ExecutionStatus.RUNNING, ExecutionStatus.PAUSED])


class SiteWatchQuerySet(DueQuerySet["SiteWatch"]):
    pass


class ForecastQuerySet(DueQuerySet["KeptForecast"]):
    def proven(self, plan_id: int) -> Self:
        """Of the plan's executions that recovered the application: what was expected can be held against what was."""
        done = [ExecutionStatus.SUCCEEDED, ExecutionStatus.PARTIALLY_SUCCEEDED]
        return self.filter(execution__plan=plan_id, execution__status__in=done, low_seconds__isnull=False)


class DrsJobQuerySet(models.QuerySet["DrsJob"]):
    def finished(self) -> Self:
        return self.filter(finished=True)
