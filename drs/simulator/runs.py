"""What Systems Manager has been told to run in a Region. Nothing moves: how a run stands follows from the time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


def run_id(*parts: object) -> str:
    """A stable id of Systems Manager's form, a UUID that depends only on `parts`."""
    return str(UUID(hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest()))


@dataclass(frozen=True, slots=True)
class Course:
    """How one run goes: until when (None: for ever), and what it fails of (empty: it succeeds)."""

    ends_at: datetime | None
    fails_of: str = ""

    def status(self, now: datetime) -> str:
        if self.ends_at is None or now < self.ends_at:
            return "InProgress"
        return "Failed" if self.fails_of else "Success"


@dataclass(frozen=True, slots=True)
class AutomationRun:
    id: str
    asked: Mapping[str, Any]
    started_at: datetime
    course: Course


@dataclass(frozen=True, slots=True)
class CommandRun:
    sequence: int
    id: str
    asked: Mapping[str, Any]
    requested_at: datetime
    visible_from: datetime
    #: By instance.
    courses: Mapping[str, Course]

    def status(self, now: datetime) -> str:
        found = {course.status(now) for course in self.courses.values()}
        return next(status for status in ("InProgress", "Failed", "Success") if status in found)


@dataclass(slots=True)
class Runs:
    automations: dict[str, AutomationRun] = field(default_factory=dict)
    #: By client token, in lower case.
    tokens: dict[str, AutomationRun] = field(default_factory=dict)
    commands: dict[str, CommandRun] = field(default_factory=dict)
