"""Other people's servers that never finish answering hold nobody but those who asked them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drsorch.client import wait_for
from tests.acceptance import shop
from tests.acceptance.pages import dripping_page
from tests.acceptance.system import System

CHECKS = 50


def _is_launching(execution: dict[str, Any]) -> bool:
    servers = [server for wave in execution["waves"] for server in wave["servers"]]
    return any(server["status"] not in ("pending", "queued") for server in servers)


def test_fifty_checks_of_a_page_that_never_ends_hold_up_no_other_plan(make_system: Callable[..., System]) -> None:
    system = make_system()
    system.start()
    shop.plan_make(system.api)
    with dripping_page() as page:
        step = {"when": "before", "kind": "http_check", "parameters": {"url": page.url}, "timeout_seconds": 600}
        names = [f"Check {number}" for number in range(CHECKS)]
        checks = [
            {"name": name, "protection_groups": [], "depends_on": [], "steps": [{"name": name, **step}]}
            for name in names
        ]
        last = {"name": "Databases", "protection_groups": ["shop-db"], "depends_on": names}
        system.api.post("plans/", {"name": "Checks", "waves": [*checks, last]})
        system.api.post("plans/", {"name": "Web", "waves": [{"name": "Web", "protection_groups": ["shop-web"]}]})
        held = str(system.api.post("executions/", {"plan": "Checks", "kind": "drill"})["id"])
        # As many as there are threads for steps are listening to it, and the others wait for one of those.
        wait_for("The checks", lambda: page.listening >= 8, seconds=120)

        other = str(system.api.post("executions/", {"plan": "Web", "kind": "drill"})["id"])
        wait_for("The other drill's launch", lambda: _is_launching(system.api.get(f"executions/{other}/")), seconds=120)
        assert page.asked < CHECKS, "the launch waited until every check had been tried"
        drill = shop.drill_end(system.api, other)

        assert drill["status"] == "succeeded", drill
        checked = system.api.get(f"executions/{held}/")
        assert checked["status"] == "running"
        assert {step["status"] for wave in checked["waves"] for step in wave["steps"]} == {"running"}
        system.api.post(f"executions/{held}/cancel/")
        assert shop.drill_end(system.api, held)["status"] == "cancelled"
