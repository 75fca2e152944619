"""Imports point down only, and AWS is behind one door."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.architecture.source import LAYERS, ROOT, name_of, product_modules, tree


def test_imports_point_down_only() -> None:
    """The contracts are in pyproject.toml; import-linter says which import breaks which."""
    linter = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run([linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_package_has_a_contract_that_no_module_escapes() -> None:
    """Rooms inside a package may have contracts of their own; the package itself must have one."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layered = [contract for contract in contracts if contract.get("containers")]
    assert {container for contract in layered for container in contract["containers"]} >= set(LAYERS)
    assert all(contract["exhaustive"] for contract in layered)


def test_only_the_edge_imports_boto3() -> None:
    importers = {
        name_of(path)
        for path in product_modules()
        for node in ast.walk(tree(path))
        if "boto3" in {module.partition(".")[0] for module in _imported(node)}
    }
    assert importers == {"drs/aws.py"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return []
