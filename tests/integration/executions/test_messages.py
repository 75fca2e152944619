"""Messages are nudges: what people do stands, whether or not a broker can be told."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.utils import timezone
from dramatiq.brokers.redis import RedisBroker
from pytest_django import DjangoCaptureOnCommitCallbacks

from executions import tasks
from executions.engine.polling import poll
from executions.models import DrsJob, Execution, SiteWatch
from tests.harness import EngineHarness


def test_a_broker_that_is_down_stops_nobody(
    harness: EngineHarness,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    plan = harness.plan()
    with monkeypatch.context() as patched, django_capture_on_commit_callbacks(execute=True) as told:
        for actor in (tasks.execution_look, tasks.site_poll):
            patched.setattr(actor, "broker", RedisBroker(url="redis://127.0.0.1:1/0"))
        execution = harness.drill(plan)
        tasks.poll_on_commit(execution.servers.values_list("site", flat=True).distinct())
    assert told
    harness.run(execution)
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"


@pytest.mark.usefixtures("usual_polls")
def test_a_worker_that_dies_between_a_poll_and_its_nudge_delays_little(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan([{"name": "Databases", "protection_groups": ["shop-db"]}]))
    harness.tick()
    while not DrsJob.objects.filter(finished=True).exists():
        harness.clock.move_to(harness.next_due())
        for watch in SiteWatch.objects.due(timezone.now()):
            poll.site_poll(watch.pk)  # and whoever polled dies before it tells anybody
        for due in Execution.objects.due(timezone.now()):
            tasks.execution_look.fn(str(due.pk))
    seen_at = timezone.now()
    harness.run(execution)
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"
    assert (timezone.now() - seen_at).total_seconds() <= 3 * settings.DRSORCH_POLL_CEILING_SECONDS + 1
