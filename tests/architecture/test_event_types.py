"""The record has no type of event that nothing writes, and none that is spelled out by hand."""

from __future__ import annotations

import ast

from audit.event_types import EventType
from tests.architecture.source import name_of, product_modules, tree

#: Where types are listed or told, not written.
LISTED = (
    "audit/event_types.py",
    "audit/sentences.py",
    "executions/screens/monitor/events.py",
    *(f"{app}/events.py" for app in ("access", "protection", "plans", "executions", "reports")),
)


def test_every_type_of_event_is_written_somewhere() -> None:
    used = {
        node.attr
        for path in product_modules()
        if name_of(path) not in LISTED
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "EventType"
    }
    assert used == set(EventType.__members__)


def test_no_module_spells_out_a_type_of_event() -> None:
    names = set(EventType)
    found = [
        f"{name_of(path)}:{node.lineno}: {node.value}"
        for path in product_modules()
        if name_of(path) != LISTED[0]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names
    ]
    assert not found
