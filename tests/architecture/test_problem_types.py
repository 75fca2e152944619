"""A script tells conflicts apart by their type: none is without one, and docs/api.md names them all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import LAYERS, ROOT, tracked_files, tree


def conflicts() -> Iterator[tuple[str, ast.Call]]:
    """Every place where one is raised, of our own code."""
    for path in tracked_files():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in LAYERS:
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Conflict":
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_conflict_has_a_type_of_its_own() -> None:
    without = [where for where, call in conflicts() if "code" not in {keyword.arg for keyword in call.keywords}]
    assert not without, "say with `code` what a script would tell it apart by"
    assert len(list(conflicts())) > 40


def test_every_type_of_conflict_is_in_the_documentation() -> None:
    written = {
        keyword.value.value.replace("_", "-")
        for _, call in conflicts()
        for keyword in call.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }
    table = (ROOT / "docs/api.md").read_text().partition("**Conflicts**")[2].partition("\n\n**")[0]
    assert written - set(re.findall("`([a-z-]+)`", table)) == set()
