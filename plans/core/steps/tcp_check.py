"""A TCP port accepts a connection."""

from __future__ import annotations

from plans.core.steps.checks import EVERY_SECONDS
from plans.core.steps.kind import Kind
from plans.core.steps.parameters import Text, Whole

KIND = Kind(
    "TCP check",
    (
        Text(name="host", label="Host", required=True, limit=253),
        Whole(name="port", label="Port", low=1, high=65535, required=True),
        EVERY_SECONDS,
    ),
    about=lambda stored: f"{stored.get('host', '')}:{stored.get('port', '')}",
)
