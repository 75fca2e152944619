"""The faults of a test, and the table of what became of them, as the suite prints it and docs/proof.md shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pytest

HEADINGS = ("fault", "executions", "final status", "launches per server", "orphaned jobs", "chain", "moved by")
_KEYS = ("fault", "executions", "status", "launches", "orphans", "chain")


def faults(
    names: Iterable[str],
    *,
    core: Collection[str] = (),
    ticker: Collection[str] = (),
    messages: Collection[str] = (),
) -> list[Any]:
    """The names as parameters of a test: `core` ones are always tried in every mode, `ticker` ones where one runs,
    `messages` ones where messages are sent."""
    marks = ((core, pytest.mark.core), (ticker, pytest.mark.needs_ticker), (messages, pytest.mark.needs_messages))
    return [pytest.param(name, marks=[mark for which, mark in marks if name in which]) for name in names]


def lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """As Markdown, the columns aligned, sorted. What came out the same in several modes is one line."""
    modes: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        modes.setdefault(tuple(str(row[key]) for key in _KEYS), []).append(str(row["mode"] or "both"))
    cells: list[Sequence[str]] = [HEADINGS, *((*row, ", ".join(sorted(modes[row]))) for row in sorted(modes))]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return [shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]]
