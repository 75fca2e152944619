"""Statuses of steps, and the tries of those that ask something outside."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit import record
from audit.record import Entry
from drs.timing import CallTimes
from executions.core.states import STEP_FINAL, STEP_SKIPPABLE, StepStatus
from executions.decisions import StepDecision
from executions.models import StepRun
from executions.transitions.event_types import STEP
from executions.transitions.locking import locked
from executions.transitions.samples import step_sample

_FROM: dict[StepStatus, Collection[StepStatus]] = {
    StepStatus.RUNNING: (StepStatus.PENDING,),
    StepStatus.SUCCEEDED: (StepStatus.RUNNING,),
    StepStatus.FAILED: (StepStatus.RUNNING,),
    StepStatus.SKIPPED: STEP_SKIPPABLE,
    StepStatus.CANCELLED: (StepStatus.PENDING, StepStatus.RUNNING),
}


def step_move(
    execution_id: UUID,
    step_id: int,
    to: StepStatus,
    *,
    lease: UUID | None = None,
    claim: StepClaim | None = None,
    why: str = "",
    actor: str = record.ENGINE,
    decided_by: AbstractBaseUser | None = None,
) -> bool:
    """Move a step. `why` is kept as its error when it fails, else as what it said; `decided_by` whoever approved or
    rejected it.

    Who says how a try went passes its claim: if another has claimed the step since, it does not count.
    """
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        step = StepRun.objects.select_related("wave", "execution").get(pk=step_id)
        if step.status not in _FROM[to] or (claim is not None and step.lease_token != claim.token):
            return False
        values: dict[str, Any] = {"status": to}
        if to is StepStatus.RUNNING:
            values |= {"started_at": now, "due_at": now, "finished_at": None, "error": "", "output": ""}
        else:
            values |= {"finished_at": now, "due_at": None, "lease_token": None, "lease_until": None}
        if to is StepStatus.FAILED:
            values["error"] = f"{why} {step.error}".strip()
        elif to in STEP_FINAL and why:
            values["output"] = why
        StepRun.objects.filter(pk=step_id).update(**values)
        if to in STEP_FINAL:
            step_sample(step, to, now)
        if decided_by is not None:
            StepDecision.objects.create(
                execution=execution,
                step=step,
                user_id=decided_by.pk,
                user_name=decided_by.get_username(),
                approved=to is StepStatus.SUCCEEDED,
                at=now,
            )
        detail = {"wave": step.wave.name, "kind": step.kind, **({"why": why} if why else {})}
        record.append(execution, [Entry(STEP[to], step.name, detail, actor)])
        return True


@dataclass(frozen=True, slots=True)
class StepClaim:
    """A try of a step, and the token of the worker that has it."""

    step: StepRun
    token: UUID


def step_claim(step_id: int, seconds: float) -> StepClaim | None:
    """Claim a running step that is due, and commit the intent of a try. None if it is not due or another has it.

    A try that began and was not reported keeps its key: it is looked up by that, not begun again.
    """
    with transaction.atomic():
        claimed = StepRun.objects.tried_by_engine().claim(step_id, seconds=seconds)
        if claimed is None:
            return None
        if claimed.row.attempt_key is None:
            StepRun.objects.filter(pk=step_id).update(
                attempt_key=uuid4(), attempts=F("attempts") + 1, asked={}, unanswered_since=None
            )
    step = StepRun.objects.select_related("wave", "execution").get(pk=step_id)
    return StepClaim(step, claimed.token)


def step_asking(claim: StepClaim, asked: dict[str, Any], seconds: float) -> bool:
    """Commit what AWS is about to be asked for, and until when it may carry that out, and hold the step for as long as
    the answer may take.

    False if the try is no longer the caller's: then AWS must not be asked.
    """
    now = timezone.now()
    values: dict[str, Any] = {
        "asked": asked,
        "unanswered_since": now,
        "may_act_until": CallTimes(settings.DRSORCH_CALL_LIMIT_SECONDS).may_act_until(now),
        "lease_until": now + timedelta(seconds=seconds),
    }
    return bool(_held(claim).filter(status=StepStatus.RUNNING).update(**values))


def step_may_act_until(claim: StepClaim, at: datetime) -> None:
    """Note that AWS begins nothing later for what it was asked for last."""
    _held(claim).update(may_act_until=at)


def step_started(claim: StepClaim, external_id: str) -> None:
    """Note what AWS calls the thing that the try started."""
    _held(claim).update(external_id=external_id, unanswered_since=None)


def step_not_started(claim: StepClaim) -> None:
    """Note that AWS certainly did nothing of what it was asked for last."""
    _held(claim).update(unanswered_since=None)


def step_again(claim: StepClaim, due_at: datetime, text: str, *, same_try: bool) -> None:
    """The step goes on: look at the same try again then, or begin a new one."""
    values: dict[str, Any] = {"due_at": due_at, "output": text, "lease_token": None, "lease_until": None}
    if not same_try:
        values |= {"attempt_key": None, "external_id": "", "error": text}
    _held(claim).update(**values)


def _held(claim: StepClaim) -> QuerySet[StepRun]:
    """The step, as long as the claim on it is good."""
    return StepRun.objects.held(claim.step.pk, claim.token)
