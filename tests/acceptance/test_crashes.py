"""drsorch's own processes die in the middle of a drill. Started again, it carries on, and launches nothing twice."""

from __future__ import annotations

from collections.abc import Callable

from tests.acceptance import shop
from tests.acceptance.system import SEPARATE, System


def test_work_killed_while_drs_launches_is_carried_on(system: System) -> None:
    shop.plan_make(system.api)
    drill_id = shop.drill_start(system.api)
    shop.launching(system.api, drill_id)

    system.work_kill()
    system.work_start_again()

    drill = shop.drill_end(system.api, drill_id)
    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}


def test_work_killed_while_it_waits_for_drs_to_answer_is_adopted(make_system: Callable[..., System]) -> None:
    system = make_system(speed=60)
    system.start()
    shop.plan_make(system.api)
    # DRS has accepted the job; whoever asked dies before the answer comes.
    system.simulator.fault("late_answer", operation="StartRecovery", count=1, seconds=8)
    drill_id = shop.drill_start(system.api)
    shop.wait_for("The call", lambda: system.simulator.calls("StartRecovery"), seconds=120)

    system.work_kill()
    system.work_start_again()

    drill = shop.drill_end(system.api, drill_id)
    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}


def test_every_message_lost_is_every_message_sent_again(system: System) -> None:
    shop.plan_make(system.api)
    drill_id = shop.drill_start(system.api)
    shop.launching(system.api, drill_id)

    if SEPARATE:
        system.messages_lose()
    else:  # In the embedded default, the messages are lost with the process.
        system.work_kill()
        system.work_start_again()

    drill = shop.drill_end(system.api, drill_id)
    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}


def test_killed_again_and_again_it_still_gets_there(make_system: Callable[..., System]) -> None:
    system = make_system(speed=30)
    system.start()
    shop.plan_make(system.api)
    drill_id = shop.drill_start(system.api)

    for _ in range(3):
        shop.launching(system.api, drill_id)
        system.work_kill()
        system.work_start_again()

    drill = shop.drill_end(system.api, drill_id, seconds=180)
    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}
