"""A row that makes every worker raise: it says so, the others continue, and once it is mended a person retries it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from drsorch.client import wait_for
from tests.chaos.deployment import Deployment
from tests.chaos.evidence import Trial


def test_an_execution_that_no_worker_can_read(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    from executions.models import WaveRun

    deployment.crew_start(2)
    tried = trial("every look at one of two executions raises, until its rows are repaired")
    broken = tried.drill("shop")
    with deployment.rows():
        waves = WaveRun.objects.filter(execution=broken, position=1)
        before = waves.values_list("status", flat=True).get()
        waves.update(status="no such status")

    tried.end(tried.drill("crm"))

    seen = wait_for("The error", lambda: _standstill(tried, broken), seconds=60)
    assert "ValueError" in seen
    assert tried.seen(broken)["status"] == "running"
    assert "Degraded" in _ready(deployment)["parts"]["work"]["detail"]

    with deployment.rows():
        WaveRun.objects.filter(execution=broken, position=1).update(status=before)
    deployment.api.post(f"executions/{broken}/look/")

    tried.prove()
    assert tried.seen(broken)["standstill"] is None


def _standstill(tried: Trial, execution: str) -> str:
    return str(tried.seen(execution)["standstill"] or "")


def _ready(deployment: Deployment) -> Any:
    """What `/readyz` says."""
    with urllib.request.urlopen(f"{deployment.address}readyz", timeout=10) as answer:
        return json.load(answer)
