"""The log as whoever reads it gets it: lines of JSON."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from drsorch.observing.logging import configured


class Lines:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def all(self, event: str = "") -> list[dict[str, Any]]:
        """Every line, or those of an event. A line that is not JSON raises."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if not event or line["event"] == event]

    def one(self, event: str) -> dict[str, Any]:
        [line] = self.all(event)
        return line


@contextmanager
def logged(level: str = "INFO") -> Iterator[Lines]:
    """Meanwhile, the lines of this process from this level on, of whoever writes them."""
    lines, root = Lines(), logging.getLogger()
    formatter = dict(configured(level)["formatters"]["drsorch"])
    handler = logging.StreamHandler(lines.stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**{k: v for k, v in formatter.items() if k != "()"}))
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
