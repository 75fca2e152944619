"""Two runs of a plan, read and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import QuerySet

from access.policy import Person
from executions.models import Execution
from foundation.errors import Conflict
from foundation.wording import clock
from plans.core.differences import differences
from plans.core.document import filled_out
from plans.models import PlanRevision
from reports.core.comparing import compare
from reports.core.evidence import evidence
from reports.selectors import rows_of

#: So many runs of a plan are offered to be compared with.
_OFFERED: Final = 50


def comparison_of(one: Execution, other: Execution) -> dict[str, Any]:
    """`core.comparing.compare` of both as they stand, in a fixed number of queries.

    Raises `Conflict` for runs of two plans: there is nothing that they have in common.
    """
    if one.plan_id != other.plan_id:
        raise Conflict(
            f"These are runs of two plans: the {_named(one)}, and the {_named(other)}. Choose two runs of one plan.",
            code="other-plan",
        )
    return compare(_report_of(one), _report_of(other), _changes(one, other))


def _report_of(execution: Execution) -> Mapping[str, Any]:
    return evidence(rows_of(execution, verify=False)).document


def _named(execution: Execution) -> str:
    return f"{execution} of {clock(execution.requested_at)}"


def _changes(one: Execution, other: Execution) -> Sequence[Mapping[str, Any]]:
    """Of the plan, from the revision of the other to that of the one; none where a revision is gone."""
    if one.plan_revision == other.plan_revision:
        return []
    found = dict(
        PlanRevision.objects.filter(plan=one.plan_id, number__in=[one.plan_revision, other.plan_revision]).values_list(
            "number", "document"
        )
    )
    if len(found) < 2:
        return []
    return differences(filled_out(found[other.plan_revision]), filled_out(found[one.plan_revision]))


def others_of(execution: Execution, by: Person) -> QuerySet[Execution]:
    """Runs that it can be compared with: those of its plan that were started, and that the person may see, the newest
    first."""
    runs = Execution.objects.visible_to(by).filter(plan=execution.plan_id, started_at__isnull=False)
    return runs.exclude(pk=execution.pk).order_by("-requested_at")[:_OFFERED]
