"""Spans of traces: a hook that does nothing, until whoever has a tracer puts one in (`drsorch.observing.tracing`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol

from structlog.contextvars import bound_contextvars


class Span(Protocol):
    """Something that takes a while."""

    #: What others continue from (W3C); empty if nothing is traced.
    traceparent: str

    def note(self, **facts: Any) -> None:
        """Say more of it."""


#: name, kind ("server", "consumer", "internal"), the parent's traceparent or "", facts.
Opener = Callable[[str, str, str, Mapping[str, Any]], AbstractContextManager[Span]]


class _Untraced:
    traceparent = ""

    def note(self, **facts: Any) -> None:
        pass


_UNTRACED: Final = _Untraced()
#: The last one is used.
OPENERS: Final[list[Opener]] = []


@contextmanager
def span(name: str, kind: str = "internal", *, parent: str = "", **facts: Any) -> Iterator[Span]:
    """What is done inside is a span of its own. What it causes elsewhere continues from it."""
    if not OPENERS:
        yield _UNTRACED
        return
    with OPENERS[-1](name, kind, parent, facts) as opened, bound_contextvars(traceparent=opened.traceparent):
        yield opened
