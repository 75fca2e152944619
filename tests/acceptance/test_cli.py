"""`drsorch` on the command line, installed from its wheel into an environment of its own, against a real drsorch: plans
as code, a drill in a pipeline, evidence; the examples for pipelines and the scripts of docs/api.md, as they stand.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from drsorch.client import wait_for
from tests.acceptance.system import System
from tests.architecture.source import ROOT
from tests.shared import once_a_run

#: The command sees the API alone. What it sees there of PostgreSQL, other scenarios see, too.
pytestmark = pytest.mark.embedded

SECONDS = 120
UV = str(Path(sys.executable).parent / "uv")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with drsorch-cli and what that asks for, and nothing else."""
    return Path(once_a_run(tmp_path_factory, "cli", installed)["environment"])


def installed(directory: Path) -> dict[str, Any]:
    environment = directory / "environment"
    for command in (
        [UV, "build", "--quiet", "--offline", "--wheel", "--out-dir", str(directory), str(ROOT / "cli")],
        [UV, "venv", "--quiet", "--offline", "--python", sys.executable, str(environment)],
        [UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(environment / "bin/python"),
         str(directory / "drsorch_cli-0.1.0-py3-none-any.whl")],
    ):  # fmt: skip
        subprocess.run(command, check=True, cwd=directory, timeout=SECONDS)
    packages = next(environment.glob("lib/python*/site-packages"))
    wanted = requirements((packages / "drsorch_cli-0.1.0.dist-info/METADATA").read_text())
    done: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in done:
            continue
        done.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:  # for another Python, or another system
            continue
        wanted |= {re.split(r"[ ;<>=!~\[(]", one)[0].lower() for one in found.requires or () if "extra ==" not in one}
        for top in {file.parts[0] for file in found.files or () if ".." not in file.parts}:
            there = Path(str(found.locate_file(top)))
            if there.exists() and not (packages / top).exists():
                (packages / top).symlink_to(there)
    return {"environment": str(environment)}


def requirements(metadata: str) -> set[str]:
    names = re.findall(r"^Requires-Dist: ([\w.-]+)(?![^\n]*extra ==)", metadata, re.MULTILINE)
    return {name.lower() for name in names}


@dataclass
class Shell:
    """A shell in which drsorch is installed, with the address and the token of a running one."""

    environment: Path
    directory: Path
    system: System

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PATH": f"{self.directory / 'bin'}:{self.environment / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.directory),
            "DRSORCH_URL": self.system.address,
            "DRSORCH_TOKEN": self.system.template.token,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "LANG": "C.UTF-8",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    def run(self, *words: str, code: int = 0, **more: str) -> str:
        """drsorch with these words; what it says."""
        command = [str(self.environment / "bin/drsorch"), *words]
        return self._ran(command, code, more)

    def script(self, text: str, code: int = 0, **more: str) -> str:
        return self._ran(["bash", "-eo", "pipefail", "-c", text], code, more)

    def _ran(self, command: list[str], code: int, more: dict[str, str]) -> str:
        ran = subprocess.run(
            command, cwd=self.directory, env=self.variables | more, check=False, capture_output=True, text=True,
            timeout=SECONDS,
        )  # fmt: skip
        said = ran.stdout + ran.stderr
        assert ran.returncode == code, f"{command}: {ran.returncode}\n{said}"
        assert "Traceback" not in said
        return said


@pytest.fixture
def shell(environment: Path, tmp_path: Path, system: System) -> Shell:
    (tmp_path / "bin").mkdir()
    # What the pipelines install is installed.
    pip = tmp_path / "bin/pip"
    pip.write_text('#!/bin/sh\ntest "$*" = "install drsorch-cli"\n')
    pip.chmod(0o755)
    return Shell(environment, tmp_path, system)


def repository(shell: Shell) -> None:
    """What there is, exported and committed."""
    shell.run("export", "dr")
    shell.script(
        "git init -q -b main; git remote add origin https://robot:t0ken@git.example.com/dr/plans.git; git add .; "
        "git -c user.name=petra -c user.email=petra@example.com commit -qm 'All plans'"
    )


