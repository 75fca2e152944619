"""Pages that never end, and a DRS that answers a byte at a time: they hold nobody but those who asked them."""

from __future__ import annotations

from collections.abc import Callable

from drsorch.client import wait_for
from tests.acceptance.pages import dripping_page
from tests.chaos.deployment import Deployment
from tests.chaos.evidence import Trial

CHECKS = 20


def test_checks_of_a_page_that_never_ends(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    """More of them than a worker has threads: another site's drill goes through meanwhile."""
    deployment.crew_start()
    tried = trial(f"{CHECKS} checks of a page that answers a byte at a time")
    with dripping_page() as page:
        step = {"when": "before", "kind": "http_check", "parameters": {"url": page.url}, "timeout_seconds": 600}
        names = [f"Check {number}" for number in range(CHECKS)]
        checks = [{"name": name, "depends_on": [], "steps": [{"name": name, **step}]} for name in names]
        last = {"name": "Databases", "protection_groups": ["shop-db"], "depends_on": names}
        plan = f"shop checked, {tried.mode}"
        deployment.plan_make(plan, [*({**check, "protection_groups": []} for check in checks), last])
        held = tried.drill(plan)
        wait_for("The checks", lambda: page.listening >= 8, seconds=60)

        tried.end(tried.drill("crm"))

        seen = deployment.api.get(f"executions/{held}/")
        assert {step["status"] for wave in seen["waves"] for step in wave["steps"]} == {"running"}
        deployment.api.post(f"executions/{held}/cancel/")
    tried.prove({"succeeded", "cancelled"})


def test_a_drs_that_answers_a_byte_at_a_time(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    """To one launch and to one poll. What was launched is found, and launched once."""
    deployment.crew_start(2)
    tried = trial("answers of StartRecovery and DescribeJobs come a byte at a time")
    for operation in ("StartRecovery", "DescribeJobs"):
        deployment.simulator.fault("drip", operation=operation, count=1)

    tried.drill()

    tried.prove()
    assert deployment.simulator.struck() == 2
