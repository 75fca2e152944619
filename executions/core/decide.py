"""Decides what happens next in an execution.

`decide(facts, now)` is a pure function: the same facts gives the same decision. Its parts run in order, and each
sees what the parts before it decided. Nothing is done here: `engine/acting.py` carries the decision out, and every
action is guarded again there by the status in the database. What only an answer of DRS can tell is decided when it is
there: what a refused call means (`refusals`), and what a launch would delete (`engine/launch_guard.py`, `stake`).
"""

from __future__ import annotations

from datetime import datetime

from executions.core.actions import Decision, RejectExecution
from executions.core.advancing import advance_waves, hold_back
from executions.core.cleaning import clean_up
from executions.core.deadlines import time_out_launches
from executions.core.dispatching import dispatch_launches
from executions.core.draft import Draft
from executions.core.ending import finish_execution
from executions.core.facts import ExecutionFacts, Settings
from executions.core.following import follow_operations
from executions.core.states import EXECUTION_ENGAGED, ExecutionStatus


def decide(facts: ExecutionFacts, now: datetime, settings: Settings) -> Decision:
    """What to do now, and when to look again (None: never by itself)."""
    if facts.status is ExecutionStatus.AWAITING_APPROVAL:
        return _await_approval(facts, now)
    draft = Draft(facts, now, settings)
    # Also after the end: a launch that timed out may still come, and its instance has to be known to be cleaned up.
    follow_operations(draft)
    if facts.status not in EXECUTION_ENGAGED:
        clean_up(draft)
        return Decision(tuple(draft.actions), min(draft.wake_at, default=None))
    time_out_launches(draft)
    if facts.status is ExecutionStatus.CANCELLING:
        hold_back(draft, "The execution was cancelled.")
    advance_waves(draft)
    dispatch_launches(draft)
    finish_execution(draft)
    return Decision(tuple(draft.actions), min(draft.wake_at, default=None))


def _await_approval(facts: ExecutionFacts, now: datetime) -> Decision:
    expires_at = facts.approval_expires_at
    if expires_at is None or now < expires_at:
        return Decision(actions=(), look_at=expires_at)
    return Decision(actions=(RejectExecution("No one approved it in time, so nothing was launched."),), look_at=None)
