"""The embedded default dies in the middle of a drill. Started again, it carries on, and launches nothing twice.

Real services have tests/chaos, where every place to die is tried.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.acceptance import shop
from tests.acceptance.system import System


def test_killed_while_it_waits_for_drs_to_answer_it_adopts_the_job_and_carries_on(
    make_system: Callable[..., System],
) -> None:
    system = make_system()
    system.start()
    shop.plan_make(system.api)
    # DRS has accepted the job; whoever asked dies before the answer comes.
    system.simulator.fault("late_answer", operation="StartRecovery", count=1, seconds=8)
    drill_id = shop.drill_start(system.api)
    shop.wait_for("The call", lambda: system.simulator.calls("StartRecovery"), seconds=120)

    system.web.kill()
    system.web_start()

    drill = shop.drill_end(system.api, drill_id)
    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}
