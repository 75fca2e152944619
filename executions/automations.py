"""The tries of steps that AWS carries out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from executions.transitions import Claim


@dataclass(frozen=True, slots=True)
class Said:
    """How a try stands. `unsafe`: it may have been carried out, and doing it again may do it twice."""

    succeeded: bool
    text: str
    running: bool = False
    unsafe: bool = False


def attempt(claim: Claim, parameters: Mapping[str, Any]) -> Said:
    return Said(False, f"Steps of kind {claim.step.kind} cannot be run yet.", unsafe=True)
