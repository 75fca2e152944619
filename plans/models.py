"""Recovery plans. A plan is always saved whole, by `plans.services`, as a numbered revision."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from access.core.grants import Scope, Touched
from access.policy import Person
from access.visibility import visible
from foundation.sources import Source
from foundation.sources.rows import KeptInGit
from plans.core.document import LAUNCH_TIMEOUT_SECONDS, STEP_TIMEOUT_SECONDS
from plans.core.fields import MAX_LINK
from plans.core.findings import Severity
from plans.core.steps import KINDS, OnFailure, StepKind, StepWhen
from plans.purpose import Purpose
from protection.models import ProtectionGroup, Site

ON_FAILURE = [(OnFailure.STOP.value, "stop the execution"), (OnFailure.CONTINUE.value, "continue")]
STEP_WHEN = [(StepWhen.BEFORE.value, "before the wave"), (StepWhen.AFTER.value, "after the wave")]
STEP_KINDS = [(kind.value, KINDS[kind].words) for kind in StepKind]


class PlanQuerySet(models.QuerySet["Plan"]):
    def visible_to(self, user: Person, permission: str = "plans.view_plan") -> Self:
        """Those that the person may see, or for which they hold another permission: their plans, and those that touch
        no other site than theirs."""
        return visible(self, user, permission, self.covered)

    @staticmethod
    def covered(scope: Scope) -> Q:
        found = Q(pk__in=scope.plans)
        if scope.sites:
            elsewhere = WaveGroup.objects.filter(wave__plan=OuterRef("pk")).exclude(
                protection_group__site__in=scope.sites
            )
            at_aws = at_other_sites(Step.objects.filter(wave__plan=OuterRef("pk")), scope.sites)
            found |= ~Exists(elsewhere) & ~Exists(at_aws)
        return found

    def in_use(self) -> Self:
        """Without those that are archived."""
        return self.filter(archived_at=None)

    def in_use_or_recovered(self) -> Self:
        """An archived one, too, while its servers run in recovery."""
        return self.filter(Q(archived_at=None) | Q(recovered_by__isnull=False))

    def with_waves(self) -> Self:
        """With all that their documents need, in four queries however many there are, and `demanded`."""
        return self.with_demanded().prefetch_related(
            Prefetch("waves", Wave.objects.order_by("position")),
            Prefetch("waves__wave_groups", WaveGroup.objects.select_related("protection_group").order_by("position")),
            Prefetch("waves__steps", Step.objects.order_by("position")),
        )

    def with_demanded(self) -> Self:
        """With `demanded`: the most approvals that the plan, or one of its name, asked for and that no approver has
        agreed to lower; null if there was none."""
        own = Q(plan_id=OuterRef("pk")) | Q(plan_name=OuterRef("name"))
        open_ones = ApprovalDemand.objects.filter(own, agreed_at=None).order_by("-approvals_required")
        return self.annotate(demanded=Subquery(open_ones.values("approvals_required")[:1]))

    def with_counts(self) -> Self:
        """With `wave_count` and `server_count`."""
        return self.annotate(
            wave_count=Count("waves", distinct=True),
            server_count=Count("waves__wave_groups__protection_group__members", distinct=True),
        )

    def with_newest_revision(self) -> Self:
        """With `saved_by_name` and `saved_at`: who saved the newest revision, when."""
        newest = PlanRevision.objects.filter(plan=OuterRef("pk"), number=OuterRef("version"))
        return self.annotate(
            saved_by_name=Subquery(newest.values("saved_by_name")), saved_at=Subquery(newest.values("saved_at"))
        )


class Plan(KeptInGit, Purpose):
    """A recovery plan: waves in a dependency graph, protection groups in waves, targets, approvals, a purpose."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    #: Whom to call, in whatever form.
    contacts = models.TextField(blank=True)
    rto_target_seconds = models.PositiveIntegerField("RTO target (seconds)", null=True, blank=True)
    rpo_target_seconds = models.PositiveIntegerField("RPO target (seconds)", null=True, blank=True)
    #: Approvals that a recovery needs before it starts; a drill needs none.
    approvals_required = models.PositiveSmallIntegerField(default=1)
    #: Number of the newest revision, and what a change compares and swaps.
    version = models.PositiveIntegerField(default=1, editable=False)
    #: Id of the newest execution that recovered the plan's servers, until that recovery is over; written by
    #: `services.plan_recovered`.
    recovered_by = models.UUIDField(null=True, editable=False)
    #: When the first of its servers was launched.
    recovered_at = models.DateTimeField(null=True, editable=False)
    #: How many servers run in recovery.
    recovered_servers = models.PositiveIntegerField(default=0, editable=False)
    #: When it was put aside: it is kept with its history, and no run of it can be started. Null while it is in use.
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "recovery plan"

    def __str__(self) -> str:
        return self.name

    @property
    def touched(self) -> Touched:
        """The sites of its groups, and those at which its steps ask AWS for something. Two queries."""
        groups = (
            WaveGroup.objects.filter(wave__plan=self.pk).order_by().values_list("protection_group__site", flat=True)
        )
        steps = sites_of_steps(Step.objects.filter(wave__plan=self.pk))
        return Touched(frozenset({*groups, *steps}), self.pk)


