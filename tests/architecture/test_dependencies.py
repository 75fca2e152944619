"""What is imported is asked for by name, and a library that drsorch needs says in ADR 0023 what it saves."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.architecture.source import LAYERS, ROOT, tracked_files, tree

OURS = frozenset({*LAYERS, "tests", "bench"})


def asked_for(name: str) -> set[str]:
    """The libraries that a requirements file names, without extras, versions and other files."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] not in "#-"]
    return {normal(re.split(r"[\[<>=~! ]", line)[0]) for line in lines}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(path: Path) -> set[str]:
    names = {
        name
        for node in ast.walk(tree(path))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    }  # fmt: skip
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OURS


def test_what_is_imported_is_asked_for() -> None:
    runtime, development = asked_for("requirements.in"), asked_for("requirements-dev.in")
    owners = packages_distributions()
    missing = set()
    for path in tracked_files():
        top = path.relative_to(ROOT).parts[0]
        if path.suffix == ".py":
            allowed = runtime if top in LAYERS or top == "manage.py" else runtime | development
            if path == ROOT / "drsorch/observing/tracing.py":
                allowed = runtime | asked_for("requirements-traces.in")
            for name in imported(path):
                if not allowed & {normal(owner) for owner in owners.get(name, [])}:
                    missing.add(f"{name} in {path.relative_to(ROOT)}")
    assert not missing, "it comes with something else today; name it in requirements.in or requirements-dev.in"


def test_each_library_says_what_it_saves() -> None:
    rows = (ROOT / "docs/adr/0023-dependencies.md").read_text().splitlines()
    said = {normal(name) for row in rows if row.startswith("|") for name in re.split(r"[ ,|]+", row)}
    assert asked_for("requirements.in") | asked_for("requirements-traces.in") <= said
