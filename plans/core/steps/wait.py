"""Time passes."""

from __future__ import annotations

from foundation.durations import spoken
from plans.core.steps.kind import Kind
from plans.core.steps.parameters import Seconds

KIND = Kind(
    "wait",
    (Seconds(name="seconds", label="Wait", required=True),),
    about=lambda stored: spoken(stored["seconds"]) if "seconds" in stored else "",
)
