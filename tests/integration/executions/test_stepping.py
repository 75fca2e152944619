"""Trying steps: checks against real servers, leases, and the ticker that nothing is lost without."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from executions import tasks, transitions
from executions.core.states import StepStatus
from executions.engine.steps import attempt
from executions.models import Execution, StepRun
from executions.services import controlling
from foundation import ticker
from tests.harness import EngineHarness
from tests.unit.executions.test_checks_of_addresses import Shop, serving

pytestmark = pytest.mark.either_database


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving(Shop()) as server:
        yield server


def drill(
    harness: EngineHarness, kind: str, timeout: int = 1800, on_failure: str = "stop", **parameters: Any
) -> Execution:
    """A drill whose databases are checked once they are up."""
    check = {
        "name": "Check", "when": "after", "kind": kind, "timeout_seconds": timeout, "on_failure": on_failure,
        "parameters": parameters,
    }  # fmt: skip
    return harness.drill(harness.plan([{"name": "Databases", "protection_groups": ["shop-db"], "steps": [check]}]))


def row(execution: Execution) -> StepRun:
    return StepRun.objects.get(execution=execution)


def result(execution: Execution) -> tuple[str, str]:
    return row(execution).status, Execution.objects.get(pk=execution.pk).status


# --- checks -------------------------------------------------------------------------------------------------------


def test_an_http_check_that_holds(harness: EngineHarness, shop: Shop) -> None:
    execution = drill(harness, "http_check", url=shop.url("/{{execution_kind}}?of={{wave}}"))
    harness.run(execution)
    assert result(execution) == ("succeeded", "succeeded")
    assert row(execution).output.endswith("answered 200 as expected.")
    assert [path for path, _ in shop.asked] == ["/drill?of=Databases"]


def test_a_tcp_check_that_holds(harness: EngineHarness, shop: Shop) -> None:
    execution = drill(harness, "tcp_check", host="127.0.0.1", port=shop.port)
    harness.run(execution)
    assert result(execution) == ("succeeded", "succeeded")


def test_a_check_is_tried_at_its_own_pace_until_it_holds(harness: EngineHarness, shop: Shop) -> None:
    shop.status = 503
    execution = drill(harness, "http_check", url=shop.url(), every_seconds=30)
    harness.run(execution, until=lambda: len(shop.asked) == 3)
    waiting = row(execution)
    assert (waiting.status, waiting.attempts) == ("running", 3)
    assert "answered 503, not 200" in waiting.output
    assert waiting.due_at - waiting.started_at >= timedelta(seconds=90)
    shop.status = 200
    harness.run(execution)
    assert (row(execution).status, row(execution).attempts) == ("succeeded", 4)


def test_a_check_that_never_holds_fails_when_its_time_is_over_and_says_what_it_saw_last(
    harness: EngineHarness, shop: Shop
) -> None:
    shop.status = 503
    execution = drill(harness, "http_check", url=shop.url(), every_seconds=60, timeout=290)
    harness.run(execution)
    assert result(execution) == ("failed", "failed")
    assert "within its time-out" in row(execution).error
    assert "answered 503, not 200" in row(execution).error
    assert len(shop.asked) == 5


def test_a_check_that_may_fail_mars_the_wave_and_no_more(harness: EngineHarness, shop: Shop) -> None:
    shop.status = 503
    execution = drill(harness, "http_check", url=shop.url(), timeout=60, on_failure="continue")
    harness.run(execution)
    assert result(execution) == ("failed", "partially_succeeded")


def test_an_address_that_is_refused_fails_the_step_at_once(harness: EngineHarness) -> None:
    execution = drill(harness, "http_check", url="http://169.254.169.254/latest/meta-data/")
    harness.run(execution)
    assert result(execution) == ("failed", "failed")
    assert "refused" in row(execution).error
    assert row(execution).attempts == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"])
def test_a_plans_author_cannot_ask_what_listens_on_this_machine(
    harness: EngineHarness, shop: Shop, settings: Any, host: str
) -> None:
    settings.DRSORCH_OUTBOUND_ALLOW = ()
    execution = drill(harness, "http_check", url=shop.url(host=host))
    harness.run(execution)
    assert result(execution) == ("failed", "failed")
    assert "a loopback address. Such addresses are refused unless DRSORCH_OUTBOUND_ALLOW" in row(execution).error
    assert shop.asked == []


def test_a_steps_time_out_is_kept_though_nobody_is_free_to_try_it(harness: EngineHarness, shop: Shop) -> None:
    """The engine decides it from rows, whether the step's threads are all held or the one that tries it is."""
    shop.status = 503
    execution = drill(harness, "http_check", url=shop.url(), timeout=60)
    harness.run(until=lambda: StepRun.objects.filter(status="running").exists())
    StepRun.objects.update(lease_token=uuid4(), lease_until=timezone.now() + timedelta(hours=1), due_at=timezone.now())
    harness.run(execution)
    assert result(execution) == ("failed", "failed")
    started, finished = row(execution).started_at, row(execution).finished_at
    assert started is not None
    assert finished is not None
    assert finished - started <= timedelta(seconds=75)


def test_what_variables_make_of_an_address_may_be_none(harness: EngineHarness) -> None:
    execution = drill(harness, "http_check", on_failure="continue", url="http://{{wave}}..example/")
    harness.run(execution)
    assert "is not a valid address" in row(execution).error
    assert row(execution).attempts == 1


