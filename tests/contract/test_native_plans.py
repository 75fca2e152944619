"""Executions of DRS's own recovery plans, as someone else runs them: read alike over HTTP and in process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drs.errors import Denied
from tests.contract.conftest import ACCOUNT, HOME, SimulatedDrs


def ids(simulated: SimulatedDrs) -> list[str]:
    return [server.source_server_id for server in simulated.drs.source_servers()]


def test_what_is_in_progress_and_whom_it_holds(simulated: SimulatedDrs) -> None:
    first, second, third, *_ = ids(simulated)
    assert simulated.drs.native_executions() == ()
    simulated.world.native_execution(ACCOUNT, HOME, "Web shop", [[first], [second, third]], mode="RECOVERY")
    (found,) = simulated.drs.native_executions()
    assert (found.plan_name, found.mode) == ("Web shop", "RECOVERY")
    assert found.source_server_ids == {first, second, third}
    assert "Web shop" in found.label


@pytest.mark.parametrize(
    ("status", "holds"),
    [
        ("NOT_STARTED", True), ("EXECUTING", True), ("WAITING", True), ("FAILED", True), ("TIMED_OUT", True),
        ("COMPLETED", False), ("SKIPPED", False),
    ],
)  # fmt: skip
def test_a_step_that_is_over_holds_nobody(simulated: SimulatedDrs, status: str, holds: bool) -> None:
    first, *_ = ids(simulated)
    execution = simulated.world.native_execution(ACCOUNT, HOME, "Web shop", [[first]])
    execution.steps[0].status = status
    (found,) = simulated.drs.native_executions()
    assert (found.source_server_ids == {first}) is holds


@pytest.mark.parametrize(
    ("status", "seen"),
    [("CREATED", 1), ("IN_PROGRESS", 1), ("CANCELLING", 1), ("COMPLETED", 0), ("FAILED", 0), ("CANCELLED", 0)],
)
def test_only_what_is_not_over_is_listed(simulated: SimulatedDrs, status: str, seen: int) -> None:
    simulated.world.native_execution(ACCOUNT, HOME, "Web shop", [ids(simulated)]).status = status
    assert len(simulated.drs.native_executions()) == seen


def test_its_pages_are_read_to_the_end(simulated: SimulatedDrs) -> None:
    simulated.world.scenario = replace(simulated.world.scenario, page_size=2)
    servers = ids(simulated)
    for _ in range(3):
        simulated.world.native_execution(ACCOUNT, HOME, "Web shop", [[server] for server in servers[:5]])
    found = simulated.drs.native_executions()
    assert [one.source_server_ids for one in found] == [frozenset(servers[:5])] * 3


def test_a_plan_whose_name_may_not_be_read_goes_by_its_execution(simulated: SimulatedDrs) -> None:
    simulated.world.native_execution(ACCOUNT, HOME, "Web shop", [ids(simulated)])
    simulated.world.faults.add("access_denied", operation="GetRecoveryPlan", rate=1)
    (found,) = simulated.drs.native_executions()
    assert found.plan_name == ""
    assert found.label in found.arn


def test_an_older_policy_denies_it(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("access_denied", operation="ListRecoveryPlanExecutions", rate=1)
    with pytest.raises(Denied):
        simulated.drs.native_executions()
