"""Every refusal of a plan document, word by word: at which path, with which code, in which sentence."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.errors import Invalid
from plans.core.document import PlanDocument, normalise
from plans.core.purpose import NO_PURPOSE
from tests.unit.plans.documents import GROUPS, step

#: (path, code, sentence)
Refusal = tuple[str, str, str]


def plan(**fields: Any) -> dict[Any, Any]:
    """A plan without waves, sound but for `fields`."""
    return {"name": "P", "waves": [], **fields}


def wave(**fields: Any) -> dict[str, Any]:
    """A plan of one wave, sound but for `fields`."""
    return waves({"name": "App", "protection_groups": ["shop-app"], **fields})


def a_step(**fields: Any) -> dict[str, Any]:
    """A plan of one wave with one step, sound but for `fields`."""
    return wave(steps=[{**step("wait", {"seconds": 5}), **fields}])


def kind(of: str, **parameters: Any) -> dict[str, Any]:
    """A plan of one wave with one step of this kind."""
    return wave(steps=[step(of, parameters)])


def waves(*documents: object) -> dict[str, Any]:
    return {"name": "P", "waves": list(documents)}


def other(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "protection_groups": [], "steps": [step("approval")], **fields}


#: Of a plan, as a refusal names them.
FIELDS = f"{', '.join(sorted(PlanDocument.__annotations__))}."

# fmt: off
#: (document, path, code, how the sentence goes on after the plan's, the wave's, the step's or its parameters' name)
OF_A_PLAN = [
    (plan(name=None), "name", "required", " needs a name."),
    (plan(name="  "), "name", "required", " needs a name."),
    (plan(name=7), "name", "invalid", ": name must be text, not 7."),
    (plan(name="12"), "name", "invalid", ": a name needs a character that is not a digit: it would be read as an id."),
    (plan(name="a/b"), "name", "invalid", ": a name cannot contain “/”, because it is part of addresses."),
    (plan(name="two\nlines"), "name", "invalid",
     ": a name must be one line of printable characters; this one has U+000A."),
    (plan(description=None), "description", "invalid", ": description must be text, not null."),
    (plan(contacts="x" * 10_001), "contacts", "invalid", ": contacts is 10001 characters long; the maximum is 10000."),
    (plan(rto_target_seconds=0), "rto_target_seconds", "invalid",
     ": rto_target_seconds must be a whole number of seconds from 1 to 31536000, not 0."),
    (plan(rto_target_seconds=False), "rto_target_seconds", "invalid",
     ": rto_target_seconds must be a whole number of seconds from 1 to 31536000, not false."),
    (plan(rpo_target_seconds=31_536_001), "rpo_target_seconds", "invalid",
     ": rpo_target_seconds must be a whole number of seconds from 1 to 31536000, not 31536001."),
    (plan(approvals_required=-1), "approvals_required", "invalid",
     ": approvals_required must be a whole number from 0 to 20, not -1."),
    (plan(approvals_required=21), "approvals_required", "invalid",
     ": approvals_required must be a whole number from 0 to 20, not 21."),
    (plan(approvals_required=None), "approvals_required", "invalid",
     ": approvals_required must be a whole number from 0 to 20, not null."),
    (plan(approvals_required="2"), "approvals_required", "invalid",
     ": approvals_required must be a whole number from 0 to 20, not “2”."),
    (plan(waves=None), "waves", "not_a_list", ": waves must be a list, not null."),
    (plan(waves="App"), "waves", "not_a_list", ": waves must be a list, not “App”."),
    (plan(waves=b"App"), "waves", "not_a_list", ": waves must be a list, not b'App'."),
    (plan(waves={}), "waves", "not_a_list", ": waves must be a list, not an object."),
]
OF_A_WAVE = [
    (wave(depends_on="Web"), "depends_on", "not_a_list", ": depends_on must be a list, not “Web”."),
    (wave(depends_on=["Web", "Web"]), "depends_on", "unknown", " waits for “Web”, but no wave has that name."),
    (wave(depends_on=[""]), "depends_on", "unknown", " waits for “”, but no wave has that name."),
    (wave(protection_groups="shop-app"), "protection_groups", "not_a_list",
     ": protection_groups must be a list, not “shop-app”."),
    (wave(protection_groups=[]), "protection_groups", "empty", " is empty: add a protection group or a step."),
    (wave(minimum_success_percent=101), "minimum_success_percent", "invalid",
     ": minimum_success_percent must be a whole number from 0 to 100, not 101."),
    (wave(minimum_success_percent=-1), "minimum_success_percent", "invalid",
     ": minimum_success_percent must be a whole number from 0 to 100, not -1."),
    (wave(minimum_success_percent="all"), "minimum_success_percent", "invalid",
     ": minimum_success_percent must be a whole number from 0 to 100, not “all”."),
    (wave(on_failure="panic"), "on_failure", "invalid_choice", ": on_failure must be stop or continue, not “panic”."),
    (wave(on_failure=None), "on_failure", "invalid_choice", ": on_failure must be stop or continue, not null."),
    (wave(on_failure=["stop"]), "on_failure", "invalid_choice", ": on_failure must be stop or continue, not a list."),
    (wave(start_delay_seconds=-1), "start_delay_seconds", "invalid",
     ": start_delay_seconds must be a whole number of seconds from 0 to 31536000, not -1."),
    (wave(start_delay_seconds=31_536_001), "start_delay_seconds", "invalid",
     ": start_delay_seconds must be a whole number of seconds from 0 to 31536000, not 31536001."),
    (wave(launch_timeout_seconds=0), "launch_timeout_seconds", "invalid",
     ": launch_timeout_seconds must be a whole number of seconds from 1 to 31536000, not 0."),
    (wave(launch_timeout_seconds=None), "launch_timeout_seconds", "invalid",
     ": launch_timeout_seconds must be a whole number of seconds from 1 to 31536000, not null."),
    (wave(steps={}), "steps", "not_a_list", ": steps must be a list, not an object."),
    (wave(steps=[step("wait", {"seconds": 5}, name=f"s{n}") for n in range(51)]), "steps", "invalid",
     " has 51 steps; the maximum is 50."),
    (wave(depend_on=[]), "depend_on", "unknown",
     " has no field “depend_on”. Its fields are: depends_on, launch_timeout_seconds, minimum_success_percent, name, "
     "on_failure, protection_groups, start_delay_seconds, steps."),
]
OF_A_STEP = [
    (a_step(when="sometimes"), "when", "invalid_choice", ": when must be before or after, not “sometimes”."),
    (a_step(kind="reboot"), "kind", "invalid_choice",
     ": kind must be approval, wait, http_check, tcp_check, ssm_automation, ssm_command or lambda, not “reboot”."),
    (a_step(kind=None), "kind", "invalid_choice",
     ": kind must be approval, wait, http_check, tcp_check, ssm_automation, ssm_command or lambda, not null."),
    (a_step(timeout_seconds=0), "timeout_seconds", "invalid",
     ": timeout_seconds must be a whole number of seconds from 1 to 31536000, not 0."),
    (a_step(timeout_seconds=1.5), "timeout_seconds", "invalid",
     ": timeout_seconds must be a whole number of seconds from 1 to 31536000, not 1.5."),
    (a_step(on_failure="retry"), "on_failure", "invalid_choice", ": on_failure must be stop or continue, not “retry”."),
    (a_step(parameters=None), "parameters", "not_an_object", ", parameters must be an object, not null."),
    (a_step(parameters=[5]), "parameters", "not_an_object", ", parameters must be an object, not a list."),
    (a_step(parameters={}), "parameters.seconds", "required", ", parameters needs seconds."),
    (a_step(retries=3), "retries", "unknown",
     " has no field “retries”. Its fields are: description, kind, link, name, on_failure, parameters, timeout_seconds, "
     "when."),
    *((a_step(link=link), "link", "invalid", f": link must look like https://host/path, not “{link}”.")
      for link in ["http://wiki/x", "javascript:alert(1)", "https://", "https:///x", "https://wiki/a b",
                   "https://wiki:port/", "https://wi\x7fki/", "https://[::1/"]),
    (a_step(link="https://x/" + "p" * 1991), "link", "invalid", ": link is 2001 characters long; the maximum is 2000."),
    (a_step(description=None), "description", "invalid", ": description must be text, not null."),
]
OF_PARAMETERS = [
    (kind("approval", instructions=5), "instructions", "invalid", ": instructions must be text, not 5."),
    (kind("approval", instructions="x" * 10_001), "instructions", "invalid",
     ": instructions is 10001 characters long; the maximum is 10000."),
    (kind("wait", seconds=0), "seconds", "invalid",
     ": seconds must be a whole number of seconds from 1 to 31536000, not 0."),
    (kind("wait", seconds="60"), "seconds", "invalid",
     ": seconds must be a whole number of seconds from 1 to 31536000, not “60”."),
    (kind("wait", seconds=5, minutes=1), "minutes", "unknown", " has no field “minutes”. Its fields are: seconds."),
    (kind("http_check"), "url", "required", " needs a url."),
    (kind("http_check", url=" "), "url", "required", " needs a url."),
    (kind("http_check", url=5), "url", "invalid", ": url must be text, not 5."),
    (kind("http_check", url="https://x/\ny"), "url", "invalid", ": url must be one line of printable characters."),
    (kind("http_check", url="https://x/" + "p" * 1991), "url", "invalid",
     ": url is 2001 characters long; the maximum is 2000."),
    (kind("http_check", url="shop.example.com"), "url", "invalid",
     ": url must look like https://host/path, not “shop.example.com”."),
    (kind("http_check", url="ftp://shop.example.com"), "url", "invalid",
     ": url must look like https://host/path, not “ftp://shop.example.com”."),
    (kind("http_check", url="http://"), "url", "invalid", ": url must look like https://host/path, not “http://”."),
    (kind("http_check", url="http://a b/"), "url", "invalid",
     ": url must look like https://host/path, not “http://a b/”."),
    (kind("http_check", url="http://x:99999/"), "url", "invalid",
     ": url must look like https://host/path, not “http://x:99999/”."),
    (kind("http_check", url="http://[::1"), "url", "invalid",
     ": url must look like https://host/path, not “http://[::1”."),
    (kind("http_check", url="http://{{private_ip:web 1}}:80/{{plan}}"), "url", "invalid",
     ": url must look like https://host/path, not “http://{{private_ip:web 1}}:80/{{plan}}”."),
    (kind("http_check", url="{{url}}"), "url", "invalid", ": url must look like https://host/path, not “{{url}}”."),
    (kind("http_check", url="http://x/", expected_status=99), "expected_status", "invalid",
     ": expected_status must be a whole number from 100 to 599, not 99."),
    (kind("http_check", url="http://x/", expected_status=600), "expected_status", "invalid",
     ": expected_status must be a whole number from 100 to 599, not 600."),
    (kind("http_check", url="http://x/", expected_status=599, every_seconds=0), "every_seconds", "invalid",
     ": every_seconds must be a whole number of seconds from 1 to 31536000, not 0."),
    (kind("http_check", url="http://x/", contains=[]), "contains", "invalid", ": contains must be text, not a list."),
    (kind("tcp_check", port=5432), "host", "required", " needs a host."),
    (kind("tcp_check", host="db"), "port", "required", " needs port."),
    (kind("tcp_check", host="db", port=0), "port", "invalid", ": port must be a whole number from 1 to 65535, not 0."),
    (kind("tcp_check", host="db", port=65_536), "port", "invalid",
     ": port must be a whole number from 1 to 65535, not 65536."),
    (kind("ssm_command", document_name="D", instance_ids=[1]), "instance_ids", "invalid",
     ": instance_ids must be a list of texts, like [\"i-0123456789abcdef0\"]."),
    (kind("ssm_command", document_name="D", instance_ids=[" "]), "instance_ids", "invalid",
     ": instance_ids must be a list of texts, like [\"i-0123456789abcdef0\"]."),
    (kind("ssm_command", document_name="D", parameters={"a": "b"}), "parameters", "invalid",
     ": parameters must be lists of texts by name, like {\"Key\": [\"value\"]}."),
    (kind("ssm_command", document_name="D", parameters={"a": [1]}), "parameters", "invalid",
     ": parameters must be lists of texts by name, like {\"Key\": [\"value\"]}."),
    (kind("ssm_command", document_name="D", parameters={1: ["b"]}), "parameters", "invalid",
     ": parameters must be lists of texts by name, like {\"Key\": [\"value\"]}."),
    (kind("ssm_command", document_name="D", parameters=[]), "parameters", "invalid",
     ": parameters must be lists of texts by name, like {\"Key\": [\"value\"]}."),
    (kind("ssm_automation", document_name="D", site="s" * 101), "site", "invalid",
     ": site is 101 characters long; the maximum is 100."),
    (kind("ssm_automation", document_name="D", retries=11), "retries", "invalid",
     ": retries must be a whole number from 0 to 10, not 11."),
    (kind("ssm_automation", document_name="D", retries=-1), "retries", "invalid",
     ": retries must be a whole number from 0 to 10, not -1."),
    (kind("lambda", function_name="f", payload=[]), "payload", "invalid", ": payload must be an object, not a list."),
]
#: Several at once, and what is wrong with waves together.
REFUSED: list[tuple[object, list[Refusal]]] = [
    (None, [
        ("", "not_an_object", "The plan must be an object, not null."),
    ]),
    ([], [
        ("", "not_an_object", "The plan must be an object, not a list."),
    ]),
    (True, [
        ("", "not_an_object", "The plan must be an object, not true."),
    ]),
    ({}, [
        ("name", "required", "The plan needs a name."),
    ]),
    (plan(colour="red", size=1), [
        ("colour", "unknown", "The plan has no field “colour”. Its fields are: " + FIELDS),
        ("size", "unknown", "The plan has no field “size”. Its fields are: " + FIELDS),
    ]),
    ({**plan(), 7: "seven"}, [
        ("7", "unknown", "The plan has no field 7. Its fields are: " + FIELDS),
    ]),
    ({"name": "P", "waves": [other(f"w{n}") for n in range(201)]}, [
        ("waves", "invalid", "The plan has 201 waves; the maximum is 200."),
    ]),
    ({"name": "a\0b"}, [
        ("", "invalid",
         "The plan cannot be saved: it contains a character that cannot be stored: NUL, or half of a surrogate pair."),
    ]),
    (waves(1), [
        ("waves.0", "not_an_object", "Wave 1 must be an object, not 1."),
    ]),
    (waves(None, []), [
        ("waves.0", "not_an_object", "Wave 1 must be an object, not null."),
        ("waves.1", "not_an_object", "Wave 2 must be an object, not a list."),
    ]),
    (waves({}), [
        ("waves.0.name", "required", "Wave 1 needs a name."),
        ("waves.0.protection_groups", "empty", "Wave 1 is empty: add a protection group or a step."),
    ]),
    (waves({"name": " "}), [
        ("waves.0.name", "required", "Wave 1 needs a name."),
        ("waves.0.protection_groups", "empty", "Wave 1 is empty: add a protection group or a step."),
    ]),
    (waves({"name": 5, "steps": [step("approval")]}), [
        ("waves.0.name", "invalid", "Wave 1: name must be text, not 5."),
    ]),
    (waves({"name": "App/1", "steps": [step("approval")]}), [
        ("waves.0.name", "invalid", "Wave “App/1”: a name cannot contain “/”, because it is part of addresses."),
    ]),
    (wave(name="two\nlines"), [
        ("waves.0.name", "invalid",
         "Wave “two lines”: a name must be one line of printable characters; this one has U+000A."),
    ]),
    (wave(depends_on=[1, None, "App"]), [
        ("waves.0.depends_on", "invalid", "Wave “App”: depends_on must contain names of waves, not 1."),
        ("waves.0.depends_on", "invalid", "Wave “App”: depends_on must contain names of waves, not null."),
        ("waves.0.depends_on", "cycle", "Wave “App” waits for itself."),
    ]),
    (wave(protection_groups=None), [
        ("waves.0.protection_groups", "not_a_list", "Wave “App”: protection_groups must be a list, not null."),
        ("waves.0.protection_groups", "empty", "Wave “App” is empty: add a protection group or a step."),
    ]),
    (wave(protection_groups=["nope", "shop-app", " shop-app ", "21", 21]), [
        ("waves.0.protection_groups.0", "unknown", "Wave “App”: there is no protection group “nope”."),
        ("waves.0.protection_groups.2", "twice", "Wave “App” has protection group “shop-app” twice."),
        ("waves.0.protection_groups.3", "twice", "Wave “App” has protection group “shop-app” twice."),
        ("waves.0.protection_groups.4", "twice", "Wave “App” has protection group “shop-app” twice."),
    ]),
    (wave(protection_groups=[999, "999", True, False, None, {}, [], 1.0, "1"]), [
        ("waves.0.protection_groups.0", "unknown", "Wave “App”: there is no protection group 999."),
        ("waves.0.protection_groups.1", "unknown", "Wave “App”: there is no protection group “999”."),
        ("waves.0.protection_groups.2", "unknown", "Wave “App”: there is no protection group true."),
        ("waves.0.protection_groups.3", "unknown", "Wave “App”: there is no protection group false."),
        ("waves.0.protection_groups.4", "unknown", "Wave “App”: there is no protection group null."),
        ("waves.0.protection_groups.5", "unknown", "Wave “App”: there is no protection group an object."),
        ("waves.0.protection_groups.6", "unknown", "Wave “App”: there is no protection group a list."),
        ("waves.0.protection_groups.7", "unknown", "Wave “App”: there is no protection group 1.0."),
    ]),
    (wave(steps=[1]), [
        ("waves.0.steps.0", "not_an_object", "Step 1 of wave “App” must be an object, not 1."),
    ]),
    (wave(steps=[{}]), [
        ("waves.0.steps.0.name", "required", "Step 1 of wave “App” needs a name."),
        ("waves.0.steps.0.when", "required", "Step 1 of wave “App” needs when: before or after."),
        ("waves.0.steps.0.kind", "required",
         "Step 1 of wave “App” needs kind: approval, wait, http_check, tcp_check, ssm_automation, ssm_command or "
         "lambda."),
    ]),
    (wave(steps=[step("approval"), step("approval"), step("approval", name=" a approval ")]), [
        ("waves.0.steps.1.name", "unique", "Wave “App” has two steps named “a approval”."),
        ("waves.0.steps.2.name", "unique", "Wave “App” has two steps named “a approval”."),
    ]),
    (a_step(name=""), [
        ("waves.0.steps.0.name", "required", "Step 1 of wave “App” needs a name."),
    ]),
    (a_step(name="s" * 101), [
        ("waves.0.steps.0.name", "invalid",
         "Step “sssssssssssssssssssssssssssssssssssssssssssssssssssssssssss…” of wave “App”: a name can have 100 "
         "characters; this one has 101."),
    ]),
    (kind("ssm_automation", site=7), [
        ("waves.0.steps.0.parameters.document_name", "required",
         "Step “a ssm_automation” of wave “App”, parameters needs a document name."),
        ("waves.0.steps.0.parameters.site", "invalid",
         "Step “a ssm_automation” of wave “App”, parameters: site must be text, not 7."),
    ]),
    (kind("lambda", payload=None), [
        ("waves.0.steps.0.parameters.function_name", "required",
         "Step “a lambda” of wave “App”, parameters needs a function name."),
        ("waves.0.steps.0.parameters.payload", "invalid",
         "Step “a lambda” of wave “App”, parameters: payload must be an object, not null."),
    ]),
    (waves(other("A"), other("B"), other("A"), other("A")), [
        ("waves.2.name", "unique", "Two waves are named “A”."),
        ("waves.3.name", "unique", "Two waves are named “A”."),
    ]),
    (waves(other("A", depends_on=["B"]), other("B", depends_on=["Z"])), [
        ("waves.1.depends_on", "unknown", "Wave “B” waits for “Z”, but no wave has that name."),
    ]),
    (waves(other("A", depends_on=["A"])), [
        ("waves.0.depends_on", "cycle", "Wave “A” waits for itself."),
    ]),
    (waves(other("A", depends_on=["C"]), other("B"), other("C")), [
        ("waves.0.depends_on", "cycle",
         "Waves wait for each other in a circle, so none of them could start: “A” waits for “C”, “C” follows “B” "
         "above it, “B” follows “A” above it."),
    ]),
    (waves(other("A", depends_on=["B"]), other("B", depends_on=["A"]), other("C", depends_on=[1])), [
        ("waves.2.depends_on", "invalid", "Wave “C”: depends_on must contain names of waves, not 1."),
        ("waves.0.depends_on", "cycle",
         "Waves wait for each other in a circle, so none of them could start: “A” waits for “B”, “B” waits for “A”."),
    ]),
    (waves(other("A", depends_on=["B"]), other("B", depends_on=["A"]), other("A")), [
        ("waves.2.name", "unique", "Two waves are named “A”."),
    ]),
    (waves(other("A", depends_on=["B"]), other("B", depends_on=["A"]), other("")), [
        ("waves.2.name", "required", "Wave 3 needs a name."),
    ]),
    (waves(other("A", protection_groups=["shop-db"]),
     other("B", protection_groups=["shop-db", "shop-app"]),
     other("C", protection_groups=["shop-db", 21])), [
        ("waves.1.protection_groups", "twice",
         "Protection group “shop-db” is in two waves, “A” and “B”; it can be launched only once."),
        ("waves.2.protection_groups", "twice",
         "Protection group “shop-db” is in two waves, “A” and “C”; it can be launched only once."),
        ("waves.2.protection_groups", "twice",
         "Protection group “shop-app” is in two waves, “B” and “C”; it can be launched only once."),
    ]),
]

#: Just within every limit.
ACCEPTED: list[object] = [
    plan(description="x" * 10_000, name="n" * 100),
    plan(rpo_target_seconds=31_536_000, rto_target_seconds=1),
    plan(approvals_required=20),
    {"name": "P", "waves": [other(f"w{n}") for n in range(200)]},
    wave(minimum_success_percent=100),
    wave(minimum_success_percent=0),
    wave(start_delay_seconds=31_536_000, launch_timeout_seconds=1),
    wave(steps=[step("wait", {"seconds": 5}, name=f"s{n}") for n in range(50)]),
    a_step(name=" Go "),
    a_step(link="", description=""),
    a_step(link="https://x/" + "p" * 1990, description="x" * 10_000),
    kind("http_check", url="https://x/\n"),
    kind("http_check", url="https://x/" + "p" * 1990),
    kind("tcp_check", host="db", port=65_535),
]
# fmt: on


def refusals(raw: object) -> list[Refusal]:
    try:
        normalise(raw, groups=GROUPS)
    except Invalid as invalid:
        return [(error.attr, error.code, error.detail) for error in invalid.errors]
    return []


def told_once(raw: object, prefix: str, subject: str, path: str, code: str, goes_on: str) -> None:
    assert refusals(raw) == [(prefix + path, code, subject + goes_on)]


@pytest.mark.parametrize(("raw", "path", "code", "goes_on"), OF_A_PLAN)
def test_what_is_wrong_with_a_plan(raw: object, path: str, code: str, goes_on: str) -> None:
    told_once(raw, "", "The plan", path, code, goes_on)


@pytest.mark.parametrize(("raw", "path", "code", "goes_on"), OF_A_WAVE)
def test_what_is_wrong_with_a_wave(raw: object, path: str, code: str, goes_on: str) -> None:
    told_once(raw, "waves.0.", "Wave “App”", path, code, goes_on)


@pytest.mark.parametrize(("raw", "path", "code", "goes_on"), OF_A_STEP)
def test_what_is_wrong_with_a_step(raw: object, path: str, code: str, goes_on: str) -> None:
    told_once(raw, "waves.0.steps.0.", "Step “a wait” of wave “App”", path, code, goes_on)


@pytest.mark.parametrize(("raw", "path", "code", "goes_on"), OF_PARAMETERS)
def test_what_is_wrong_with_the_parameters_of_a_step(raw: Any, path: str, code: str, goes_on: str) -> None:
    subject = f"Step “a {raw['waves'][0]['steps'][0]['kind']}” of wave “App”, parameters"
    told_once(raw, "waves.0.steps.0.parameters.", subject, path, code, goes_on)


@pytest.mark.parametrize(("raw", "told"), REFUSED)
def test_everything_that_is_wrong_is_told_at_once(raw: object, told: list[Refusal]) -> None:
    assert refusals(raw) == told


@pytest.mark.parametrize("raw", ACCEPTED)
def test_what_is_just_within_the_limits_is_taken(raw: object) -> None:
    assert refusals(raw) == []


def test_what_does_not_say_has_the_defaults() -> None:
    document = normalise(wave(steps=[{"name": "Go", "when": "after", "kind": "approval"}]), groups=GROUPS)
    assert document == {
        "name": "P",
        "description": "",
        "contacts": "",
        "rto_target_seconds": None,
        "rpo_target_seconds": None,
        "approvals_required": 1,
        **NO_PURPOSE,
        "waves": [
            {
                "name": "App",
                "depends_on": None,
                "protection_groups": ["shop-app"],
                "minimum_success_percent": 100,
                "on_failure": "stop",
                "start_delay_seconds": 0,
                "launch_timeout_seconds": 3600,
                "steps": [
                    {
                        "name": "Go",
                        "description": "",
                        "link": "",
                        "when": "after",
                        "kind": "approval",
                        "timeout_seconds": 1800,
                        "on_failure": "stop",
                        "parameters": {},
                    }
                ],
            }
        ],
    }


def test_what_is_said_is_kept() -> None:
    raw = plan(
        description=" As it is. ",
        contacts="dana\nravi",
        rto_target_seconds=60,
        rpo_target_seconds=None,
        approvals_required=0,
        waves=[
            other("A", protection_groups=[20, " 21 ", "300"], minimum_success_percent=50, on_failure="continue"),
            other(
                "B",
                depends_on=[" A ", "A"],
                start_delay_seconds=5,
                launch_timeout_seconds=6,
                steps=[
                    step(
                        "wait",
                        {"seconds": 1},
                        timeout_seconds=7,
                        on_failure="continue",
                        when="after",
                        description="Wait.\n",
                        link=" https://wiki.example.com/x?y#z ",
                    )
                ],
            ),
            other("C", depends_on=[], steps=[step("http_check", {"url": " https://x/ ", "contains": " ok "})]),
        ],
    )
    document = normalise(raw, groups=GROUPS)
    assert (document["description"], document["rto_target_seconds"]) == (" As it is. ", 60)
    assert document["approvals_required"] == 0
    assert document["contacts"] == "dana\nravi"
    one, two, three = document["waves"]
    assert one["protection_groups"] == ["shop-db", "shop-app", "300"]
    assert (one["minimum_success_percent"], one["on_failure"]) == (50, "continue")
    assert (two["depends_on"], three["depends_on"]) == (["A"], [])
    assert (two["start_delay_seconds"], two["launch_timeout_seconds"]) == (5, 6)
    assert two["steps"] == [
        {
            "name": "a wait",
            "description": "Wait.\n",
            "link": "https://wiki.example.com/x?y#z",
            "when": "after",
            "kind": "wait",
            "timeout_seconds": 7,
            "on_failure": "continue",
            "parameters": {"seconds": 1},
        }
    ]
    assert three["steps"][0]["parameters"] == {
        "url": "https://x/",
        "expected_status": 200,
        "every_seconds": 10,
        "contains": " ok ",
    }
