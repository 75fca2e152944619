"""The simulator against botocore's model: what it routes, what it refuses, and that its own answers fit."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.validate import ParamValidator

from drs.simulator.errors import WireError
from drs.simulator.operations import model
from drs.simulator.operations.drs import OPERATIONS
from drs.simulator.world import World
from tests.contract.conftest import ACCOUNT, HOME

SERVER = "s-" + "0" * 17
NAMES = list(model.service("drs").operation_names)


class Script:
    """One call of every operation that the simulator has, in an order that fills the answers."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 8, tzinfo=UTC)
        self.world = World("small", now=lambda: self.now)
        self.answers: dict[str, list[dict[str, Any]]] = {}

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        answer = self.world.call(ACCOUNT, HOME, operation, params)
        self.answers.setdefault(operation, []).append(copy.deepcopy(answer))
        return answer

    def look(self, job_id: str) -> None:
        for operation in ("DescribeSourceServers", "DescribeRecoveryInstances", "DescribeJobs"):
            self.call(operation)
        self.call("DescribeJobLogItems", jobID=job_id)

    def play(self) -> None:
        self.call("InitializeService")
        server = self.call("DescribeSourceServers")["items"][0]
        server_id = server["sourceServerID"]
        self.call("DescribeRecoverySnapshots", sourceServerID=server_id)
        self.call("TagResource", resourceArn=server["arn"], tags={"k": "v"})
        self.call("ListTagsForResource", resourceArn=server["arn"])
        self.call("UntagResource", resourceArn=server["arn"], tagKeys=["k"])
        self.call("UpdateLaunchConfiguration", sourceServerID=server_id, licensing={"osByol": True})
        self.call("GetLaunchConfiguration", sourceServerID=server_id)
        self.world.native_execution(ACCOUNT, HOME, "Web shop", [[server_id]])
        plan = self.call("ListRecoveryPlans")["recoveryPlans"][0]["recoveryPlanArn"]
        self.call("GetRecoveryPlan", recoveryPlanArn=plan)
        self.call("ListRecoveryPlanSteps", recoveryPlanArn=plan)
        running = self.call("ListRecoveryPlanExecutions")["recoveryPlanExecutions"][0]["recoveryPlanExecutionArn"]
        self.call("GetRecoveryPlanExecution", recoveryPlanExecutionArn=running)
        self.call("ListRecoveryPlanExecutionSteps", recoveryPlanExecutionArn=running)
        for minutes in (0, 4, 6, 20):
            if minutes == 0:
                self.world.faults.add("failed_launch", tags={"Name": "shop-db-02"})
                servers = self.call("DescribeSourceServers")["items"]
                wanted = [{"sourceServerID": item["sourceServerID"]} for item in servers]
                job_id = self.call("StartRecovery", sourceServers=wanted, isDrill=True, tags={"a": "b"})["job"]["jobID"]
            self.now += timedelta(minutes=minutes)
            self.look(job_id)
        instances = [item["recoveryInstanceID"] for item in self.call("DescribeRecoveryInstances")["items"]]
        job_id = self.call("TerminateRecoveryInstances", recoveryInstanceIDs=instances)["job"]["jobID"]
        for seconds in (0, 5, 300):
            self.now += timedelta(seconds=seconds)
            self.look(job_id)
        job_id = self.call("StartRecovery", sourceServers=wanted[:1])["job"]["jobID"]
        self.now += timedelta(minutes=30)
        self.look(job_id)
        kept = self.call("DescribeRecoveryInstances")["items"][0]["recoveryInstanceID"]
        self.call("DisconnectRecoveryInstance", recoveryInstanceID=kept)
        self.call("DeleteRecoveryInstance", recoveryInstanceID=kept)


@pytest.fixture(scope="module")
def answers() -> dict[str, list[dict[str, Any]]]:
    script = Script()
    script.play()
    return script.answers


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_answers_fit_the_model(answers: dict[str, list[dict[str, Any]]], operation: str) -> None:
    assert answers[operation]
    shape = model.operation("drs", operation).output_shape
    for answer in answers[operation]:
        assert model.answer_problems("drs", operation, answer) == []
        if shape is not None:
            assert not ParamValidator().validate(answer, shape).has_errors()


