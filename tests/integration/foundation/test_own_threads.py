"""What waits for other people's servers has worker threads of its own."""

from __future__ import annotations

import dramatiq
import pytest
from dramatiq import Worker

from executions import tasks as executions_tasks
from foundation import tasks as foundation_tasks
from foundation.middleware import OWN_THREADS, OwnThreadsMiddleware
from protection import tasks as protection_tasks
from reports.anchoring.tasks import anchor_make


def test_steps_syncs_and_anchors_are_apart_from_what_launches_and_polls() -> None:
    apart = {each.queue_name for each in (executions_tasks.step_run, protection_tasks.site_sync, anchor_make)}
    assert apart == set(OWN_THREADS)
    rest = (executions_tasks.execution_look, executions_tasks.site_poll, foundation_tasks.chore_do)
    assert not {actor.queue_name for actor in rest} & apart


@pytest.fixture
def middleware() -> OwnThreadsMiddleware:
    return OwnThreadsMiddleware()


def test_a_worker_leaves_them_to_those_beside_it_and_every_queue_is_worked_on(middleware: OwnThreadsMiddleware) -> None:
    broker = dramatiq.get_broker()
    worker = Worker(broker, worker_threads=1)
    middleware.before_worker_boot(broker, worker)
    middleware.after_worker_boot(broker, worker)
    try:
        beside = [set(each.consumer_whitelist or ()) for each in middleware._beside]
        assert sorted(beside, key=str) == sorted([{queue} for queue in OWN_THREADS], key=str)
        assert set(worker.consumer_whitelist or ()).union(*beside) == set(broker.get_declared_queues())
        assert {len(each.workers) for each in middleware._beside} == set(OWN_THREADS.values())
    finally:
        middleware.before_worker_shutdown(broker, worker)
        middleware.after_worker_shutdown(broker, worker)
    assert middleware._beside == []


def test_a_worker_that_was_told_its_queues_keeps_to_them(middleware: OwnThreadsMiddleware) -> None:
    broker = dramatiq.get_broker()
    worker = Worker(broker, queues={"steps"}, worker_threads=1)
    middleware.before_worker_boot(broker, worker)
    middleware.after_worker_boot(broker, worker)
    assert worker.consumer_whitelist == {"steps"}
    assert middleware._beside == []
