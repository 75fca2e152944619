"""Named places where a process may be made to die, or to fall asleep, to prove that it may do so there.

Off unless `DRSORCH_CRASH_AT` names one: `operation.after_intent`, or `operation.after_intent:3` for the third time this
process passes it. The process dies by SIGKILL, as it would for want of memory: nothing is cleaned up. At
`DRSORCH_FREEZE_AT`, written alike, it stops by SIGSTOP, as on a machine that is suspended: it goes on when somebody
sends SIGCONT, and by then the world has moved.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

from django.conf import settings

POINTS = frozenset(
    {
        "look.after_claim",
        "look.before_release",
        "look.after_release",
        "intent.before_commit",
        "operation.after_intent",
        "operation.after_call",
        "operation.after_mirror",
        "operation.after_record",
        "poll.after_claim",
        "poll.after_page",
        "poll.after_list",
        "poll.before_release",
        "poll.after_release",
        "adopt.before",
        "give_up.before",
        "settle.before",
        "settle.after",
        "step.after_claim",
        "step.after_intent",
        "step.after_call",
        "step.after_try",
        "step.after_record",
        "finish.after",
        "cleanup.after_look",
        "nudge.before_send",
    }
)
_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die, or fall asleep, here, if that is asked for. Raises KeyError for a name that is not in `POINTS`."""
    if name not in POINTS:
        raise KeyError(name)
    _passed[name] += 1
    for where, what in ((settings.DRSORCH_CRASH_AT, signal.SIGKILL), (settings.DRSORCH_FREEZE_AT, signal.SIGSTOP)):
        wanted, _, nth = where.partition(":")
        if wanted == name and _passed[name] == int(nth or 1):
            # Past Python's own stderr, which may be a pipe that nobody gets to read.
            os.write(2, f"{what.name} at the crash point {where}, as the environment asks for.\n".encode())
            # To this thread, so that it does not get a step further; the whole process dies, or stops.
            signal.pthread_kill(threading.get_ident(), what)