def test_it_needs_no_django_and_says_what_is_missing(shell: Shell) -> None:
    python = str(shell.environment / "bin/python")
    look = "import drsorch_cli.main, importlib.util as u; print([u.find_spec(n) for n in ('django', 'plans', 'yaml')])"
    assert shell._ran([python, "-c", look], 0, {}).startswith("[None, None, ModuleSpec(")
    assert "DRSORCH_URL" in shell.run("diff", "x", code=64, DRSORCH_URL="")
    assert "DRSORCH_TOKEN" in shell.run("diff", "x", code=77, DRSORCH_TOKEN="")
    assert "x is not a folder" in shell.run("diff", "x", code=1)
    assert "This token is unknown" in shell.run("export", "dr", code=77, DRSORCH_TOKEN="0" * 64)
    assert json.loads(shell.run("schema"))["$defs"]["plan"]


def test_plans_in_git_are_compared_and_applied_again_and_again(shell: Shell) -> None:
    repository(shell)
    plan, group = shell.directory / "dr/plans/web-shop.yaml", shell.directory / "dr/protection-groups/shop-web.yaml"
    assert plan.read_text().startswith("# yaml-language-server: $schema=../.drsorch/schema.json\nkind: plan\n")
    assert "    kept in git at https://git.example.com/dr/plans.git, directory dr" in shell.run("diff", "dr", code=2)
    assert " changed, 0 unchanged." in shell.run("apply", "dr")
    assert "0 changed, 5 unchanged." in shell.run("apply", "dr")
    kept = shell.system.api.get("plans/Web shop/".replace(" ", "%20"))["source"]
    assert (kept["repository"], kept["directory"], kept["ref"]) == (
        "https://git.example.com/dr/plans.git",
        "dr",
        "main",
    )

    # A group gets another name, in its own file and in that of its plan.
    group.write_text(group.read_text().replace("name: shop-web", "name: frontends\nrenamed_from: shop-web"))
    plan.write_text(plan.read_text().replace("- shop-web", "- frontends"))
    assert "> protection group frontends (was shop-web)" in shell.run("diff", "dr", code=2)
    looked = json.loads(subprocess.run(
        [str(shell.environment / "bin/drsorch"), "diff", "dr", "--json"], cwd=shell.directory, env=shell.variables,
        capture_output=True, text=True, check=False, timeout=SECONDS,
    ).stdout)  # fmt: skip
    assert "1 changed" in shell.run("apply", "dr", "--fingerprint", looked["fingerprint"])
    assert "Look at it again" in shell.run("apply", "dr", "--fingerprint", looked["fingerprint"], code=1)
    assert "0 changed" in shell.run("apply", "dr", "--prune")
    assert "0 files written" in shell.run("export", "dr"), "what says the same is not written again"

    plan.write_text(plan.read_text().replace("- frontends", "- frontend"))
    assert "dr/plans/web-shop.yaml: waves.2.protection_groups.0: Plan “Web shop”" in shell.run("apply", "dr", code=1)
    plan.write_text(plan.read_text().replace("- frontend", "- shop-web"))
    group.write_text(
        group.read_text().replace("name: frontends\nrenamed_from: shop-web", "name: shop-web\nrenamed_from: frontends")
    )
    assert "1 changed" in shell.run("apply", "dr")


def test_a_drill_in_a_pipeline_and_its_evidence(shell: Shell) -> None:
    said = shell.run(
        "drill", "Web shop", "--wait", "--cleanup", "--max-rto", "30m", "--junit", "drill.xml", "--key", "one"
    )  # fmt: skip
    assert re.search(r"\d\d:\d\d:\d\d Databases: succeeded, 2 of 2 servers launched\.", said), said
    assert "Clean-up: succeeded." in said
    assert "The drill has succeeded, RTO " in said
    suite = ET.fromstring((shell.directory / "drill.xml").read_text()).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "0"
    assert [case.get("name") for case in suite.iter("testcase")] == [
        "Databases",
        "App",
        "Web",
        "drill",
        "RTO",
        "clean-up",
    ]
    id = shell.system.api.get("executions/", plan="Web shop", ordering="-requested_at")["results"][0]["id"]
    again = shell.run("drill", "Web shop", "--wait", "--cleanup", "--max-rto", "1s", "--key", "one", code=5)
    assert id in again, "the same key starts nothing twice"
    assert "RTO was" in again
    assert id in shell.run("watch", id)

    shell.run("report", "Web shop", "-o", "evidence.json")
    shell.run("report", id, "-o", "evidence.pdf")
    assert "to the byte" in shell.run("verify", "evidence.json")
    assert "as drsorch writes evidence" in shell.run("verify", "evidence.json", "--offline", DRSORCH_URL="")
    evidence = shell.directory / "evidence.json"
    evidence.write_text(evidence.read_text().replace('"Web shop"', '"Web shoq"', 1))
    assert "is not what was sealed" in shell.run("verify", "evidence.json", code=8)
    evidence.write_text(json.dumps(json.loads(evidence.read_text()), indent=1))
    assert "It was changed" in shell.run("verify", "evidence.json", "--offline", code=8)
    assert "only drsorch itself" in shell.run("verify", "evidence.pdf", code=1)


