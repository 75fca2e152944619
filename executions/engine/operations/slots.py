"""How many threads of this process may wait for one site's answers to launches and terminations.

An answer may take minutes. Without a bound, one site whose DRS is silent would hold every thread of the worker, and no
other site would be launched at or polled. A launch that finds no slot is not intended: the next look decides again.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

#: Half of the threads that a worker has unless told otherwise; and while an answer of the site is slow.
_SLOTS, _SLOTS_WHILE_SLOW = 4, 2
#: An answer is slow after so many seconds.
_SLOW_SECONDS = 10.0

_lock = threading.Lock()
#: By site: since when each of its calls has been out.
_out: defaultdict[int, list[float]] = defaultdict(list)


@contextmanager
def slot(site_id: int) -> Iterator[bool]:
    """Hold one of the site's slots meanwhile. False if there is none: then the call must not be intended."""
    begun = time.monotonic()
    with _lock:
        calls = _out[site_id]
        is_slow = any(begun - since > _SLOW_SECONDS for since in calls)
        is_free = len(calls) < (_SLOTS_WHILE_SLOW if is_slow else _SLOTS)
        if is_free:
            calls.append(begun)
    try:
        yield is_free
    finally:
        if is_free:
            with _lock:
                calls.remove(begun)