class Wave(models.Model):
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="waves")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    #: Null: follows the wave above it. []: starts at once. Else names of waves of this plan.
    depends_on: models.JSONField[list[str] | None, list[str] | None] = models.JSONField(null=True, default=None)
    minimum_success_percent = models.PositiveSmallIntegerField(default=100)
    on_failure = models.CharField(max_length=16, choices=ON_FAILURE, default=OnFailure.STOP.value)
    start_delay_seconds = models.PositiveIntegerField(default=0)
    launch_timeout_seconds = models.PositiveIntegerField(default=LAUNCH_TIMEOUT_SECONDS)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "position"], name="plans_wave_position_once"),
            models.UniqueConstraint(fields=["plan", "name"], name="plans_wave_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class WaveGroup(models.Model):
    """A protection group's place in a wave. A group appears once in a plan."""

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="wave_groups")
    position = models.PositiveIntegerField()
    protection_group = models.ForeignKey(ProtectionGroup, on_delete=models.PROTECT, related_name="wave_groups")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["wave", "protection_group"], name="plans_group_once_per_wave")]

    def __str__(self) -> str:
        return str(self.protection_group)


def _with_site(steps: QuerySet[Any]) -> QuerySet[Any]:
    named = Cast(KeyTextTransform("site", "parameters"), models.TextField())
    return steps.order_by().annotate(_site=named).exclude(Q(_site=None) | Q(_site=""))


def at_other_sites(steps: QuerySet[Any], sites: Collection[int]) -> QuerySet[Any]:
    """Those of the steps, of plans or of executions, that name another site for AWS to carry them out at than these, or
    one that does not exist."""
    return _with_site(steps).exclude(_site__in=Site.objects.filter(pk__in=sites).order_by().values("name"))


def sites_of_steps(steps: QuerySet[Any]) -> QuerySet[Any, int]:
    """The ids of the sites that these steps name."""
    return Site.objects.filter(name__in=_with_site(steps).values("_site")).order_by().values_list("pk", flat=True)


class Step(models.Model):
    """Something done before or after a wave that is not a launch."""

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    #: For whoever carries it out or approves it.
    description = models.TextField(blank=True)
    link = models.CharField(max_length=MAX_LINK, blank=True)
    when = models.CharField(max_length=8, choices=STEP_WHEN)
    kind = models.CharField(max_length=16, choices=STEP_KINDS)
    timeout_seconds = models.PositiveIntegerField(default=STEP_TIMEOUT_SECONDS)
    on_failure = models.CharField(max_length=16, choices=ON_FAILURE, default=OnFailure.STOP.value)
    parameters: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["wave", "name"], name="plans_step_name_once_per_wave")]

    def __str__(self) -> str:
        return self.name


class PlanRevision(models.Model):
    """A plan as it was saved once: the whole portable document, by whom, when, and what changed. Never edited."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    #: Kept beside the key so that it survives the user.
    saved_by_name = models.CharField(max_length=150)
    saved_at = models.DateTimeField()
    #: The plan as the API writes it (`plans.core.document`).
    document: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    #: [{"path": "waves.App.minimum_success_percent", "before": 100, "after": 80}, ...]; empty for the first.
    diff: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    #: Why, in the words of whoever saved it, or of the commit that it was applied from.
    message = models.TextField(blank=True, default="")
    #: Where it was applied from: {"repository": …, "directory": …, "ref": …, "commit": …, "name": …}; null if nowhere.
    source: models.JSONField[dict[str, str] | None, dict[str, str] | None] = models.JSONField(null=True, default=None)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="plans_revision_number_once")]

    def __str__(self) -> str:
        return f"{self.plan} · revision {self.number}"

    @property
    def applied_from(self) -> Source | None:
        """The repository that it was applied from, in the state that it was in."""
        return Source(**{key: self.source[key] for key in Source.__slots__}) if self.source else None


class ReadinessCheck(models.Model):
    """What the newest evaluation of a plan's readiness found. It may be made again at any time."""

    plan = models.OneToOneField(Plan, primary_key=True, on_delete=models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField()
    evaluated_at = models.DateTimeField()
    #: Each with the fields of `plans.core.findings.Finding`, blocking ones first.
    findings: models.JSONField[list[dict[str, str]], list[dict[str, str]]] = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.plan} · readiness of revision {self.revision}"

    @property
    def ready(self) -> bool:
        return not any(finding["severity"] == Severity.BLOCKING for finding in self.findings)


class ApprovalDemand(models.Model):
    """How many approvals a plan asked for, from when to when. It outlives the plan: its number is not a foreign key."""

    plan_id = models.BigIntegerField(db_index=True)
    plan_name = models.CharField(max_length=100, db_index=True)
    approvals_required = models.PositiveSmallIntegerField()
    #: Ids of the protection groups that it had then.
    protection_groups: models.JSONField[list[int], list[int]] = models.JSONField(default=list)
    since = models.DateTimeField()
    #: Null while it is what the plan asks for.
    until = models.DateTimeField(null=True)
    #: When an approver agreed that fewer are enough.
    agreed_at = models.DateTimeField(null=True)
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    agreed_by_name = models.CharField(max_length=150, blank=True)
    agreed_comment = models.TextField(blank=True)

    class Meta:
        ordering = ["-since"]

    def __str__(self) -> str:
        return f"{self.plan_name}: {self.approvals_required}"
