"""A step that cannot work is a finding before the run, word by word."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

import pytest

from plans.core.facts import GroupFacts, PlanFacts, StepFacts, WaveFacts
from plans.core.findings import Finding, Severity
from plans.core.step_checks import host_of
from tests.architecture.source import ROOT
from tests.unit.plans.test_checks import GROUP, PLAN, SERVER, SITE, findings

IRELAND = replace(SITE, name="Ireland")


def servers(*names: str) -> tuple[Any, ...]:
    return tuple(replace(SERVER, source_server_id=f"s-{name}", hostname=name, label=name) for name in names)


def group(name: str, *hosts: str, site: Any = SITE) -> GroupFacts:
    return replace(GROUP, name=name, site=site, servers=servers(*hosts))


def step(kind: str, when: str = "after", *, stops: bool = True, **parameters: Any) -> StepFacts:
    return StepFacts("Smoke test", when, kind, parameters, stops)


def shop(*steps: StepFacts, wave: int = 1, groups: dict[int, GroupFacts] | None = None) -> PlanFacts:
    """Databases, then App, beside it Reports, then Web after App; the steps stand in one of them."""
    names = ["Databases", "App", "Reports", "Web"]
    of = {0: group("db", "db-1"), 1: group("app", "app-1"), 2: group("rep", "rep-1"), 3: group("web", "web-1")}
    of |= groups or {}
    waves = tuple(
        WaveFacts(name, 0, (of[at],) if of[at].servers else (), steps if at == wave else ())
        for at, name in enumerate(names)
    )
    sites = frozenset({"Frankfurt", "Ireland"})
    return replace(PLAN, graph=((), (0,), (0,), (1,)), waves=waves, sites=sites, sites_offered=sites)


def of_two_sites(one: StepFacts) -> PlanFacts:
    plan = shop(one)
    app = replace(plan.waves[1], groups=(group("app", "app-1"), group("app-2", "app-2", site=IRELAND)))
    return replace(plan, waves=(plan.waves[0], app, *plan.waves[2:]))


def uses(text: str, when: str = "after") -> StepFacts:
    return step("lambda", when, function_name="f", payload={"deep": [{"er": text}]})


KNOWN = (
    "Use one of these: {{execution_id}}, {{execution_kind}}, {{plan}}, {{wave}}, {{instance_ids}}, {{private_ips}}, "
    "{{wave_instance_ids}}, {{wave_private_ips}}, {{instance_id:<host name>}}, {{private_ip:<host name>}}."
)
WHO = "Step “Smoke test” of wave “App”"
ADDRESS = "Write a host name, an address, or a variable such as {{private_ip:web-1}}."
ONE = "Name one server, as in {{private_ip:web-1}}."


@pytest.mark.parametrize(
    ("plan", "code", "message", "remedy"),
    [
        # --- variables
        (
            shop(uses("{{hostname}}")),
            "variable_unknown",
            f"{WHO} uses {{{{hostname}}}}, which is not a variable.",
            KNOWN,
        ),
        (
            shop(uses("{{resolve:secret}}")),
            "variable_unknown",
            f"{WHO} uses {{{{resolve:secret}}}}, which is not a variable.",
            KNOWN,
        ),
        (
            shop(uses("{{private_ip:app-2}}")),
            "variable_server_unknown",
            f"{WHO} uses {{{{private_ip:app-2}}}}, but no server of this plan has that host name or id.",
            "Correct the name: is “app-1” meant?",
        ),
        (
            shop(uses("{{instance_id:crm}}")),
            "variable_server_unknown",
            f"{WHO} uses {{{{instance_id:crm}}}}, but no server of this plan has that host name or id.",
            "Correct the name, or add the server to the plan.",
        ),
        (
            shop(uses("{{private_ip:db-1}}"), groups={0: group("db", "db-1", "db-1")}),
            "variable_server_ambiguous",
            f"{WHO} uses {{{{private_ip:db-1}}}}, but 2 servers of this plan have that host name.",
            "Name the server by its source server id: s-db-1 or s-db-1.",
        ),
        (
            shop(uses("{{private_ip:web-1}}")),
            "variable_server_later",
            f"{WHO} uses {{{{private_ip:web-1}}}}, but web-1 is launched in wave “Web”, after this step.",
            "Move the step to wave “Web”, after its launches.",
        ),
        (
            shop(uses("{{instance_id:s-app-1}}", "before")),
            "variable_server_later",
            f"{WHO} uses {{{{instance_id:s-app-1}}}}, but app-1 is launched after this step.",
            "Run the step after the wave.",
        ),
        # --- checks
        (
            shop(step("tcp_check", host="app 1", port=22)),
            "address_invalid",
            f"{WHO} checks “app 1”, which is not a host name or an address.",
            ADDRESS,
        ),
        (
            shop(step("tcp_check", host="{{private_ip:app 1}}", port=22)),
            "address_invalid",
            f"{WHO} checks “{{{{private_ip:app 1}}}}”, which is not a host name or an address.",
            ADDRESS,
        ),
        (
            shop(step("http_check", url="https://app..example.com/")),
            "address_invalid",
            f"{WHO} checks “app..example.com”, which is not a host name or an address.",
            ADDRESS,
        ),
        (
            shop(step("tcp_check", host="{{wave}}-{{private_ips}}", port=22)),
            "address_invalid",
            f"{WHO} checks {{{{private_ips}}}}, which stands for 2 addresses: a check asks one.",
            ONE,
        ),
        (
            shop(uses("{{private_ip:db:1}}")),
            "variable_server_unknown",
            f"{WHO} uses {{{{private_ip:db:1}}}}, but no server of this plan has that host name or id.",
            "Correct the name: is “db-1” meant?",
        ),
        (
            shop(step("http_check", url="http://{{private_ips}}:8080/health")),
            "address_invalid",
            f"{WHO} checks {{{{private_ips}}}}, which stands for 2 addresses: a check asks one.",
            ONE,
        ),
        # --- at AWS
        (
            shop(step("lambda", function_name="f", site="Paris")),
            "step_site_unknown",
            f"{WHO} is to run at site “Paris”, which does not exist.",
            "Choose an existing site: Frankfurt or Ireland.",
        ),
        (
            replace(
                shop(step("lambda", function_name="f", site="Paris")), sites=frozenset(), sites_offered=frozenset()
            ),
            "step_site_unknown",
            f"{WHO} is to run at site “Paris”, which does not exist.",
            "Choose an existing site, or create it first.",
        ),
        *(
            (
                of_two_sites(step(kind)),
                "step_site_unclear",
                "Wave “App” spans Frankfurt and Ireland: it is unclear where step “Smoke test” is to run.",
                "Choose the site of step “Smoke test”.",
            )
            for kind in ("lambda", "ssm_automation", "ssm_command")
        ),
        (
            shop(step("lambda"), groups={0: group("db", "db-1", site=IRELAND), 1: group("app")}),
            "step_site_unclear",
            "Wave “App” has no servers, and the plan's are at Frankfurt and Ireland: it is unclear where step “Smoke "
            "test” is to run.",
            "Choose the site of step “Smoke test”.",
        ),
        (
            shop(step("ssm_automation"), groups={at: group("none") for at in range(4)}),
            "step_site_unclear",
            f"{WHO} names no site, and the plan has no servers to take it from.",
            "Choose the site of step “Smoke test”.",
        ),
        (
            shop(step("ssm_command", "before")),
            "step_no_instances",
            f"{WHO} runs before its wave launches anything.",
            "Run it after a wave that launches servers there, or name the instances.",
        ),
        (
            shop(step("ssm_command", site="Ireland")),
            "step_no_instances",
            f"{WHO} has no instances to run on at site “Ireland”.",
            "Run it after a wave that launches servers there, or name the instances.",
        ),
        (
            shop(step("ssm_command"), groups={1: group("app", *(f"app-{n}" for n in range(301)))}),
            "step_too_many_instances",
            f"{WHO} would run on 301 instances; the maximum is 300.",
            "Split the step, or the wave.",
        ),
    ],
)
def test_what_certainly_fails_blocks(plan: PlanFacts, code: str, message: str, remedy: str) -> None:
    assert findings(plan) == [Finding(Severity.BLOCKING, code, "App/Smoke test", message, remedy)]
    # A step that may fail does not keep a recovery from starting.
    waves = tuple(replace(wave, steps=tuple(replace(one, stops=False) for one in wave.steps)) for wave in plan.waves)
    assert findings(replace(plan, waves=waves)) == [
        Finding(Severity.WARNING, code, "App/Smoke test", message, remedy)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "code", "message", "remedy"),
    [
        (
            shop(uses("{{private_ip:rep-1}}")),
            "variable_server_uncertain",
            f"{WHO} uses {{{{private_ip:rep-1}}}}, but rep-1 is launched in wave “Reports”, which this wave does not "
            "wait for: it may not be running by then.",
            "Make wave “App” depend on wave “Reports”.",
        ),
        (
            shop(uses("{{wave_private_ips}}", "before")),
            "variable_empty",
            f"{WHO} uses {{{{wave_private_ips}}}}, but nothing has been launched by then, so it is empty.",
            "Run the step after the wave.",
        ),
        (
            shop(uses("{{wave_private_ips}}"), groups={1: group("app")}),
            "variable_empty",
            f"{WHO} uses {{{{wave_private_ips}}}}, but nothing has been launched by then, so it is empty.",
            "Remove the variable.",
        ),
        (
            replace(shop(step("approval", "before")), approvals_required=0, approvers=0),
            "step_no_approver",
            f"{WHO} waits for approval, but no one has the role approver.",
            "Ask an administrator to give someone the role.",
        ),
    ],
)
def test_what_may_fail_is_a_warning(plan: PlanFacts, code: str, message: str, remedy: str) -> None:
    found = [each for each in findings(plan) if each.code not in ("recovery_without_approval", "step_site_unclear")]
    assert found == [Finding(Severity.WARNING, code, "App/Smoke test", message, remedy)]


@pytest.mark.parametrize(
    "one",
    [
        uses("{{plan}} {{wave}} {{execution_id}} {{execution_kind}} {{ssm:secret}} {{ no variable }}"),
        uses("{{instance_ids}} {{private_ips}} {{wave_instance_ids}}"),
        uses("{{instance_ids}}", "before"),
        uses("{{private_ip:db-1}} {{private_ip:s-db-1}}", "before"),
        uses("{{private_ip:app-1}}"),
        step("tcp_check", host="{{private_ip:app-1}}", port=22),
        step("tcp_check", host="{{wave_private_ips}}", port=22),
        step("tcp_check", host="2001:db8::1", port=22),
        step("tcp_check", host="X.example.com", port=22),
        step("http_check", url="https://{{private_ip:app-1}}.example.com:8443/?ips={{private_ips}}"),
        step("ssm_command"),
        step("ssm_command", site="Frankfurt"),
        step("ssm_command", site="{{plan}}"),
        step("ssm_command", "before", instance_ids=["{{instance_ids}}"]),
        step("ssm_command", "before", instance_ids=["i-0123456789abcdef0"]),
        step("lambda", site="Ireland"),
        step("wait", seconds=5),
    ],
)
def test_what_may_well_work_is_no_finding(one: StepFacts) -> None:
    assert findings(shop(one)) == []


@pytest.mark.parametrize(
    "one",
    [
        uses("{{instance_ids}}", "before"),
        step("tcp_check", "before", host="{{private_ips}}", port=22),
        step("ssm_command", "before", instance_ids=["{{instance_ids}}"]),
        step("ssm_command", instance_ids=["{{instance_ids}}"]),
    ],
)
def test_what_waves_beside_it_may_have_launched_by_then_is_no_finding(one: StepFacts) -> None:
    many = {at: group("many", *(f"{at}-{n}" for n in range(150))) for at in (0, 2, 3)}
    assert findings(replace(shop(one, groups=many), graph=((),) * 4)) == []


def test_every_wave_that_is_waited_for_counts_whatever_the_way() -> None:
    one = uses("{{private_ip:rep-1}} {{private_ip:app-1}} {{private_ip:db-1}}", "before")
    assert findings(replace(shop(one, wave=3), graph=((), (0,), (0,), (1, 2)))) == []


def test_a_command_on_as_many_instances_as_there_may_be() -> None:
    groups = {1: group("app", *(f"app-{n}" for n in range(299)))}
    just = step("ssm_command", instance_ids=["{{wave_instance_ids}}", "i-1"])
    assert findings(shop(just, groups=groups)) == []
    (found,) = findings(shop(step("ssm_command", instance_ids=["{{wave_instance_ids}}", "i-1", "i-2"]), groups=groups))
    assert found.message == f"{WHO} would run on 301 instances; the maximum is 300."


def test_a_plan_without_approvers_that_asks_for_no_approval() -> None:
    plan = replace(shop(step("wait", seconds=5)), approvals_required=0, approvers=0)
    assert [each.code for each in findings(plan)] == ["recovery_without_approval"]


def test_a_step_of_a_wave_of_two_sites_that_names_one_is_no_finding() -> None:
    assert findings(of_two_sites(step("ssm_command", site="Ireland"))) == []


def test_a_command_on_instances_that_are_not_there_yet() -> None:
    (found,) = [
        each
        for each in findings(shop(step("ssm_command", "before", instance_ids=["{{wave_instance_ids}}"])))
        if each.severity == "blocking"
    ]
    assert (found.code, found.message) == ("step_no_instances", f"{WHO} names instances that are not there yet.")


def test_a_check_of_an_address_that_drsorch_may_not_ask() -> None:
    plan = replace(
        shop(step("tcp_check", host="169.254.169.254", port=80)),
        refused_hosts={"169.254.169.254": "169.254.169.254, a metadata address."},
    )
    message = f"{WHO} checks an address that is refused: 169.254.169.254, a metadata address."
    assert findings(plan) == [
        Finding(Severity.WARNING, "address_refused", "App/Smoke test", message, "Check another address.")
    ]


def test_where_a_site_was_never_read_nothing_is_said_of_its_servers() -> None:
    never = replace(SITE, last_synced_at=None)
    groups = {at: replace(group("none"), site=never) for at in range(4)}
    plan = shop(step("ssm_command", instance_ids=["{{instance_id:web-1}}"]), groups=groups)
    waves = tuple(replace(wave, groups=(groups[0],)) for wave in plan.waves)
    assert {each.code for each in findings(replace(plan, waves=waves))} == {"site_never_synced"}


@pytest.mark.parametrize(
    ("kind", "parameters", "host"),
    [
        ("http_check", {"url": "https://User@App.example.com:8443/x?y=z.com"}, "app.example.com"),
        ("http_check", {"url": "http://{{private_ip:Web-1}}:80/{{plan}}"}, "{{private_ip:Web-1}}"),
        ("http_check", {"url": "http://[::1]/"}, "::1"),
        ("http_check", {"url": "http://[::1/"}, ""),
        ("http_check", {"url": "http:///health"}, ""),
        ("tcp_check", {"host": " db-1 "}, "db-1"),
        ("wait", {"seconds": 5}, ""),
    ],
)
def test_the_host_of_a_check(kind: str, parameters: dict[str, Any], host: str) -> None:
    assert host_of(step(kind, **parameters)) == host


#: Every sentence with which the engine gives a step up, by the function that says it: the finding that says it before
#: the run, or why nothing can.
GIVEN_UP = {
    ("addresses.py", "refusal"): "address_refused, address_invalid",
    ("asking.py", "begin"): "what AWS answers",
    ("asking.py", "look"): "what AWS answers",
    ("at_aws.py", "attempt"): "the site was deleted while the step ran",
    ("at_aws.py", "impossible"): "is how the others say it",
    ("at_aws.py", "_site"): "step_site_unknown, step_site_unclear",
    ("attempt.py", "step_try"): "variable_unknown, variable_server_unknown, variable_server_later",
    ("lambda_function.py", "_carry_out"): "an answer was lost",
    ("ssm_command.py", "_where"): "step_no_instances, step_too_many_instances",
}


def test_every_sentence_that_gives_a_step_up_is_a_finding_before_the_run_or_cannot_be() -> None:
    said = set()
    for path in (ROOT / "executions/engine/steps").glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
                if any(isinstance(one, ast.Name) and one.id in ("final", "impossible") for one in calls):
                    said.add((path.name, function.name))
    assert said == set(GIVEN_UP)
