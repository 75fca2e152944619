"""What a person can do with an execution that exists. Screens and API both read this table: a new verb is a line here,
and a line in the API's view set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from django.contrib.auth.models import AbstractBaseUser

from access import policy
from executions import services
from executions.core.states import EXECUTION_ACTIVE, ExecutionStatus
from executions.models import Execution


class Act(Protocol):
    """A service that moves an execution; it checks rights and state itself."""

    def __call__(self, execution: Execution, *, by: AbstractBaseUser, comment: str = "") -> Execution: ...


@dataclass(frozen=True, slots=True)
class Verb:
    """`statuses` and `others_only` say when the button is offered; whether it is allowed, the service says."""

    name: str
    permission: str
    act: Act
    label: str
    icon: str
    #: Asked for before it is done; what it means, in a sentence.
    warning: str
    #: What was done, for the message afterwards.
    done: str
    statuses: Collection[ExecutionStatus]
    danger: bool = False
    #: Not for the person who requested the execution.
    others_only: bool = False


_AWAITING = frozenset({ExecutionStatus.AWAITING_APPROVAL})

APPROVE = Verb(
    name="approve",
    permission="executions.approve_execution",
    act=services.execution_approve,
    label="Approve",
    icon="thumb_up",
    warning="With the last approval it needs, the recovery starts at once.",
    done="Approved.",
    statuses=_AWAITING,
    others_only=True,
)
REJECT = Verb(
    name="reject",
    permission="executions.approve_execution",
    act=services.execution_reject,
    label="Reject",
    icon="thumb_down",
    warning="The execution ends, and nothing is launched.",
    done="Rejected: nothing was launched.",
    statuses=_AWAITING,
    danger=True,
    others_only=True,
)
CANCEL = Verb(
    name="cancel",
    permission="executions.control_execution",
    act=services.execution_cancel,
    label="Cancel",
    icon="cancel",
    warning="Nothing new is launched. What DRS launches already cannot be called back and is followed to its end.",
    done="Cancelled: nothing new is launched.",
    statuses=EXECUTION_ACTIVE - {ExecutionStatus.CANCELLING},
    danger=True,
)

VERBS = {verb.name: verb for verb in (APPROVE, REJECT, CANCEL)}


def verbs_for(execution: Execution, user: AbstractBaseUser) -> list[Verb]:
    """What this person is offered on this execution now."""
    own = execution.requested_by_name == user.get_username()
    return [
        verb
        for verb in VERBS.values()
        if execution.status in verb.statuses and not (own and verb.others_only) and policy.may(user, verb.permission)
    ]
