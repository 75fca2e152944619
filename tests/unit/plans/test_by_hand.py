"""What the printed runbook has people type: held against the service model that the AWS CLI is made of."""

from __future__ import annotations

import shlex
import subprocess

import botocore.session
import pytest
from botocore import xform_name

from plans.core.by_hand import Place, launch, terminate_drill, watch

FRANKFURT = Place("Frankfurt", "111122223333", "eu-central-1")
LOCAL = Place("Local", "111122223333", "eu-west-1", "http://127.0.0.1:9000/a b")
MODEL = botocore.session.Session().get_service_model("drs")
IDS = [f"s-{n:017d}" for n in range(5)]


def words(command: str) -> list[str]:
    """As a shell would give them to the AWS CLI."""
    text = f"aws() {{ printf '%s\\n' \"$@\"; }}; {command}"
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout.splitlines()


def check(command: list[str]) -> None:
    """The operation, and every option of it, is in the model."""
    assert command[0] == "drs"
    (operation,) = [name for name in MODEL.operation_names if xform_name(name, "-") == command[1]]
    known = {xform_name(name, "-") for name in MODEL.operation_model(operation).input_shape.members}
    given = [word.removeprefix("--").removeprefix("no-") for word in command if word.startswith("--")]
    assert set(given) <= {*known, "region", "endpoint-url", "output", "query"}


def test_a_launch_names_every_server_once_and_says_which_kind_it_is() -> None:
    (command,) = launch(FRANKFURT, IDS, drill=False)
    found = words(command)
    check(found)
    assert found[2:6] == ["--region", "eu-central-1", "--no-is-drill", "--source-servers"]
    assert found[6:] == [f"sourceServerID={each}" for each in IDS]
    member = MODEL.shape_for("StartRecoveryRequestSourceServer").members
    assert "sourceServerID" in member
    (drill,) = launch(LOCAL, IDS[:1], drill=True)
    assert shlex.split(drill.replace("\\\n", " "))[3:8] == [
        "--region", "eu-west-1", "--endpoint-url", "http://127.0.0.1:9000/a b", "--is-drill",
    ]  # fmt: skip


def test_a_job_has_a_hundred_servers_at_most() -> None:
    many = [f"s-{n:017d}" for n in range(201)]
    assert [command.count("sourceServerID=") for command in launch(FRANKFURT, many, drill=True)] == [100, 100, 1]
    assert len(terminate_drill(FRANKFURT, many)) == 3


def test_watching_a_job() -> None:
    found = words(watch(FRANKFURT))
    check(found)
    assert "jobIDs" in MODEL.shape_for("DescribeJobsRequestFilters").members
    assert found[found.index("--filters") + 1] == "jobIDs=JOB_ID"
    assert found[-1] == "items[].[status,participatingServers[].[sourceServerID,launchStatus]]"
    assert {"sourceServerID", "launchStatus"} <= set(MODEL.shape_for("ParticipatingServer").members)


@pytest.mark.parametrize("number", [1, 5])
def test_only_drill_instances_are_terminated(number: int) -> None:
    (command,) = terminate_drill(FRANKFURT, IDS[:number])
    outer, _, inner = command.partition("$(")
    found = words(inner.rpartition(")")[0])
    check(found)
    check([*outer.replace("\\\n", " ").split()[1:], "i-1"])
    assert found[found.index("--query") + 1] == "items[?isDrill].recoveryInstanceID"
    assert found[found.index("--filters") + 1] == f"sourceServerIDs={','.join(IDS[:number])}"
    assert {"isDrill", "recoveryInstanceID"} <= set(MODEL.shape_for("RecoveryInstance").members)
    assert "sourceServerIDs" in MODEL.shape_for("DescribeRecoveryInstancesRequestFilters").members
