"""The repository as text and as syntax trees: what the rules of architecture are checked on."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (
    "drsorch",
    "dashboard",
    "reports",
    "executions",
    "plans",
    "protection",
    "access",
    "audit",
    "foundation",
    "drs",
)


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file of the repository: tracked by git, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def product_modules() -> Iterator[Path]:
    """Python files of the product: not the tests, not migrations."""
    for path in tracked_files():
        parts = path.relative_to(ROOT).parts
        if path.suffix == ".py" and parts[0] in LAYERS and "migrations" not in parts:
            yield path


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))
