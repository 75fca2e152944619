"""What stands between a plan and a run of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    #: Nothing is launched while it stands.
    BLOCKING = "blocking"
    #: It runs, but a person should know.
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is stable, for scripts; `subject` is the wave, group, server or site; the rest are sentences."""

    severity: Severity
    code: str
    subject: str
    message: str
    #: What to do about it.
    remedy: str
