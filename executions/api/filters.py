"""What the API's list of executions, and its export, can be narrowed to."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet

from executions.core.states import ExecutionStatus
from executions.history import narrowing
from executions.models import Execution
from foundation.errors import Invalid, Missing
from foundation.rest.filters import ChoicesFilter, MomentFilter, ReferenceFilter, TruthFilter
from plans.selectors import plan_known
from protection.selectors import site_get


class PersonFilter(django_filters.CharFilter):
    """`?person=ravi&did=approved`: whoever it was then called, by id or user name."""

    def filter(self, qs: QuerySet[Execution], value: str) -> QuerySet[Execution]:
        did = self.parent.form.cleaned_data.get("did") or ""
        if not value:
            if did:
                raise Invalid.field("did", "Say who did it: add `person`.")
            return qs
        return self.done(qs, value, did)

    def done(self, qs: QuerySet[Execution], value: str, did: str) -> QuerySet[Execution]:
        try:
            return narrowing.of_person(qs, narrowing.person_get(value, self.parent.request.user), did)
        except Missing as error:
            raise Invalid.field(str(self.field_name), error.detail, "unknown") from error


class RequesterFilter(PersonFilter):
    """`?requested_by=dana`."""

    def filter(self, qs: QuerySet[Execution], value: str) -> QuerySet[Execution]:
        return self.done(qs, value, narrowing.Did.REQUESTED) if value else qs


class SiteFilter(ReferenceFilter):
    """`?site=<id or name>`: executions with servers there."""

    def narrow(self, qs: QuerySet[Execution], found: Any) -> QuerySet[Execution]:
        return narrowing.at_site(qs, found.pk)


def _choices(known: type[StrEnum]) -> list[tuple[str, str]]:
    return [(each.value, each.value) for each in known]


class ExecutionFilter(django_filters.FilterSet):
    plan = ReferenceFilter(plan_known, help_text="Id, name, or an earlier name.")
    kind = django_filters.ChoiceFilter(choices=Execution.kind.field.choices)
    status = ChoicesFilter(ExecutionStatus)
    person = PersonFilter(
        help_text="Id or user name: requested or reviewed it, or approved or rejected it or a step of it. Of a deleted "
        "user, the name."
    )
    requested_by = RequesterFilter(help_text="Id or user name: the same as `person` with `did=requested`.")
    did = django_filters.ChoiceFilter(
        choices=_choices(narrowing.Did), method="by_person", help_text="What `person` did; by default, anything."
    )
    site = SiteFilter(site_get, help_text="Id or name: it has servers there.")
    targets = django_filters.ChoiceFilter(
        choices=_choices(narrowing.Targets),
        method="by_targets",
        help_text="RTO and RPO, where there is both a target and a measurement.",
    )
    break_glass = TruthFilter("break_glass")
    cleanup_status = django_filters.ChoiceFilter(choices=Execution.cleanup_status.field.choices)
    requested_after = MomentFilter("requested_at", "gte", help_text="At or after this time.")
    requested_before = MomentFilter("requested_at", "lt", help_text="Before this time.")
    started_after = MomentFilter("started_at", "gte", help_text="At or after this time.")
    started_before = MomentFilter("started_at", "lt", help_text="Before this time.")

    class Meta:
        model = Execution
        fields: ClassVar[list[str]] = []

    def by_person(self, queryset: QuerySet[Execution], name: str, value: str) -> QuerySet[Execution]:
        """`person` reads it."""
        return queryset

    def by_targets(self, queryset: QuerySet[Execution], name: str, value: str) -> QuerySet[Execution]:
        return narrowing.by_targets(queryset, value)
