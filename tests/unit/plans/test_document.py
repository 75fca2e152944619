"""What a plan document may say. Each refusal is a sentence that names the culprit, at its path, all at once."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given

from foundation.errors import Invalid
from plans.core.document import filled_out, normalise, wave_graph
from plans.core.graph import cycle
from plans.core.purpose import NAMES
from tests.unit.plans.documents import GROUPS, plans, step, web_shop


def errors_of(raw: object) -> dict[str, str]:
    """What is wrong with the document, sentence by path; at least one thing must be."""
    with pytest.raises(Invalid) as caught:
        normalise(raw, groups=GROUPS)
    return {error.attr: error.detail for error in caught.value.errors}


def with_wave(**fields: Any) -> dict[str, Any]:
    """A plan whose one wave is sound but for `fields`."""
    return {"name": "P", "waves": [{"name": "App", "protection_groups": ["shop-app"], **fields}]}


def test_defaults_are_written_out() -> None:
    document = normalise(web_shop(), groups=GROUPS)
    assert document["approvals_required"] == 1
    assert document["rto_target_seconds"] is None
    assert document["waves"][0] == {
        "name": "Databases",
        "depends_on": None,
        "protection_groups": ["shop-db"],
        "minimum_success_percent": 100,
        "on_failure": "stop",
        "start_delay_seconds": 0,
        "launch_timeout_seconds": 3600,
        "steps": [],
    }
    assert wave_graph(document["waves"]) == ((), (0,), (0,), (1,))


def test_groups_may_be_named_by_id_and_are_answered_by_name() -> None:
    document = normalise(with_wave(protection_groups=[20, "21", "shop-web"]), groups=GROUPS)
    assert document["waves"][0]["protection_groups"] == ["shop-db", "shop-app", "shop-web"]


def test_a_group_whose_name_is_a_number_wins_over_an_id() -> None:
    assert normalise(with_wave(protection_groups=["300"]), groups=GROUPS)["waves"][0]["protection_groups"] == ["300"]


def test_a_circle_is_refused_naming_its_waves() -> None:
    plan = web_shop()
    plan["waves"][0]["depends_on"] = ["Web"]
    (path, sentence), *others = errors_of(plan).items()
    assert not others
    assert path == "waves.0.depends_on"
    assert "“Databases” waits for “Web”, “Web” waits for “App”, “App” waits for “Databases”." in sentence


def test_a_circle_closed_by_the_order_alone_says_so() -> None:
    plan = web_shop()
    plan["waves"].insert(2, plan["waves"].pop(0))
    (sentence,) = errors_of(plan).values()
    assert "“Reports” waits for “Databases”, “Databases” follows “Reports” above it." in sentence


def test_a_wave_that_waits_for_itself() -> None:
    assert errors_of(with_wave(depends_on=["App"])) == {"waves.0.depends_on": "Wave “App” waits for itself."}


def test_a_wave_that_waits_for_nobody_known() -> None:
    assert errors_of(with_wave(depends_on=["Databses"])) == {
        "waves.0.depends_on": "Wave “App” waits for “Databses”, but no wave has that name."
    }


@pytest.mark.parametrize("unknown", ["shop-dbb", 999, "999", True, None, {}, 10**30, "9" * 40])
def test_a_group_that_does_not_exist(unknown: object) -> None:
    found = errors_of(with_wave(protection_groups=[unknown]))
    assert list(found) == ["waves.0.protection_groups.0"]
    assert "there is no protection group" in found["waves.0.protection_groups.0"]


def test_a_group_twice_in_a_plan_names_the_group_and_both_waves() -> None:
    plan = web_shop()
    plan["waves"][3]["protection_groups"].append("shop-db")
    assert errors_of(plan) == {
        "waves.3.protection_groups": "Protection group “shop-db” is in two waves, “Databases” and “Web”; it can be "
        "launched only once."
    }


def test_a_group_twice_in_one_wave_also_when_once_by_id() -> None:
    found = errors_of(with_wave(protection_groups=["shop-app", 21]))
    assert found == {"waves.0.protection_groups.1": "Wave “App” has protection group “shop-app” twice."}


def test_an_empty_wave_is_refused_but_one_with_a_step_is_not() -> None:
    found = errors_of(with_wave(protection_groups=[]))
    assert found == {"waves.0.protection_groups": "Wave “App” is empty: add a protection group or a step."}
    assert normalise(with_wave(protection_groups=[], steps=[step("approval")]), groups=GROUPS)


def test_two_waves_of_one_name() -> None:
    plan = web_shop()
    plan["waves"][2]["name"] = " App "
    assert errors_of(plan) == {"waves.2.name": "Two waves are named “App”."}


def test_a_misspelt_field_is_not_lost_in_silence() -> None:
    found = errors_of(with_wave(depend_on=[]))
    assert list(found) == ["waves.0.depend_on"]
    assert "has no field “depend_on”" in found["waves.0.depend_on"]


def test_everything_wrong_is_said_at_once() -> None:
    plan = web_shop() | {"rto_target_seconds": 0, "approvals_required": -1, "color": "red"}
    plan["waves"][0]["minimum_success_percent"] = 101
    plan["waves"][1]["on_failure"] = "panic"
    plan["waves"][2]["start_delay_seconds"] = -5
    plan["waves"][3]["depends_on"] = ["Nowhere"]
    assert set(errors_of(plan)) == {
        "rto_target_seconds",
        "approvals_required",
        "color",
        "waves.0.minimum_success_percent",
        "waves.1.on_failure",
        "waves.2.start_delay_seconds",
        "waves.3.depends_on",
    }


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("rto_target_seconds", -1),
        ("rto_target_seconds", "3600"),
        ("rpo_target_seconds", 1.5),
        ("rpo_target_seconds", 40_000_000),
        ("approvals_required", True),
        ("approvals_required", None),
        ("description", None),
        ("description", "x" * 10_001),
        ("name", ""),
        ("name", "  "),
        ("name", 7),
        ("name", "12"),
        ("name", "two\nlines"),
        ("name", "n" * 101),
        ("waves", {}),
        ("waves", "App"),
        ("waves", None),
    ],
)
def test_a_bad_field_of_the_plan(field: str, bad: object) -> None:
    assert list(errors_of(web_shop() | {field: bad})) == [field]


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("name", None),
        ("depends_on", "Databases"),
        ("depends_on", [1]),
        ("protection_groups", "shop-app"),
        ("minimum_success_percent", -1),
        ("minimum_success_percent", "all"),
        ("on_failure", None),
        ("start_delay_seconds", 0.5),
        ("launch_timeout_seconds", 0),
        ("steps", {}),
    ],
)
def test_a_bad_field_of_a_wave(field: str, bad: object) -> None:
    assert list(errors_of(with_wave(**{field: bad}))) == [f"waves.0.{field}"]


@pytest.mark.parametrize("raw", [None, [], "plan", 3])
def test_what_is_no_object_at_all(raw: object) -> None:
    assert "must be an object" in errors_of(raw)[""]


def test_a_wave_or_step_that_is_no_object() -> None:
    assert list(errors_of({"name": "P", "waves": ["App"]})) == ["waves.0"]
    assert list(errors_of(with_wave(steps=[1]))) == ["waves.0.steps.0"]


def test_text_that_no_database_keeps_is_refused() -> None:
    for text in ("a\x00b", "\ud800"):
        assert (
            "cannot be saved"
            in errors_of(with_wave(steps=[step("lambda", {"function_name": "f", "payload": {"k": text}})]))[""]
        )


@pytest.mark.parametrize(
    ("kind", "parameters", "kept"),
    [
        ("approval", {}, {}),
        ("approval", {"instructions": "Ask the DBA."}, {"instructions": "Ask the DBA."}),
        ("wait", {"seconds": 60}, {"seconds": 60}),
        (
            "http_check",
            {"url": "https://shop.example.com/health"},
            {"url": "https://shop.example.com/health", "expected_status": 200, "every_seconds": 10},
        ),
        ("tcp_check", {"host": "10.0.0.5", "port": 5432}, {"host": "10.0.0.5", "port": 5432, "every_seconds": 10}),
        (
            "ssm_command",
            {"document_name": "AWS-RunShellScript", "parameters": {"commands": ["uptime"]}, "retries": 2},
            {"document_name": "AWS-RunShellScript", "parameters": {"commands": ["uptime"]}, "retries": 2},
        ),
        (
            "ssm_automation",
            {"document_name": "Swing-DNS"},
            {"document_name": "Swing-DNS", "parameters": {}, "retries": 0},
        ),
        (
            "lambda",
            {"function_name": "swing", "payload": {"a": 1}},
            {"function_name": "swing", "payload": {"a": 1}, "retries": 0},
        ),
        (
            "ssm_command",
            {"document_name": "D", "instance_ids": [" {{instance_id:db-1}} ", "i-1"], "site": " Frankfurt "},
            {
                "document_name": "D",
                "parameters": {},
                "instance_ids": ["{{instance_id:db-1}}", "i-1"],
                "site": "Frankfurt",
                "retries": 0,
            },
        ),
        (
            "ssm_command",
            {"document_name": "D", "instance_ids": [], "site": ""},
            {"document_name": "D", "parameters": {}, "retries": 0},
        ),
        (
            "lambda",
            {"function_name": "f", "site": "Dublin"},
            {"function_name": "f", "payload": {}, "site": "Dublin", "retries": 0},
        ),
        (
            "http_check",
            {"url": "http://{{private_ip:web-1}}:8080/{{plan}}", "expected_status": 204, "every_seconds": 5},
            {"url": "http://{{private_ip:web-1}}:8080/{{plan}}", "expected_status": 204, "every_seconds": 5},
        ),
    ],
)
def test_each_kind_of_step_with_what_it_needs(kind: str, parameters: dict[str, Any], kept: dict[str, Any]) -> None:
    (read,) = normalise(with_wave(steps=[step(kind, parameters)]), groups=GROUPS)["waves"][0]["steps"]
    assert read["parameters"] == kept
    assert (read["timeout_seconds"], read["on_failure"]) == (1800, "stop")


@pytest.mark.parametrize(
    ("kind", "parameters", "path"),
    [
        ("approval", {"instructions": 5}, "instructions"),
        ("wait", {}, "seconds"),
        ("wait", {"seconds": 0}, "seconds"),
        ("http_check", {}, "url"),
        ("http_check", {"url": "shop.example.com"}, "url"),
        ("http_check", {"url": "http://[::1"}, "url"),
        ("http_check", {"url": "https://x/", "expected_status": 99}, "expected_status"),
        ("tcp_check", {"host": "db", "port": 70000}, "port"),
        ("tcp_check", {"port": 5432}, "host"),
        ("ssm_command", {"document_name": "X", "parameters": {"commands": "uptime"}}, "parameters"),
        ("ssm_command", {"document_name": "X", "instance_ids": "i-1"}, "instance_ids"),
        ("ssm_command", {"document_name": "X", "instance_ids": [1]}, "instance_ids"),
        ("ssm_command", {"document_name": "X", "instance_ids": ["i-1", " "]}, "instance_ids"),
        ("ssm_automation", {"document_name": "X", "instance_ids": ["i-1"]}, "instance_ids"),
        ("ssm_automation", {"document_name": "X", "site": 7}, "site"),
        ("ssm_automation", {"document_name": "X", "site": "s" * 101}, "site"),
        ("ssm_automation", {}, "document_name"),
        ("lambda", {"function_name": "f", "payload": []}, "payload"),
        ("lambda", {"function_name": "f", "retries": 11}, "retries"),
        ("wait", {"seconds": 5, "minutes": 1}, "minutes"),
    ],
)
def test_each_kind_of_step_with_something_wrong(kind: str, parameters: dict[str, Any], path: str) -> None:
    found = errors_of(with_wave(steps=[step(kind, parameters)]))
    assert list(found) == [f"waves.0.steps.0.parameters.{path}"]
    assert f"Step “a {kind}” of wave “App”, parameters" in found[f"waves.0.steps.0.parameters.{path}"]


def test_a_step_needs_a_kind_and_a_when_and_a_name_of_its_own() -> None:
    assert list(errors_of(with_wave(steps=[{"name": "x"}]))) == ["waves.0.steps.0.when", "waves.0.steps.0.kind"]
    assert list(errors_of(with_wave(steps=[step("reboot")]))) == ["waves.0.steps.0.kind"]
    twice = errors_of(with_wave(steps=[step("approval"), step("approval")]))
    assert twice == {"waves.0.steps.1.name": "Wave “App” has two steps named “a approval”."}


@given(plans())
def test_a_plan_is_portable_text(raw: dict[str, Any]) -> None:
    """What is answered can be sent again, here or elsewhere, and means the same."""
    document = normalise(raw, groups=GROUPS)
    assert normalise(json.loads(json.dumps(document)), groups=GROUPS) == document


@given(plans())
def test_what_is_accepted_has_no_circle(raw: dict[str, Any]) -> None:
    assert cycle(wave_graph(normalise(raw, groups=GROUPS)["waves"])) == ()


@given(plans())
def test_any_closed_circle_is_refused(raw: dict[str, Any]) -> None:
    if len(raw["waves"]) > 1:
        first, last = raw["waves"][0], raw["waves"][-1]
        first["depends_on"] = [*first["depends_on"], last["name"]]
        last["depends_on"] = [*last["depends_on"], first["name"]]
        assert any("circle" in sentence for sentence in errors_of(raw).values())


def test_a_document_that_was_saved_before_it_had_a_field_is_filled_out() -> None:
    steps = [step("approval", description="d", link="https://x/"), step("wait", {"seconds": 1})]
    full = normalise({"name": "P", "waves": [{"name": "App", "steps": steps}]}, groups=GROUPS)
    old: dict[str, Any] = copy.deepcopy({**full})
    for each in ("contacts", *NAMES):
        del old[each]
    for each in ("description", "link"):
        old["waves"][0]["steps"][1].pop(each)
    assert filled_out(old) == full