@contextmanager
def followed_drill(shell: Shell) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A drill that has started, the process that waits for its end, and what that says."""
    log = shell.directory / "log"
    # A job in a shell's background ignores Ctrl-C, and so does what it starts: here the drill would.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(shell.environment / "bin/drsorch"), "drill", "Web shop", "--wait"],
            cwd=shell.directory, env=shell.variables, stdout=output, stderr=output,
        )  # fmt: skip
        signal.signal(signal.SIGINT, before)
        wait_for("The start", lambda: "Started:" in log.read_text(), seconds=60)
        yield process, log


def test_ctrl_c_stops_the_waiting_and_not_the_drill(shell: Shell) -> None:
    # Until then it does not end, however late this process is.
    shell.system.simulator.fault("throttle", operation="StartRecovery")
    with followed_drill(shell) as (process, log):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    shell.system.simulator.clear()
    said = log.read_text()
    assert "this does not cancel it" in said
    (id,) = set(re.findall(r"drsorch cancel ([0-9a-f-]{36})", said))
    assert shell.run("watch", id).count("has succeeded") == 1


def test_a_drill_is_followed_through_a_restart_of_drsorch(shell: Shell) -> None:
    system = shell.system
    with followed_drill(shell) as (process, log):
        system.web.kill()
        wait_for("The loss", lambda: "looking again" in log.read_text(), seconds=60)
        system.web_start("--port", system.address.rstrip("/").rpartition(":")[2])
        assert process.wait(timeout=SECONDS) == 0, log.read_text()
    assert "drsorch answers again." in log.read_text()
    assert "The drill has succeeded" in log.read_text()


def test_the_examples_for_pipelines_run_as_they_stand(shell: Shell) -> None:
    repository(shell)
    summary = str(shell.directory / "summary")
    github = yaml.safe_load((ROOT / "docs/examples/github-actions.yml").read_text())
    for name, job in github["jobs"].items():
        for step in job["steps"]:
            if "run" in step:
                shell.script(step["run"], GITHUB_STEP_SUMMARY=summary, GITHUB_RUN_ID="1", GITHUB_RUN_ATTEMPT=name)
    gitlab = yaml.safe_load((ROOT / "docs/examples/gitlab-ci.yml").read_text())
    before = gitlab.pop("default")["before_script"]
    for name, job in gitlab.items():
        for line in [*before, *job["script"], *job.get("after_script", [])]:
            shell.script(line, CI_JOB_ID=name)
    assert {"drill.xml", "evidence.json", "evidence.pdf"} <= {path.name for path in shell.directory.iterdir()}
    assert "unchanged" in Path(summary).read_text()


@pytest.mark.parametrize("name", ["drill.sh", "drill.py"])
def test_the_scripts_of_the_documentation_run_as_they_stand(shell: Shell, name: str) -> None:
    blocks = re.findall(
        r"^```(?:bash|python)\n(.*?)^```$", (ROOT / "docs/api.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (script,) = [block for block in blocks if f"# {name}\n" in block]
    (shell.directory / name).write_text(script)
    interpreter = "bash" if name.endswith(".sh") else str(shell.environment / "bin/python")
    said = shell._ran([interpreter, name], 0, {})
    assert said.startswith("The drill has succeeded, RTO ")
    assert b'"format":"drsorch-evidence-1"' in (shell.directory / "evidence.json").read_bytes()
