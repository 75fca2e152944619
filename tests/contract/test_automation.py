"""Systems Manager and Lambda through `drs.automation` and an unmodified boto3, on the simulator and on anybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from drs import aws, errors
from drs.automation import AwsAutomation, automation_for
from drs.automation_port import INVOCATION_SECONDS, Command, CommandInvocation, FunctionAnswer
from drs.aws import AwsDrs, client_for
from drs.port import Endpoint, LaunchTarget
from drs.simulator.testing import serve
from drs.simulator.world import World
from tests.contract.conftest import ACCOUNT, HOME, OTHER_ACCOUNT, ROLE, START
from tests.contract.test_aws import closed_port, reply, scripted

RUNBOOK = "AWS-StartEC2Instance"
SCRIPT = "AWS-RunShellScript"
COMMANDS = {"commands": ["systemctl is-active shop"]}


class Bench:
    """A world over HTTP, the port that leads to it, and recovered instances to send commands to."""

    def __init__(self, world: World, url: str, clock: time_machine.Traveller) -> None:
        self.world = world
        self.clock = clock
        self.drs = AwsDrs(Endpoint(HOME, ACCOUNT, endpoint_url=url))
        self.port = AwsAutomation(self.drs)

    def recovered(self, count: int) -> list[str]:
        servers = list(self.drs.source_servers())[:count]
        self.drs.start_recovery([LaunchTarget(each.source_server_id) for each in servers], is_drill=True, tags={})
        self.wait(hours=1)
        return [each.recovery_instance_id for each in self.drs.recovery_instances()]

    def wait(self, **span: float) -> None:
        self.clock.shift(timedelta(**span))

    def send(self, instance_ids: list[str], comment: str = "ours") -> str:
        return self.port.send_command(SCRIPT, instance_ids, comment=comment, parameters=COMMANDS)

    def sent(self, comment: str = "ours") -> tuple[Command, ...]:
        return self.port.commands(comment=comment, sent_after=START, document_name=SCRIPT)

    def accepted(self, operation: str) -> int:
        return sum(call.accepted for call in self.world.calls if call.operation == operation)


@pytest.fixture
def bench(clock: time_machine.Traveller, credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    world = World("small", check_answers=True)
    with serve(world) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        yield Bench(world, url, clock)


# --- runbooks -----------------------------------------------------------------------------------------------------


def test_a_runbook_runs_and_succeeds(bench: Bench) -> None:
    started = bench.port.start_automation(
        RUNBOOK, token=str(uuid4()), document_version="$DEFAULT", parameters={"InstanceId": ["i-1"]}
    )
    running = bench.port.automation(started)
    bench.wait(minutes=2)
    done = bench.port.automation(started)
    assert running is not None
    assert done is not None
    assert (running.status, running.succeeded, running.failed) == ("InProgress", False, False)
    assert (done.status, done.succeeded, done.failed, done.failure) == ("Success", True, False, "")


def test_a_runbook_that_fails_says_why(bench: Bench) -> None:
    bench.world.faults.add("failed_run", message="The volume is gone.")
    started = bench.port.start_automation(RUNBOOK, token=str(uuid4()), parameters={})
    bench.wait(minutes=2)
    found = bench.port.automation(started)
    assert found is not None
    assert found.failed
    assert "The volume is gone." in found.failure


def test_the_same_token_starts_a_runbook_once(bench: Bench) -> None:
    token = str(uuid4())
    bench.world.faults.add("lost_answer", operation="StartAutomationExecution", count=1)
    with pytest.raises(errors.OutcomeUnknown, match="the same token"):
        bench.port.start_automation(RUNBOOK, token=token, parameters={})
    again = [bench.port.start_automation(RUNBOOK, token=token, parameters={}) for _ in range(2)]
    assert len(set(again)) == 1
    assert len(bench.world.region(ACCOUNT, HOME).runs.automations) == 1
    with pytest.raises(errors.Rejected, match="other parameters"):
        bench.port.start_automation(RUNBOOK, token=token, parameters={"a": ["b"]})


def test_a_status_that_no_model_lists_is_neither_success_nor_failure(bench: Bench) -> None:
    bench.world.faults.add(
        "unknown_enum", operation="GetAutomationExecution", member="AutomationExecutionStatus", value="Dreaming"
    )
    started = bench.port.start_automation(RUNBOOK, token=str(uuid4()), parameters={})
    found = bench.port.automation(started)
    assert found is not None
    assert (found.status, found.succeeded, found.failed) == ("Dreaming", False, False)


def test_what_aws_does_not_show_is_none(bench: Bench) -> None:
    assert bench.port.automation(str(uuid4())) is None
    assert bench.port.command(str(uuid4())) is None


# --- commands -----------------------------------------------------------------------------------------------------


def test_a_command_tells_of_every_instance(bench: Bench) -> None:
    instances = bench.recovered(5)
    failing = bench.world.region(ACCOUNT, HOME).instances[instances[3]].server_id
    bench.world.faults.add("failed_run", server_ids=[failing], message="exit status 3")
    command_id = bench.send(instances)
    running = bench.port.command(command_id)
    assert running == Command(command_id, "InProgress", tuple(instances))
    bench.wait(minutes=1)
    done = bench.port.command(command_id)
    assert done is not None
    assert (done.status, done.finished) == ("Failed", True)
    # Pages of two: all five are read.
    assert {each.instance_id: (each.succeeded, each.failed, each.output) for each in done.invocations} == {
        instance: (False, True, "exit status 3") if instance == instances[3] else (True, False, "done")
        for instance in instances
    }


def test_a_command_is_found_by_its_comment(bench: Bench) -> None:
    instances = bench.recovered(2)
    bench.world.faults.add("lost_answer", operation="SendCommand", count=1)
    with pytest.raises(errors.OutcomeUnknown, match="look for the command"):
        bench.send(instances)
    for _ in range(4):  # more than a page of somebody else's
        bench.send(instances, comment="theirs")
    (found,) = bench.sent()
    assert found.instance_ids == tuple(instances)
    bench.clock.move_to(START + timedelta(hours=2))
    assert bench.port.commands(comment="ours", sent_after=START + timedelta(hours=2), document_name=SCRIPT) == ()
    assert bench.port.commands(comment="ours", sent_after=START, document_name="AWS-Other") == ()
    assert bench.accepted("SendCommand") == 5


def test_a_command_may_show_itself_late(bench: Bench) -> None:
    instances = bench.recovered(1)
    bench.world.faults.add("late_visibility", operation="SendCommand", seconds=30)
    command_id = bench.send(instances)
    assert (bench.sent(), bench.port.command(command_id)) == ((), None)
    bench.wait(seconds=31)
    assert [each.command_id for each in bench.sent()] == [command_id]


def test_a_shared_document_is_looked_for_without_its_name(bench: Bench) -> None:
    shared = f"arn:aws:ssm:{HOME}:{OTHER_ACCOUNT}:document/Check"
    (instance,) = bench.recovered(1)
    bench.world.check_answers = False  # the simulator keeps the ARN as the name, AWS does not
    bench.port.send_command(shared, [instance], comment="ours", parameters={})
    (call,) = [call for call in bench.world.calls if call.operation == "SendCommand"]
    assert "Parameters" not in call.params
    assert len(bench.port.commands(comment="ours", sent_after=START, document_name=shared)) == 1
    assert [entry["key"] for entry in bench.world.calls[-1].params["Filters"]] == ["InvokedAfter"]


def test_an_instance_that_systems_manager_does_not_know(bench: Bench) -> None:
    (instance,) = bench.recovered(1)
    bench.world.faults.add("unmanaged_instance", count=1)
    with pytest.raises(errors.InstancesNotReady, match="agent"):
        bench.send([instance])
    with pytest.raises(errors.InstancesNotReady):
        bench.send(["i-0123456789abcdef0"])
    assert bench.send([instance])


# --- functions ----------------------------------------------------------------------------------------------------


def test_a_function_answers(bench: Bench) -> None:
    answer = bench.port.invoke("switch-dns", {"zone": "example.com", "to": ["10.0.0.1"]})
    assert answer == FunctionAnswer('{"zone": "example.com", "to": ["10.0.0.1"]}')


def test_a_function_that_fails_says_so(bench: Bench) -> None:
    bench.world.faults.add("failed_run", message="no such zone")
    answer = bench.port.invoke("switch-dns", {})
    assert answer.error == "Unhandled"
    assert "no such zone" in answer.payload


def test_a_function_may_take_its_time(bench: Bench) -> None:
    assert aws.INVOCATIONS.read_timeout == INVOCATION_SECONDS
    bench.world.faults.add("late_answer", operation="Invoke", seconds=0.5)
    assert bench.port.invoke("slow", 1).payload == "1"


def test_a_lost_answer_of_a_function_is_of_unknown_outcome(bench: Bench) -> None:
    bench.world.faults.add("lost_answer", operation="Invoke", count=1)
    with pytest.raises(errors.OutcomeUnknown, match="function's log"):
        bench.port.invoke("switch-dns", {})
    assert bench.accepted("Invoke") == 1


# --- what goes wrong ----------------------------------------------------------------------------------------------

Call = Callable[[AwsAutomation], Any]
ACTS: dict[str, Call] = {
    "StartAutomationExecution": lambda port: port.start_automation(RUNBOOK, token=str(uuid4()), parameters={}),
    "SendCommand": lambda port: port.send_command(SCRIPT, ["i-0123456789abcdef0"], comment="ours", parameters={}),
    "Invoke": lambda port: port.invoke("switch-dns", {}),
}
READS: dict[str, Call] = {
    "GetAutomationExecution": lambda port: port.automation(str(uuid4())),
    "ListCommands": lambda port: port.command(str(uuid4())),
}


@pytest.mark.parametrize("operation", ACTS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("missing", errors.NotFound), ("throttle", errors.Throttled), ("access_denied", errors.Denied),
        ("error_5xx", errors.OutcomeUnknown), ("lost_request", errors.OutcomeUnknown),
    ],
)  # fmt: skip
def test_what_a_fault_becomes_and_the_call_goes_out_once(
    bench: Bench, operation: str, fault: str, kind: type[errors.DrsError]
) -> None:
    if (operation, fault) == ("SendCommand", "missing"):
        bench.recovered(1)
    bench.world.faults.add(fault, operation=operation)
    with pytest.raises(errors.DrsError) as caught:
        ACTS[operation](bench.port)
    assert type(caught.value) is kind
    assert str(caught.value).endswith(".")
    assert ACCOUNT in str(caught.value)
    assert [call.operation for call in bench.world.calls].count(operation) == 1
    if fault == "access_denied":
        assert {"Invoke": "lambda:InvokeFunction"}.get(operation, f"ssm:{operation}") in str(caught.value)


@pytest.mark.parametrize("operation", READS)
def test_reads_are_repeated_and_changed_nothing(bench: Bench, operation: str) -> None:
    bench.world.faults.add("error_5xx", operation=operation)
    with pytest.raises(errors.Unreachable, match="changed nothing"):
        READS[operation](bench.port)
    assert [call.operation for call in bench.world.calls].count(operation) == 3


def test_what_the_simulator_does_not_have_it_says(bench: Bench) -> None:
    for service, operation, params in (
        ("ssm", "DescribeInstanceInformation", {}),
        ("lambda", "GetFunction", {"FunctionName": "f"}),
    ):
        with pytest.raises(errors.Rejected, match=f"does not have {operation} yet"):
            bench.drs.ask(service, operation, params)


#: What comes back, what a SendCommand makes of it, and an Invoke.
ANSWERS: dict[str, tuple[bytes | None, type[errors.DrsError], type[errors.DrsError] | None]] = {
    "hangs up": (None, errors.OutcomeUnknown, errors.OutcomeUnknown),
    "garbage": (b"SSH-2.0-OpenSSH_9.2\r\n", errors.OutcomeUnknown, errors.OutcomeUnknown),
    "half an answer": (
        reply(200, b'{"Command": ', Content_Length="9999"), errors.OutcomeUnknown, errors.OutcomeUnknown,
    ),
    "a web page": (
        reply(200, b"<html>Welcome</html>", Content_Type="text/html"), errors.OutcomeUnknown, errors.OutcomeUnknown,
    ),
    "nothing at all": (reply(200), errors.OutcomeUnknown, errors.OutcomeUnknown),
    "an object of nonsense": (reply(200, {"Command": {"CommandId": 3}}), errors.OutcomeUnknown, None),
    "accepted, not done": (reply(202, {}), errors.OutcomeUnknown, errors.OutcomeUnknown),
    "a bad gateway": (reply(502, b"<html>"), errors.OutcomeUnknown, errors.OutcomeUnknown),
    "not ready": (
        reply(502, {}, x_amzn_ErrorType="ResourceNotReadyException"), errors.OutcomeUnknown, errors.Rejected,
    ),
    "a mount that times out": (
        reply(408, {}, x_amzn_ErrorType="EFSMountTimeoutException"), errors.OutcomeUnknown, errors.Rejected,
    ),
    "being updated": (reply(409, {}, x_amzn_ErrorType="ResourceConflictException"), errors.Rejected, errors.Rejected),
    "too many": (reply(429, {}, x_amzn_ErrorType="TooManyRequestsException"), errors.Throttled, errors.Throttled),
    "a limit": (
        reply(400, {"__type": "AutomationExecutionLimitExceededException"}),
        errors.QuotaExceeded, errors.QuotaExceeded,
    ),
    "expired": (reply(400, {"__type": "ExpiredTokenException"}), errors.Denied, errors.Denied),
}  # fmt: skip


@pytest.fixture
def started(credentials: None) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("operation", ["SendCommand", "Invoke"])
def test_what_a_call_that_acts_makes_of_an_answer(
    started: ExitStack, monkeypatch: pytest.MonkeyPatch, operation: str, name: str
) -> None:
    answer, *kinds = ANSWERS[name]
    kind = kinds[operation == "Invoke"]
    server = started.enter_context(scripted(lambda asked: answer))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    port = AwsAutomation(AwsDrs(Endpoint(HOME, ACCOUNT)))
    if kind is None:
        ACTS[operation](port)
    else:
        with pytest.raises(errors.DrsError) as caught:
            ACTS[operation](port)
        assert type(caught.value) is kind
    assert len(server.asked) == 1


def test_a_custom_runtime_may_answer_plain_text(started: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = reply(200, b"switched", X_Amz_Executed_Version="7")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", started.enter_context(scripted(lambda asked: answer)).url)
    assert AwsAutomation(AwsDrs(Endpoint(HOME, ACCOUNT))).invoke("f", {}) == FunctionAnswer("switched")


def test_a_status_of_success_is_not_enough_to_know_of_every_instance(
    started: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = {"CommandId": "c" * 36, "Status": "Success", "InstanceIds": ["i-1", "i-2"]}
    answers = {
        True: {"CommandInvocations": [{"InstanceId": "i-1", "Status": "Success"}]},
        False: {"Commands": [command]},
    }
    server = started.enter_context(scripted(lambda asked: reply(200, answers["Details" in asked])))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.url)
    found = AwsAutomation(AwsDrs(Endpoint(HOME, ACCOUNT))).command("c" * 36)
    assert found == Command("c" * 36, "Success", ("i-1", "i-2"), (CommandInvocation("i-1", "Success"),))


def test_pages_that_never_end_are_noticed(started: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    server = started.enter_context(scripted(lambda asked: reply(200, {"Commands": [], "NextToken": "again"})))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.url)
    with pytest.raises(errors.Unreachable, match="the same next page twice"):
        AwsAutomation(AwsDrs(Endpoint(HOME, ACCOUNT))).command("c" * 36)


# --- where the calls go -------------------------------------------------------------------------------------------


def test_a_sites_own_address_is_not_where_steps_run(started: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    drs = started.enter_context(scripted(lambda asked: reply(200, {"items": []})))
    nobody = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", nobody)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", nobody)
    port = AwsAutomation(AwsDrs(Endpoint(HOME, ACCOUNT, endpoint_url=drs.url)))
    for call in ACTS.values():
        with pytest.raises(errors.Unreachable) as caught:
            call(port)
        assert drs.url not in str(caught.value)
    assert drs.asked == []


def test_steps_run_as_the_sites_role(bench: Bench) -> None:
    url = bench.drs.endpoint.endpoint_url
    port = automation_for(Endpoint("eu-west-1", OTHER_ACCOUNT, ROLE, "drsorch-demo", url))
    port.invoke("switch-dns", {})
    assert [(call.account, call.region) for call in bench.world.calls] == [(OTHER_ACCOUNT, "eu-west-1")]


def test_drs_and_steps_share_one_session(bench: Bench) -> None:
    endpoint = bench.drs.endpoint
    assert automation_for(endpoint)._aws is client_for(endpoint)
