"""Clients that are generated from the OpenAPI document of the running server drive a whole drill, one in Python and one
in TypeScript. What drives them is tests/clients/drill.py and drill.ts; the compiler checks the types of the latter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import shop
from tests.acceptance.system import System
from tests.architecture.source import ROOT

CLIENTS = ROOT / "tests" / "clients"
DUBLIN = {
    "name": "Dublin", "account_id": "222233334444", "region": "eu-west-1", "external_id": "drsorch-demo",
    "role_arn": "arn:aws:iam::222233334444:role/drsorch",
}  # fmt: skip

pytestmark = pytest.mark.any_database


@pytest.fixture
def dublin(system: System) -> System:
    """The system with another site, whose servers no group selects: each client takes one of them."""
    if not system.api.get("sites/", name="Dublin")["results"]:
        shop.connect(system.api, DUBLIN)
    return system


def document(system: System, directory: Path) -> Path:
    """What the server says of itself, to whoever asks."""
    path = directory / "openapi.json"
    with urllib.request.urlopen(f"{system.address}api/v1/schema/?format=json", timeout=60) as answer:
        path.write_bytes(answer.read())
    return path


def run(command: Sequence[str | Path], directory: Path, **environment: str) -> str:
    """What it prints, without a word of warning."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    ran = subprocess.run(
        command, cwd=directory, env=own | environment, check=False, capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    assert "warning" not in (ran.stdout + ran.stderr).lower(), ran.stdout + ran.stderr
    return ran.stdout


def check(said: str, system: System) -> None:
    told: dict[str, Any] = json.loads(said)
    assert told["status"] == "succeeded", told
    assert [name.startswith("payroll-") for name in told["launched"]] == [True]
    assert told["report_of"] == told["id"]
    assert told["unchanged"] > 0, "nothing was answered with 304"
    assert system.api.get(f"executions/{told['id']}/")["status"] == "succeeded"


def drill(system: System) -> dict[str, str]:
    return {"DRSORCH_URL": system.address, "DRSORCH_TOKEN": system.template.token, "PYTHONWARNINGS": "error"}


def test_a_generated_python_client_drives_a_drill(dublin: System, tmp_path: Path) -> None:
    generator = Path(sys.executable).with_name("openapi-python-client")
    package = tmp_path / "drsorch_client"
    options = ["--output-path", package, "--meta", "none", "--config", CLIENTS / "python.yml", "--fail-on-warning"]
    run([generator, "generate", "--path", document(dublin, tmp_path), *options], tmp_path)
    script = [sys.executable, CLIENTS / "drill.py", "Dublin", "Payroll, by Python"]
    check(run(script, tmp_path, PYTHONPATH=str(tmp_path), **drill(dublin)), dublin)


def test_a_generated_typescript_client_drives_a_drill(dublin: System, tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "drill.ts"):
        shutil.copy(CLIENTS / name, tmp_path)
    # From npm's own cache, if it was fetched before.
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], tmp_path)
    bin = tmp_path / "node_modules" / ".bin"
    types = ["-o", "schema.d.ts", "--default-non-nullable=false"]
    run([bin / "openapi-typescript", document(dublin, tmp_path), *types], tmp_path)
    # Types are checked; with an error nothing is written.
    run([bin / "tsc", "-p", "."], tmp_path)
    script = ["node", "build/drill.js", "Dublin", "Payroll, by TypeScript"]
    check(run(script, tmp_path, **drill(dublin)), dublin)
