"""Moves an execution.

1. Claim its lease. 2. Read its rows into facts. 3. Let `decide` decide. 4. Act. 5. Again from 2, until a decision asks
for nothing more. 6. Give it back, with the time at which to look again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from executions.core.actions import Action, PollSite, RunStep
from executions.core.decide import decide
from executions.crashpoints import crash_point
from executions.engine.acting import Look, act
from executions.engine.facts import engine_settings, facts_of
from executions.engine.purpose import working_for
from executions.models import Execution
from foundation.due import Claim, LeaseLost

log = structlog.get_logger(__name__)

#: Rounds of decide and act in one go. Each acts on all it decides, so few are needed; the rest waits for the next look.
_ROUNDS = 8
#: Actions that other actors carry out: deciding again at once would only ask for them again.
_FOR_OTHERS = (PollSite, RunStep)


@dataclass(frozen=True, slots=True)
class LookResult:
    """When to look at the execution again (None: never by itself), which sites to poll and steps to run now."""

    look_at: datetime | None
    poll_sites: frozenset[int] = frozenset()
    run_steps: frozenset[int] = frozenset()


def execution_reconcile(execution_id: UUID) -> LookResult | None:
    """Look at an execution that is due. None if it is not due, or another worker holds it."""
    claim = Execution.objects.claim(execution_id, seconds=settings.DRSORCH_LEASE_SECONDS)
    if claim is None:
        return None
    crash_point("look.after_claim")
    with working_for(claim.row, "reconcile"):
        return _look(execution_id, claim)


def _look(execution_id: UUID, claim: Claim[Execution]) -> LookResult | None:
    look = Look(execution_id, claim.token)
    try:
        look_at = _rounds(look)
        crash_point("look.before_release")
        Execution.objects.release(claim, look_at)
    except LeaseLost:
        log.info("lease_lost")
        return None
    if Execution.objects.filter(pk=execution_id, due_at__lte=timezone.now()).exists():
        # Somebody nudged it meanwhile.
        look_at = timezone.now()
    return LookResult(look_at, frozenset(look.poll_sites), frozenset(look.run_steps))


def _rounds(look: Look) -> datetime | None:
    last: tuple[Action, ...] = ()
    begun_at = timezone.now()
    slow = timedelta(seconds=settings.DRSORCH_LEASE_SECONDS / 2)
    for _ in range(_ROUNDS):
        execution = Execution.objects.get(pk=look.execution_id)
        decision = decide(facts_of(execution), timezone.now(), engine_settings())
        if decision.actions and decision.actions == last:
            # Acting changed nothing, for example because AWS did not answer: not in a hurry, then.
            pause = timezone.now() + timedelta(seconds=settings.DRSORCH_POLL_FLOOR_SECONDS)
            return max(pause, decision.look_at or pause)
        for action in decision.actions:
            act(action, look)
            if timezone.now() - begun_at > slow:
                # An answer took long: look again rather than go on with what was decided before.
                return timezone.now()
        if all(isinstance(action, _FOR_OTHERS) for action in decision.actions):
            return decision.look_at
        last = decision.actions
    return timezone.now()
