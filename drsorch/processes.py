"""Processes that belong to another one, and end with it."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """As `preexec_fn`: the new process gets SIGTERM when the thread that started it ends, killed or not.

    Linux only; elsewhere an ordinary end of the parent still stops it, a killed parent does not.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
