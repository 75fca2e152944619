"""Whatever answers a person reads these tables through `visible_to`: held against the source of every such module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from tests.architecture.source import name_of, product_modules, tree

#: Tables of which some rows are hidden from some people.
SCOPED = {"Site", "SourceServer", "ProtectionGroup", "Plan", "Execution", "Finding"}
#: What answers a request, and what reads for it.
ANSWERS = ("/screens/", "/api/", "/admin.py", "/api.py", "dashboard/", "executions/links.py", "reports/registers.py",
           "reports/comparisons.py", "/events.py")  # fmt: skip
#: Function -> why what it reads of these tables is shown to nobody who may not see it.
EXCEPTIONS = {
    "executions/screens/selectors.py:executions_matching": "narrows executions that were narrowed to what is visible",
    "executions/screens/selectors.py:inventory_servers": "of the servers of a plan that is visible",
    "executions/screens/selectors.py:was_replaced": "compares, and shows nothing",
    "executions/screens/renewal/standing.py:_question": "is compared, and nobody reads it",
    "plans/screens/runbook.py:runbook": "the sites of a plan that is visible",
    "reports/registers.py:_runs": "by ids that were chosen among what is visible",
    "dashboard/selectors.py:plan_results": "the same",
    "protection/admin.py:chain_of": "the chain is shown to those who may read it",
    "reports/admin.py:chain_of": "the same",
    "executions/events.py:_find": "names of events that are visible",
    "dashboard/selectors.py:left_drills": "counts of executions that are narrowed to what is visible afterwards",
}


def reads(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """(function, model, line) of each `Model.objects` that no `visible_to` follows at once."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager")):
            continue
        if not (isinstance(node.value, ast.Name) and node.value.id in SCOPED):
            continue
        after = parents[node]
        if isinstance(after, ast.Attribute) and after.attr in ("visible_to", "none"):
            continue
        up: ast.AST = node
        while not isinstance(up, ast.FunctionDef | ast.Module):
            up = parents[up]
        yield getattr(up, "name", ""), node.value.id, node.lineno


ANSWERING = [path for path in product_modules() if any(part in f"/{name_of(path)}" for part in ANSWERS)]


@pytest.mark.parametrize("path", ANSWERING, ids=name_of)
def test_what_answers_people_reads_what_they_may_see(path: Path) -> None:
    name = name_of(path)
    found = [
        f"{name}:{line}: {model} in {function}"
        for function, model, line in reads(tree(path))
        if f"{name}:{function}" not in EXCEPTIONS
    ]
    assert found == []


def test_every_exception_is_still_one() -> None:
    used = {f"{name_of(path)}:{function}" for path in ANSWERING for function, _, _ in reads(tree(path))}
    assert set(EXCEPTIONS) - used == set()


def test_the_tables_are_those_that_can_be_narrowed() -> None:
    narrowed = {model.__name__ for model in apps.get_models() if hasattr(model._default_manager, "visible_to")}
    assert narrowed == SCOPED
