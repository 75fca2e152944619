"""What is to be done now and then. `foundation.tasks` does it; an app above adds its own when it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Housekeeping:
    every: timedelta
    do: Callable[[datetime], Any]
    #: What it is about, for people: “cannot work on …”.
    what: str


#: By the name of its row.
CHORES: dict[str, Housekeeping] = {}
