"""Messages are nudges: what people do stands, whether or not a broker can be told."""

from __future__ import annotations

import pytest
from dramatiq.brokers.redis import RedisBroker
from pytest_django import DjangoCaptureOnCommitCallbacks

from executions import tasks
from executions.models import Execution
from tests.stage import Stage


def test_a_broker_that_is_down_stops_nobody(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    plan = stage.plan()
    with monkeypatch.context() as patched, django_capture_on_commit_callbacks(execute=True) as told:
        for actor in (tasks.execution_look, tasks.site_poll):
            patched.setattr(actor, "broker", RedisBroker(url="redis://127.0.0.1:1/0"))
        execution = stage.drill(plan)
        tasks.poll_on_commit(execution.servers.values_list("site", flat=True).distinct())
    assert told
    stage.run(execution)
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"
