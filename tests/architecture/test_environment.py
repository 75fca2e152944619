"""The environment is read in one place, so that nothing in it can be misread in silence."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, name_of, product_modules, tree

#: Where the table is, and the edge, which hands boto3's own variables on to it.
READERS = {"drsorch/environment.py", "drs/aws.py", "protection/endpoints.py"}


def reads(module: ast.Module) -> Iterator[str]:
    """Whatever a module asks of the environment; `setdefault`, by which the entry points name the settings, is none."""
    settled = {
        id(node.func.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setdefault"
    }
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"environ", "environb", "getenv"}
            and id(node) not in settled
        ):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (f"from os import {name.name}" for name in node.names if "env" in name.name)


def test_only_the_table_and_the_edge_read_the_environment() -> None:
    modules = [*product_modules(), ROOT / "manage.py"]
    found = [f"{name_of(path)}: {one}" for path in modules if name_of(path) not in READERS for one in reads(tree(path))]
    assert not found, "declare the setting in drsorch/environment.py"


@pytest.mark.parametrize("name", sorted(READERS - {"drsorch/environment.py"}))
def test_the_others_read_only_what_is_boto3s(name: str) -> None:
    source = (ROOT / name).read_text()
    lines = [line for line in source.splitlines() if "os.environ" in line or "getenv" in line]
    assert lines
    assert all("AWS_" in line or "_STANDARD" in line for line in lines), lines


@pytest.mark.parametrize("line", ["os.environ['X']", "os.getenv('X')", "from os import environ", "os.environ.get('X')"])
def test_the_rule_sees_a_reader(line: str) -> None:
    assert list(reads(ast.parse(f"import os\n{line}")))
    assert not list(reads(ast.parse("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'drsorch.settings')")))