def test_a_failed_check_is_tried_afresh_if_a_person_says_so(harness: EngineHarness, shop: Shop, omar: User) -> None:
    shop.status = 503
    execution = drill(harness, "http_check", url=shop.url(), timeout=60)
    harness.run(execution)
    shop.status = 200
    controlling.execution_retry(execution=execution, by=omar, wave="Databases", step="Check", comment="It is up now.")
    harness.run(execution)
    assert result(execution) == ("succeeded", "succeeded")
    assert row(execution).error == ""


# --- leases -------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(harness: EngineHarness, shop: Shop) -> StepRun:
    """A check that is due again."""
    shop.status = 503
    execution = drill(harness, "http_check", url=shop.url(), every_seconds=30)
    harness.run(execution, until=lambda: len(shop.asked) == 1)
    harness.clock.move_to(row(execution).due_at)
    return row(execution)


def test_of_two_workers_one_has_the_step(waiting: StepRun) -> None:
    first, second = (transitions.step_claim(waiting.pk, 60) for _ in range(2))
    assert first is not None
    assert first.step.attempts == waiting.attempts + 1, "it is a new try"
    assert first.step.attempts == waiting.attempts + 1
    assert second is None


def test_a_step_that_is_not_due_is_left_alone(harness: EngineHarness, waiting: StepRun, shop: Shop) -> None:
    harness.clock.move_to(waiting.due_at - timedelta(seconds=1))
    assert attempt.step_try(waiting.pk) is None
    assert len(shop.asked) == 1


def test_when_a_worker_dies_another_goes_on_with_the_same_try(
    harness: EngineHarness, waiting: StepRun, shop: Shop
) -> None:
    dead = transitions.step_claim(waiting.pk, 60)
    assert dead is not None
    assert not StepRun.objects.tried_by_engine().due(timezone.now()).exists()
    harness.clock.shift(timedelta(seconds=61))
    assert list(StepRun.objects.tried_by_engine().due(timezone.now()).values_list("pk", flat=True)) == [waiting.pk]
    next_one = transitions.step_claim(waiting.pk, 60)
    assert next_one is not None
    assert next_one.step.attempts == dead.step.attempts, "it is the same try"
    assert next_one.step.attempt_key == dead.step.attempt_key
    assert next_one.step.attempts == dead.step.attempts


def test_whoever_lost_the_step_writes_nothing(harness: EngineHarness, waiting: StepRun) -> None:
    late = transitions.step_claim(waiting.pk, 60)
    harness.clock.shift(timedelta(seconds=61))
    current = transitions.step_claim(waiting.pk, 60)
    assert late is not None
    assert current is not None
    before = StepRun.objects.filter(pk=waiting.pk).values().get()
    assert not transitions.step_asking(late, {"site": 1}, 60)
    transitions.step_started(late, "of the one who was late")
    transitions.step_not_started(late)
    transitions.step_again(late, timezone.now(), "late", same_try=False)
    assert StepRun.objects.filter(pk=waiting.pk).values().get() == before
    for status in (StepStatus.SUCCEEDED, StepStatus.FAILED):
        assert not transitions.step_move(waiting.execution_id, waiting.pk, status, claim=late)
        assert StepRun.objects.filter(pk=waiting.pk).values().get() == before
    assert transitions.step_asking(current, {"site": 1}, 60)
    assert transitions.step_move(waiting.execution_id, waiting.pk, StepStatus.SUCCEEDED, claim=current)


def test_a_new_try_forgets_what_the_last_one_asked(harness: EngineHarness, waiting: StepRun) -> None:
    claim = transitions.step_claim(waiting.pk, 60)
    assert claim is not None
    transitions.step_asking(claim, {"site": 1}, 60)
    transitions.step_again(claim, timezone.now(), "It failed.", same_try=False)
    again = transitions.step_claim(waiting.pk, 60)
    assert again is not None
    assert (again.step.asked, again.step.unanswered_since) == ({}, None)
    assert again.step.attempt_key != claim.step.attempt_key


def test_without_a_single_message_the_ticker_has_the_step_tried(
    harness: EngineHarness, waiting: StepRun, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a flushed broker: the execution has decided already and would look again only at the time-out."""
    told: list[int] = []
    monkeypatch.setattr(tasks.step_run, "send", told.append)
    ticker.tick(timezone.now())
    assert told == [waiting.pk]
    tasks.step_run.fn(waiting.pk)
    ticker.tick(timezone.now())
    assert told == [waiting.pk]
    assert len(shop.asked) == 2


def test_steps_that_wait_for_time_or_for_a_person_are_nobodys_to_try(harness: EngineHarness) -> None:
    steps = [
        {"name": "Wait", "when": "after", "kind": "wait", "parameters": {"seconds": 600}},
        {"name": "Go", "when": "after", "kind": "approval"},
    ]
    execution = harness.drill(harness.plan([{"name": "W", "protection_groups": ["shop-db"], "steps": steps}]))
    for name in ("Wait", "Go"):
        rows = StepRun.objects.filter(execution=execution, name=name, status="running")
        harness.run(execution, until=rows.exists)
        assert not StepRun.objects.tried_by_engine().due(timezone.now() + timedelta(hours=1)).exists()
