"""What an execution's page stands by, read in one query: while it is the same, the page shows the same (ADR 0040).

Nearly everything that is shown is written under the execution's lock, which moves its `event_count` or its
`shown_version` (`transitions.locked`). What is not stands beside them in the same query: the execution's own columns,
its forecast, steps that run (their tries are written under claims of their own), errors of sites, jobs that may be in
the way, approvals that lapsed because of what became of people, and launches by others that deleted what this one had
launched.
"""

from __future__ import annotations

import functools
import uuid
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection
from django.db.models import Aggregate, Case, Count, F, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.functions import Cast, JSONObject

from access import policy
from access.models import Assignment
from executions.core.states import EXECUTION_ACTIVE, ExecutionStatus, StepStatus
from executions.models import Approval, DrsJob, Execution, SiteWatch, StepRun
from executions.screens.selectors import replaced_servers
from foundation.live import NEVER_SHOWN
from plans.core.purpose import NAMES
from protection.models import Site

_APPROVE: Final = "executions.approve_execution"
#: Stands for the execution's id in the compiled question.
_ANY: Final = uuid.UUID(int=0)
_SHOWN: Final = [
    field.attname
    for field in Execution._meta.concrete_fields
    # What it is for does not change.
    if field.attname not in NEVER_SHOWN - {"event_count", "shown_version"} | set(NAMES)
]
#: Of a step that runs.
_OF_STEP: Final = ("pk", "attempts", "output", "error", "raised_times", "raised_since", "raised_error", "due_at")


def execution_row(execution_id: uuid.UUID) -> Any:
    """As the database has it, and None if there is no such execution: it is compared, and nobody reads it. To be read
    before what the page shows. The question is put into SQL only once."""
    sql, params = _question(connection.vendor)
    blank, wanted = _prepared(_ANY), _prepared(execution_id)
    with connection.cursor() as cursor:
        cursor.execute(sql, [wanted if param == blank else param for param in params])
        return cursor.fetchone()


def is_requester(row: Any, reader: AbstractBaseUser | AnonymousUser) -> bool:
    return row is not None and row[_SHOWN.index("requested_by_id")] == reader.pk


def _prepared(execution_id: uuid.UUID) -> Any:
    return Execution._meta.pk.get_db_prep_value(execution_id, connection)


@functools.cache
def _question(vendor: str) -> tuple[str, tuple[Any, ...]]:
    steps = StepRun.objects.filter(execution=OuterRef("pk"), status=StepStatus.RUNNING).order_by().values("execution")
    columns = {name: name for name in _OF_STEP}
    errors = SiteWatch.objects.exclude(error="").annotate(all=Value(1)).order_by().values("all")
    # By site, and without a negation, so that an index serves it however many jobs there were.
    running = DrsJob.objects.filter(site__in=Site.objects.order_by().values("pk"), finished__in=[False])
    jobs = running.annotate(all=Value(1)).order_by().values("all")
    counting = Approval.objects.filter(
        execution=OuterRef("pk"), approved=True, user__in=policy.holders(_APPROVE).values("pk")
    )
    of_approvers = Approval.objects.filter(execution=OuterRef(OuterRef("pk"))).order_by().values("user")
    theirs = Assignment.objects.filter(user__in=of_approvers, role__name__in=policy.POLICY[_APPROVE])
    limits = theirs.annotate(all=Value(1)).order_by().values("all")
    rows = Execution.objects.filter(pk=_ANY).values_list(
        *_SHOWN,
        "forecast__latest",
        Case(When(raised_since__isnull=False, then=F("due_at"))),
        Subquery(steps.annotate(found=_Together(_text(JSONObject(**columns)))).values("found")),
        Subquery(errors.annotate(found=_Together(_text(JSONObject(site="site", error="error")))).values("found")),
        Subquery(jobs.annotate(found=_Together(F("job_id"))).values("found")),
        Case(
            When(
                status=ExecutionStatus.AWAITING_APPROVAL,
                then=Subquery(
                    counting.order_by()
                    .values("execution")
                    .annotate(found=_Together(Cast("pk", TextField())))
                    .values("found")
                ),
            )
        ),
        # Where approvers whose role is limited may approve.
        Case(
            When(
                status=ExecutionStatus.AWAITING_APPROVAL,
                then=Subquery(limits.annotate(found=_Together(Cast("pk", TextField()))).values("found")),
            )
        ),
        Case(
            When(
                ~Q(status__in=EXECUTION_ACTIVE),
                then=Subquery(
                    replaced_servers(OuterRef("pk")).order_by().values("execution").annotate(n=Count("pk")).values("n")
                ),
            )
        ),
    )
    sql, params = rows.query.get_compiler(connection=connection).as_sql()
    return sql, tuple(params)


def _text(expression: Any) -> Any:
    return Cast(expression, TextField())


class _Together(Aggregate):
    """Texts of several rows as one, which is only compared."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="group_concat", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "string_agg(%(expressions)s, ',')"
        return self.as_sql(compiler, connection, template=template, **context)
