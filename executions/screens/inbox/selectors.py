"""Reading what waits for a person, in a number of queries that does not grow with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, TextField, Value
from django.db.models.functions import Cast

from access import policy
from executions.core.seen import Scene
from executions.decisions import Basis
from executions.models import Approval, Execution, ServerRun, StepRun
from executions.screens.renewal.saying import execution_key, step_key
from executions.selectors import executions_to_approve, steps_to_approve
from executions.services.scenes import approval_scenes

APPROVE = "executions.approve_execution"
#: More than so many are counted, and not named, in the header.
_NAMED = 99


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is announced of one."""

    #: The same that the execution's page has.
    key: str
    step: str
    plan_name: str
    kind: str


def waiting_for(user: AbstractBaseUser) -> list[Waiting]:
    """What waits for this person: executions first. In one query, and in none for who may not approve."""
    if not policy.may(user, APPROVE):
        return []
    executions = executions_to_approve(user).order_by()
    steps = steps_to_approve(user).order_by()
    of_executions = executions.values_list(Value("execution"), Cast("pk", TextField()), Value(""), "plan_name", "kind")
    of_steps = steps.values_list(
        Value("step"), Cast("pk", TextField()), "name", "execution__plan_name", "execution__kind"
    )
    rows = of_executions.union(of_steps, all=True)[:_NAMED]
    return sorted(
        (Waiting(_key(of, pk), step, plan_name, kind) for of, pk, step, plan_name, kind in rows),
        key=lambda one: (one.step != "", one.key),
    )


def _key(of: str, pk: str) -> str:
    # SQLite keeps a UUID without its hyphens.
    return execution_key(UUID(pk)) if of == "execution" else step_key(pk)


@dataclass(frozen=True, slots=True)
class InboxRows:
    executions: Sequence[Execution]
    #: With their wave and execution.
    steps: Sequence[StepRun]
    #: Execution -> what its buttons are about.
    scenes: Mapping[UUID, Scene]
    #: Execution -> how many approvals it has.
    given: Mapping[UUID, int]
    #: Execution -> wave -> how many servers.
    servers: Mapping[UUID, Mapping[str, int]]
    #: Execution -> what was shown to who requested it, or last said that it may change.
    bases: Mapping[UUID, Basis]


def inbox_rows(user: AbstractBaseUser) -> InboxRows:
    """What waits for this person, who may approve."""
    executions = list(executions_to_approve(user))
    steps = list(steps_to_approve(user).select_related("wave", "execution"))
    every = {one.pk: one for one in [*executions, *(step.execution for step in steps)]}
    servers: dict[UUID, Counter[str]] = defaultdict(Counter)
    asked = Q(execution__in=executions) | Q(wave__in=[step.wave_id for step in steps])
    rows = ServerRun.objects.filter(asked).order_by("wave__position").values_list("execution", "wave__name")
    for execution, wave in rows:
        servers[execution][wave] += 1
    given = Approval.objects.filter(execution__in=executions, approved=True).values_list("execution", flat=True)
    return InboxRows(
        executions=executions,
        steps=steps,
        scenes=approval_scenes(every.values()),
        given=Counter(given),
        servers=servers,
        bases={one.execution_id: one for one in Basis.objects.filter(execution__in=executions).order_by("pk")},
    )
