"""From a request to the call of AWS that it caused: each line of the log says whose it is, and so does CloudTrail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest
import structlog
from django.contrib.auth.models import User
from dramatiq.brokers.stub import StubBroker
from pytest_django import DjangoCaptureOnCommitCallbacks

from audit.models import Event
from drs import identity
from drs.simulator import scenarios
from drs.simulator.testing import serve
from drs.simulator.world import World
from executions.engine.purpose import working_for
from executions.models import Execution
from executions.services import approving, controlling
from foundation.middleware import CauseMiddleware
from foundation.observing import causes
from protection import gateways, sync
from protection.models import Site
from tests.harness import ACCOUNT, SHOP, EngineHarness
from tests.logs import Lines, logged

pytestmark = pytest.mark.either_database

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
HEADERS = {"X-Request-ID": "pipeline-42", "traceparent": TRACE}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/drsorch"
DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


@pytest.fixture
def world(seldom_polls: None, clock: Any) -> World:
    """Asked over HTTP, by an unmodified boto3, as a role."""
    account = {**SHOP["accounts"][0], "roles": [{"name": "drsorch", "external_id": "demo"}]}
    return World(scenarios.parse({**SHOP, "accounts": [account]}, "shop"), check_answers=True)


@pytest.fixture
def frankfurt(db: None, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADRSORCHSIMULATOR")
    with serve(world) as url, gateways.use(gateways.client_for):
        yield Site.objects.create(
            name="Frankfurt", account_id=ACCOUNT, region="eu-central-1", role_arn=ROLE, external_id="demo",
            endpoint_url=url,
        )  # fmt: skip


def drilled(
    harness: EngineHarness, api: Callable[[User], Any], committed: DjangoCaptureOnCommitCallbacks
) -> tuple[Execution, Lines]:
    plan = harness.plan(DATABASES)
    with logged() as lines, committed(execute=True):
        asked = {"plan": plan.name, "kind": "drill"}
        answer = api(harness.users["omar"]).post("/api/v1/executions/", asked, format="json", headers=HEADERS)
        assert answer.status_code == 201, answer.json()
        # Another process, which was never asked anything.
        causes.end()
        harness.run(Execution.objects.get(pk=answer.json()["id"]))
    return Execution.objects.get(pk=answer.json()["id"]), lines


@pytest.mark.any_database
def test_a_launch_names_its_execution_person_and_request_in_the_log_and_in_cloudtrail(
    harness: EngineHarness,
    api: Callable[[User], Any],
    world: World,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    execution, lines = drilled(harness, api, django_capture_on_commit_callbacks)
    assert execution.status == "succeeded"
    of = {"execution": str(execution.pk), "user": "omar"}
    caused = {**of, "request_id": "pipeline-42", "trace_id": TRACE[3:35]}

    [launch] = [line for line in lines.all("aws_call") if line["operation"] == "StartRecovery"]
    assert launch.items() >= {**caused, "site": "Frankfurt", "account": ACCOUNT, "outcome": "ok", "attempt": 1}.items()
    assert launch["aws_request_id"]
    assert launch["ms"] >= 0
    begun = lines.one("job_begun")
    assert begun.items() >= {**caused, "kind": "launch", "drill": True, "servers": 2, "site": "Frankfurt"}.items()
    assert begun["operation_key"] == launch["operation_key"]
    ended = lines.one("job_ended")
    assert ended.items() >= {"execution": of["execution"], "job": begun["job"], "servers": {"LAUNCHED": 2}}.items()
    assert lines.one("execution_started").items() >= of.items()
    assert lines.one("execution_ended").items() >= {**of, "status": "succeeded", "was": "running"}.items()
    # What the engine did because of it says so in the audit trail, too.
    done = Event.objects.filter(subject_id=execution.pk, via="engine")
    asked = {"request_id": "pipeline-42", "trace_id": TRACE[3:35]}
    assert [event.origin for event in done] == [asked] * len(done) != []
    # A poll serves everybody, and is nobody's.
    assert {line.get("execution") for line in lines.all("aws_call") if line["operation"] == "DescribeJobs"} == {None}

    name, identity = f"drsorch-{execution.pk}-omar", f"omar@{execution.pk}"
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/drsorch/"
    assert (f"{arn}{name}", identity) in [(one.arn, one.source_identity) for one in world.accounts.sessions]
    assert {one.source_identity for one in world.accounts.sessions} == {"drsorch", "omar", identity}
    # One for each of them, whatever they call.
    assert len(world.accounts.sessions) == 3


@pytest.mark.any_database
def test_what_a_person_has_asked_of_aws_is_that_persons(harness: EngineHarness, ada: User, world: World) -> None:
    from audit import origin
    from protection.connection import site_try

    asking = origin.Origin(origin.Via.SCREEN, origin.Actor("ada", ada.pk))
    with logged() as lines, origin.coming_from(lambda: asking):
        site_try(site=Site.objects.get(), by=ada)
    assert {line["user"] for line in lines.all("aws_call") if line["operation"] != "AssumeRole"} == {"ada"}
    assert [one.source_identity for one in world.accounts.sessions] == ["ada"]


@pytest.mark.any_database
def test_a_sync_that_fails_is_a_warning_with_awss_id_of_the_request(harness: EngineHarness, world: World) -> None:
    world.faults.add("access_denied", operation="DescribeSourceServers")
    Site.objects.all().nudge(by_person=True)
    with logged() as lines:
        assert sync.site_sync(Site.objects.get().pk)
    line = lines.one("sync_failed")
    assert (line["level"], line["site"], line["code"]) == ("warning", "Frankfurt", "AccessDeniedException")
    assert line["aws_request_id"] in [call["aws_request_id"] for call in lines.all("aws_call")]


# --- messages -----------------------------------------------------------------------------------------------------


@pytest.fixture
def broker() -> StubBroker:
    made = StubBroker(middleware=[CauseMiddleware()])
    made.emit_after("process_boot")
    return made


def test_a_message_carries_the_request_to_the_actor_and_to_what_that_sends(broker: StubBroker) -> None:
    seen: list[dict[str, Any]] = []

    @dramatiq.actor(broker=broker)
    def second() -> None:
        seen.append(structlog.contextvars.get_contextvars())

    @dramatiq.actor(broker=broker)
    def first() -> None:
        seen.append(structlog.contextvars.get_contextvars())
        second.send()

    causes.begin(request_id="pipeline-42", traceparent=TRACE)
    first.send()
    first.send_with_options(delay=10)
    causes.begin()
    first.send()
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    broker.join("default")
    worker.join()
    worker.stop()
    said = [(one["actor"], one.get("request_id"), one.get("traceparent")) for one in seen]
    assert sorted(said, key=str) == sorted(
        [("first", "pipeline-42", TRACE)] * 2 + [("second", "pipeline-42", TRACE)] * 2
        + [("first", None, None), ("second", None, None)], key=str,
    )  # fmt: skip


def test_the_row_of_an_execution_keeps_the_request_that_moved_it_last(
    harness: EngineHarness, api: Callable[[User], Any]
) -> None:
    plan = harness.plan(DATABASES)
    omar = api(harness.users["omar"])
    started = omar.post("/api/v1/executions/", {"plan": plan.name, "kind": "drill"}, format="json", headers=HEADERS)
    assert Execution.objects.get().cause == {"request_id": "pipeline-42", "traceparent": TRACE}
    path = f"/api/v1/executions/{started.json()['id']}/pause/"
    omar.post(path, {"comment": "wait"}, format="json", headers={"X-Request-ID": "second"})
    assert Execution.objects.get().cause["request_id"] == "second"


def test_aws_is_told_who_asked_for_what_is_done(harness: EngineHarness) -> None:
    """Not who consented to it, nor who has it stop."""

    def named(execution: Execution) -> str:
        with working_for(Execution.objects.get(pk=execution.pk), "test"):
            return identity.current().person

    omar, dana, ravi = (harness.users[name] for name in ("omar", "dana", "ravi"))
    recovery = harness.recovery(harness.plan(DATABASES, approvals_required=1))
    assert named(recovery) == "dana"
    approving.execution_approve(execution=recovery, by=ravi)
    assert named(recovery) == "dana"
    controlling.execution_pause(execution=recovery, by=omar)
    assert named(recovery) == "dana"
    controlling.execution_resume(execution=recovery, by=omar)
    assert named(recovery) == "omar"
    with structlog.contextvars.bound_contextvars(request_id="another"):
        controlling.execution_cancel(execution=recovery, by=dana)
    assert named(recovery) == "omar"
    assert Execution.objects.get().cause == {"request_id": "another", "person": "omar"}
