"""Readiness by the rows that a sync wrote."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plans import services
from plans.models import Plan
from plans.readiness import evaluate
from protection.models import ProtectionGroup, SourceServer
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop, web_shop
from tests.factories.protection import MemberFactory, make_group_with_servers

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]


def codes(plan: Plan) -> list[tuple[str, str, str]]:
    return [(finding.severity, finding.code, finding.subject) for finding in evaluate(plan)]


def test_a_sound_plan_with_an_approver_has_nothing_to_say(petra: User, ravi: User) -> None:
    assert codes(make_web_shop(petra)) == []


def test_an_approver_who_left_does_not_count(petra: User) -> None:
    make_user("ravi", "approver", is_active=False)
    assert codes(make_web_shop(petra)) == [("warning", "too_few_approvers", "Web shop")]


def test_a_group_that_lost_its_last_server(petra: User, ravi: User) -> None:
    plan = make_web_shop(petra)
    SourceServer.objects.filter(protection_group__name="shop-web").update(protection_group=None)
    assert codes(plan) == [("blocking", "group_empty", "shop-web")]


def test_a_server_that_a_group_of_the_plan_wants_but_another_group_holds(petra: User, ravi: User) -> None:
    plan = make_web_shop(petra)
    ProtectionGroup.objects.filter(name="shop-web").update(tag_selector={"Tier": ["web"]})
    holder = make_group_with_servers("elsewhere")
    wanted = MemberFactory.create(protection_group=holder, tags={"Tier": "web"}, membership_conflict="In “elsewhere”.")
    MemberFactory.create(
        protection_group=holder, tags={"Tier": "db"}, membership_conflict="of no interest to this plan"
    )
    (finding,) = evaluate(plan)
    assert (finding.code, finding.subject, finding.message) == (
        "membership_conflict",
        wanted.source_server_id,
        f"More than one protection group selects {wanted} ({wanted.source_server_id}): its page names them.",
    )


def test_a_site_whose_last_sync_failed(petra: User, ravi: User) -> None:
    plan = make_web_shop(petra)
    site = SourceServer.objects.all()[0].site
    site.sync_error, site.last_synced_at = "Access was denied.", timezone.now()
    site.save()
    assert codes(plan) == [("warning", "site_sync_failed", "Frankfurt")]


def test_as_many_queries_for_forty_groups_as_for_four(petra: User, ravi: User) -> None:
    def queries(groups: int) -> int:
        waves = [
            {"name": f"W{index}", "protection_groups": [make_group_with_servers(f"g{groups}-{index}").name]}
            for index in range(groups)
        ]
        plan = services.plan_save(document={"name": f"Plan of {groups}", "waves": waves}, by=petra)
        with CaptureQueriesContext(connection) as captured:
            assert evaluate(plan) == []
        return len(captured)

    assert queries(4) == queries(40)


def test_steps_that_cannot_work_are_found_by_the_inventory_and_the_sites(petra: User, ravi: User) -> None:
    def step(name: str, kind: str, **parameters: object) -> dict[str, object]:
        return {"name": name, "when": "after", "kind": kind, "parameters": parameters}

    plan = make_web_shop(petra)
    waves = web_shop()["waves"]
    web = SourceServer.objects.filter(protection_group__name="shop-web").by_name()[0]
    address = f"{{{{private_ip:{web.hostname}}}}}"
    waves[0]["steps"] = [
        step("Smoke test", "lambda", function_name="smoke", payload={"web": address}),
        step("Paris", "ssm_automation", document_name="Notify", site="Paris"),
        step("Own metadata", "http_check", url="http://169.254.169.254/latest/meta-data/"),
        step("By id", "tcp_check", host="2852039166", port=80),
    ]
    services.plan_patch(plan=plan, changes={"waves": waves}, by=petra)
    assert codes(plan) == [
        ("blocking", "variable_server_later", "Databases/Smoke test"),
        ("blocking", "step_site_unknown", "Databases/Paris"),
        ("warning", "address_refused", "Databases/Own metadata"),
        ("warning", "address_refused", "Databases/By id"),
    ]
    waves[0]["steps"] = []
    # What certainly fails stands where it works.
    waves[3]["steps"] = [step("Smoke test", "lambda", function_name="s", payload={"x": address})]
    services.plan_patch(plan=plan, changes={"waves": waves}, by=petra)
    assert codes(plan) == []
