"""What is delivered: the bill of materials is the lock, and nobody takes silence of advisories for their absence."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.architecture.source import ROOT


def test_the_bill_of_materials_is_valid_and_has_what_the_lock_has(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("first.json", "second.json")]
    for file in files:
        ended = subprocess.run([ROOT / ".ci/sbom", file], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
    first, second = (file.read_text() for file in files)
    assert first == second
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(first) is None
    bill = json.loads(first)
    assert bill["metadata"]["component"]["name"] == "drsorch"
    locked = re.findall(
        r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE | re.I
    )
    listed = {(one["name"].lower(), one["version"]) for one in bill["components"]}
    assert listed >= {(name.lower(), version) for name, version in locked}
    # What is delivered beside it: each stands in a folder of its own, and its script says its version.
    vendor = {folder.name: next(folder.glob("*.js")).read_text()[:200] for folder in (ROOT / "static/vendor").iterdir()}
    beside = {name: version for name, version in listed if name in vendor}
    assert {name for name, version in beside.items() if version in vendor[name]} == vendor.keys()
    assert len(bill["components"]) == len(locked) + len(vendor)
    without_hash = [one["name"] for one in bill["components"] if not _hashes(one)]
    assert without_hash == []


def _hashes(component: dict[str, object]) -> bool:
    return "hashes" in json.dumps(component)


def test_an_audit_that_reaches_nobody_says_so_and_is_no_success() -> None:
    surroundings = {**os.environ, "ADVISORIES": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}
    ended = subprocess.run([ROOT / ".ci/audit"], env=surroundings, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("No advisory service can be reached (http://127.0.0.1:9), so nothing is known")
