"""A Lambda function of the wave's site answers without an error."""

from __future__ import annotations

from plans.core.steps.at_aws import RETRIES, SITE
from plans.core.steps.kind import Kind
from plans.core.steps.parameters import Anything, Text

KIND = Kind(
    "Lambda function",
    (
        Text(name="function_name", label="Function", required=True, limit=256),
        Anything(name="payload", label="Payload", help="A JSON object."),
        SITE,
        RETRIES,
    ),
    about=lambda stored: str(stored.get("function_name", "")),
)
