"""Named places where a process may be made to die, to prove that it may die there.

Off unless `DRSORCH_CRASH_AT` names one: `operation.after_intent`, or `operation.after_intent:3` for the third time this
process passes it. The process dies by SIGKILL, as it would for want of memory: nothing is cleaned up.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

from django.conf import settings

POINTS = frozenset(
    {
        "look.after_claim",
        "look.before_release",
        "operation.after_intent",
        "operation.after_call",
        "operation.after_mirror",
        "operation.after_record",
        "poll.after_claim",
        "poll.after_list",
        "poll.before_release",
        "settle.before",
        "settle.after",
        "step.after_claim",
        "step.after_intent",
        "step.after_call",
        "step.after_try",
        "finish.after",
    }
)
_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die here, if that is asked for. Raises KeyError for a name that is not in `POINTS`."""
    if name not in POINTS:
        raise KeyError(name)
    wanted, _, nth = settings.DRSORCH_CRASH_AT.partition(":")
    if wanted != name:
        return
    _passed[name] += 1
    if _passed[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
