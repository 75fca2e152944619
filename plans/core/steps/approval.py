"""A person says go."""

from __future__ import annotations

from plans.core.steps.kind import Kind
from plans.core.steps.parameters import Text

KIND = Kind(
    "approval",
    (Text(name="instructions", label="Instructions for the approver", several_lines=True),),
)
