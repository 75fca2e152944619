"""For whom AWS is called: what a role's session is called, and its source identity, in CloudTrail (docs/drs.md 17).

A value of either has 2 to 64 characters out of letters, digits and `_+=,.@-`, all of ASCII:
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

#: The session of calls that serve everybody, such as polls; the names of all others begin so.
OURS: Final = "drsorch"
_LONGEST: Final = 64
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_+=,.@-]")


@dataclass(frozen=True, slots=True)
class Caller:
    """The person whose doing a call is, and the execution that it is for; empty where there is none."""

    person: str = ""
    execution: str = ""

    @property
    def session_name(self) -> str:
        """`drsorch-<execution>-<person>`."""
        parts = [part for part in (OURS, self.execution) if part]
        return _named("-".join(parts), "-", self.person)

    @property
    def source_identity(self) -> str:
        """`<person>@<execution>`: it stays with the session, and nobody can change it."""
        if not self.person:
            return OURS
        rest = f"@{self.execution}" if self.execution else ""
        return f"{_legal(self.person, _LONGEST - len(rest), at_least=2 - len(rest))}{rest}"


_NOBODY: Final = Caller()
_current: ContextVar[Caller | None] = ContextVar("drs_caller", default=None)


def current() -> Caller:
    return _current.get() or _NOBODY


@contextmanager
def calling_for(caller: Caller) -> Iterator[None]:
    """What this thread asks AWS for meanwhile is this person's doing."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)


def _named(before: str, between: str, person: str) -> str:
    if not person:
        return before[:_LONGEST]
    return f"{before}{between}{_legal(person, _LONGEST - len(before) - len(between))}"


def _legal(name: str, longest: int, *, at_least: int = 1) -> str:
    """The name in legal characters. Where that changes it, a mark keeps it apart from others that would look alike."""
    legal = _ILLEGAL.sub("_", name)
    if legal == name and at_least <= len(name) <= longest:
        return name
    mark = f"={hashlib.blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=3).hexdigest()}"
    return f"{legal[: longest - len(mark)]}{mark}"
