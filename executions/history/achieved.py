"""What lists say of an execution beside its own columns, in three queries for as many as are shown at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from executions.core.states import ServerStatus
from executions.decisions import StepDecision
from executions.models import Approval, ServerRun


@dataclass(frozen=True, slots=True)
class Achieved:
    """`launched` counts servers that were launched, also those whose instances were terminated since."""

    servers: int = 0
    launched: int = 0
    failed: int = 0
    unknown: int = 0
    #: Names, in alphabetical order.
    sites: tuple[str, ...] = ()
    #: The names that they had then, in the order of their approvals.
    approved_by: tuple[str, ...] = ()
    rejected_by: tuple[str, ...] = ()
    #: The same of its approval steps.
    steps_approved_by: tuple[str, ...] = ()
    steps_rejected_by: tuple[str, ...] = ()


def achieved(ids: Sequence[UUID]) -> Mapping[UUID, Achieved]:
    """Of each of the executions with these ids."""
    servers: dict[UUID, Counter[str]] = defaultdict(Counter)
    sites: dict[UUID, set[str]] = defaultdict(set)
    counted = ServerRun.objects.filter(execution__in=ids).order_by().values_list("execution", "status", "site__name")
    for execution, status, site, number in counted.annotate(Count("pk")):
        servers[execution][status] += number
        sites[execution].add(site)
    answers, of_steps = _answers(Approval, ids), _answers(StepDecision, ids)
    return {
        id: Achieved(
            servers=servers[id].total(),
            launched=servers[id][ServerStatus.LAUNCHED] + servers[id][ServerStatus.TERMINATED],
            failed=servers[id][ServerStatus.FAILED],
            unknown=servers[id][ServerStatus.UNKNOWN],
            sites=tuple(sorted(sites[id])),
            approved_by=tuple(answers[id, True]),
            rejected_by=tuple(answers[id, False]),
            steps_approved_by=tuple(of_steps[id, True]),
            steps_rejected_by=tuple(of_steps[id, False]),
        )
        for id in ids
    }


def _answers(rows: type[Approval] | type[StepDecision], ids: Sequence[UUID]) -> Mapping[tuple[UUID, bool], list[str]]:
    """The names of those who approved, and of those who did not, each once."""
    found: dict[tuple[UUID, bool], list[str]] = defaultdict(list)
    given = rows._default_manager.filter(execution__in=ids).order_by("at", "pk")
    for execution, approved, name in given.values_list("execution", "approved", "user_name"):
        if name not in found[execution, approved]:
            found[execution, approved].append(name)
    return found
