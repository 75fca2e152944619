"""From where a change is made: which door, which address, which request. Kept beside the work, not passed through it.

A request of a browser or a script, and a management command, say where they come from when they begin. Whatever says
nothing is drsorch's own work: its workers run in threads and processes that no request or command reaches.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from foundation.observing import causes

#: The actor of everything that no person did.
ENGINE: Final = "drsorch"
#: The actor where a command was run on the server itself: drsorch does not know the person. No user can be called so.
COMMAND_LINE: Final = "command line"
#: The actor of a request that nobody has signed in to. No user can be called so either.
NOT_SIGNED_IN: Final = "not signed in"


class Via(StrEnum):
    """How somebody, or something, came to make a change."""

    SCREEN = "screen"
    API = "api"
    COMMAND = "command"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: the user's id, None where it is nobody's, and the name at the time."""

    name: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from. `details`: address, agent, request_id, trace_id, token … as far as they are known."""

    via: Via
    actor: Actor
    details: Mapping[str, Any] = field(default_factory=dict)


#: Asked when something is recorded, as only then it matters who has signed in meanwhile.
_current: ContextVar[Callable[[], Origin] | None] = ContextVar("drsorch_origin", default=None)


def current() -> Origin:
    """Where the change that is being made comes from."""
    ask = _current.get()
    return _ours() if ask is None else ask()


def _ours() -> Origin:
    """drsorch's own work, and the request that caused it, as far as there was one."""
    return Origin(Via.ENGINE, Actor(ENGINE), causing_request())


def causing_request() -> dict[str, str]:
    """What the caller, or else drsorch, calls the request and the trace that the work belongs to."""
    cause = causes.carried()
    named = {"request_id": cause.get("request_id"), "trace_id": cause.get("traceparent", "")[3:35]}
    return {name: value for name, value in named.items() if value}


@contextmanager
def coming_from(ask: Callable[[], Origin]) -> Iterator[None]:
    """What is recorded inside comes from there."""
    token = _current.set(ask)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """What is recorded inside is this person's doing, through whatever door."""
    asked = current()
    with coming_from(lambda: replace(asked, actor=actor)):
        yield


def command(name: str) -> Callable[[], Origin]:
    """The origin of a command that is run on the server, by its name."""
    found = Origin(Via.COMMAND, Actor(COMMAND_LINE), {"command": name[:100], "account": _account()})
    return lambda: found


def _account() -> str:
    """The operating system's account, as far as it is known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
