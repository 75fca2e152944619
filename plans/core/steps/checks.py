"""What both kinds of check have to be told. A check is tried until its time-out."""

from __future__ import annotations

from plans.core.steps.parameters import Seconds

EVERY_SECONDS = Seconds(name="every_seconds", label="Check every", default=10)
