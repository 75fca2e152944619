"""What a revision says has changed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given

from plans.core.differences import differences
from plans.core.document import normalise
from tests.unit.plans.documents import GROUPS, plans, step, web_shop


def saved(raw: dict[str, Any]) -> dict[str, Any]:
    return dict(normalise(raw, groups=GROUPS))


def test_a_changed_field_is_named_by_its_wave() -> None:
    after = web_shop()
    after["waves"][1]["minimum_success_percent"] = 80
    assert differences(saved(web_shop()), saved(after)) == [
        {"path": "waves.App.minimum_success_percent", "before": 100, "after": 80}
    ]


def test_moving_a_wave_is_a_change_of_order() -> None:
    after = web_shop()
    after["waves"].insert(1, after["waves"].pop(2))
    assert differences(saved(web_shop()), saved(after)) == [
        {
            "path": "waves",
            "before": ["Databases", "App", "Reports", "Web"],
            "after": ["Databases", "Reports", "App", "Web"],
        }
    ]


def test_moving_a_wave_that_others_follow_tells_what_they_wait_for_now() -> None:
    before, after = web_shop(), web_shop()
    for wave in [*before["waves"], *after["waves"]]:
        wave["depends_on"] = None
    after["waves"].append(after["waves"].pop(1))
    order, *told = differences(saved(before), saved(after))
    assert order["path"] == "waves"
    assert told == [
        {"path": "waves.Reports.waits_for", "before": ["App"], "after": ["Databases"]},
        {"path": "waves.App.waits_for", "before": ["Databases"], "after": ["Web"]},
    ]


def test_a_new_wave_tells_what_it_waits_for() -> None:
    after = web_shop()
    after["waves"].append({"name": "Mail", "protection_groups": ["group-2"]})
    assert differences(saved(web_shop()), saved(after))[-1] == {
        "path": "waves.Mail.waits_for",
        "before": None,
        "after": ["Web"],
    }


def test_a_wave_taken_out_is_shown_whole() -> None:
    after = web_shop()
    gone = saved(web_shop())["waves"][2]
    del after["waves"][2]
    order, removed = differences(saved(web_shop()), saved(after))
    assert order["path"] == "waves"
    assert removed == {"path": "waves.Reports", "before": gone, "after": None}


def test_a_changed_step_is_named_by_its_wave_and_name() -> None:
    before, after = web_shop(), web_shop()
    before["waves"][0]["steps"] = [step("wait", {"seconds": 5})]
    after["waves"][0]["steps"] = [step("wait", {"seconds": 9})]
    assert differences(saved(before), saved(after)) == [
        {"path": "waves.Databases.steps.a wait.parameters", "before": {"seconds": 5}, "after": {"seconds": 9}}
    ]


@given(plans(), plans())
def test_no_difference_if_and_only_if_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    before, after = saved(one), saved(other)
    assert bool(differences(before, after)) == (before != after)
    assert differences(before, deepcopy(before)) == []


def test_a_truth_value_in_place_of_a_number_is_a_change() -> None:
    before, after = web_shop(), web_shop()
    before["waves"][0]["steps"] = [step("lambda", {"function_name": "f", "payload": {"dry": 1}})]
    after["waves"][0]["steps"] = [step("lambda", {"function_name": "f", "payload": {"dry": True}})]
    (found,) = differences(saved(before), saved(after))
    assert found["path"] == "waves.Databases.steps.a lambda.parameters"


def test_a_new_step_is_shown_whole() -> None:
    after = web_shop()
    after["waves"][1]["steps"] = [step("approval")]
    order, added = differences(saved(web_shop()), saved(after))
    assert order == {"path": "waves.App.steps", "before": [], "after": ["a approval"]}
    assert added == {
        "path": "waves.App.steps.a approval",
        "before": None,
        "after": {
            "name": "a approval",
            "description": "",
            "link": "",
            "when": "before",
            "kind": "approval",
            "timeout_seconds": 1800,
            "on_failure": "stop",
            "parameters": {},
        },
    }