def test_the_check_of_answers_finds_what_is_wrong() -> None:
    found = model.answer_problems("drs", "DescribeJobs", {
        "items": [{"jobID": "drsjob-1", "status": "DONE", "tags": {"a": 1}, "colour": "red"}, {}], "extra": 1,
    })  # fmt: skip
    assert {problem.path for problem in found} == {
        "items[0].jobID", "items[0].status", "items[0].tags.a", "items[0].colour", "items[1].jobID", "extra",
    }  # fmt: skip


def test_the_known_deviations_are_deviations() -> None:
    """If a later botocore lists LAUNCH_END, or takes the other date form, this says that a special case can go."""
    log_item = {"event": "LAUNCH_END", "logDateTime": "2022-12-07T19:15:38.846723+00:00"}
    shapes = model.operation("drs", "DescribeJobLogItems").output_shape.members["items"].member.members
    assert log_item["event"] not in shapes["event"].metadata["enum"]
    assert model.answer_problems("drs", "DescribeJobLogItems", {"items": [log_item]}) == []
    assert shapes["logDateTime"].metadata["pattern"].endswith("Z")


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_of_the_model_has_its_route(name: str) -> None:
    http = model.operation("drs", name).http
    arn = "arn%3Aaws%3Adrs%3Aeu-central-1%3A111122223333%3Ajob%2Fdrsjob-1"
    found = model.route("drs", http["method"], http["requestUri"].replace("{resourceArn}", arn))
    assert found is not None
    assert found[0] == name
    assert set(found[1].values()) <= {"arn:aws:drs:eu-central-1:111122223333:job/drsjob-1"}


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OPERATIONS)))
def test_every_other_operation_says_that_it_is_not_there_yet(name: str) -> None:
    with pytest.raises(WireError, match=f"does not have {name} yet") as caught:
        World("small").call(ACCOUNT, HOME, name, {})
    assert caught.value.members["reason"] == "unknownOperation"


@pytest.mark.parametrize(
    ("operation", "params", "paths"),
    [
        ("StartRecovery", {}, {"sourceServers"}),
        ("StartRecovery", {"sourceServers": "all"}, {"sourceServers"}),
        ("StartRecovery", {"sourceServers": [{}]}, {"sourceServers[0].sourceServerID"}),
        ("StartRecovery", {"sourceServers": [{"sourceServerID": SERVER}], "isDrill": "yes"}, {"isDrill"}),
        ("StartRecovery", {"sourceServers": [{"sourceServerID": SERVER}], "tags": {"k": "v" * 257}}, {"tags.k"}),
        ("TerminateRecoveryInstances", {"recoveryInstanceIDs": ["i-xyz0000000"]}, {"recoveryInstanceIDs[0]"}),
        ("DescribeJobs", {"maxResults": 0}, {"maxResults"}),
        ("DescribeJobs", {"maxResults": True}, {"maxResults"}),
        ("DescribeJobs", {"filters": {"jobIDs": ["drsjob-" + "0" * 17] * 1001}}, {"filters.jobIDs"}),
        ("DescribeSourceServers", {"filters": {"sourceServerIDs": [SERVER] * 201}}, {"filters.sourceServerIDs"}),
        ("DescribeRecoverySnapshots", {"sourceServerID": SERVER, "order": "desc"}, {"order"}),
    ],
)  # fmt: skip
def test_input_is_validated_by_the_model(operation: str, params: dict[str, Any], paths: set[str]) -> None:
    assert {problem.path for problem in model.input_problems("drs", operation, params)} == paths


def test_a_wrong_answer_of_its_own_does_not_leave_a_checking_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drs.simulator.operations.render.date", lambda moment: "today")
    with pytest.raises(AssertionError, match="breaks the model"):
        World("small", check_answers=True).call(ACCOUNT, HOME, "DescribeSourceServers", {})
