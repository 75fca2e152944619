"""A plan is saved whole, as a numbered revision, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.models import Execution
from foundation.errors import Conflict, Invalid, Missing, NotAllowed, Stale
from plans import selectors, services
from plans.models import Plan, PlanRevision, Step, Wave, WaveGroup
from tests.factories.plans import make_shop_groups, make_web_shop, web_shop
from tests.factories.protection import make_group_with_servers

pytestmark = pytest.mark.django_db


def changed(plan: Plan, **wave_fields: Any) -> dict[str, Any]:
    """The plan's document with fields of its second wave, App, changed."""
    document: dict[str, Any] = dict(selectors.document(selectors.plan_now(plan)))
    document["waves"][1] |= wave_fields
    return document


def test_the_first_save_is_revision_one_by_the_one_who_saved_it(petra: User) -> None:
    with time_machine.travel(datetime(2026, 3, 3, 9, 0, tzinfo=UTC), tick=False):
        plan = make_web_shop(petra)
    revision = PlanRevision.objects.get(plan=plan)
    assert (revision.number, revision.saved_by, revision.saved_by_name) == (1, petra, "petra")
    assert revision.saved_at == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
    assert revision.diff == []
    assert revision.document == selectors.document(plan)


def test_a_change_is_the_next_revision_with_what_changed(petra: User, dana: User) -> None:
    plan = make_web_shop(petra)
    saved = services.plan_save(document=changed(plan, minimum_success_percent=80), by=dana, plan=plan)
    assert saved.version == 2
    assert selectors.document(saved)["waves"][1]["minimum_success_percent"] == 80
    revision = plan.revisions.get(number=2)
    assert revision.saved_by_name == "dana"
    assert revision.diff == [{"path": "waves.App.minimum_success_percent", "before": 100, "after": 80}]
    assert plan.revisions.get(number=1).document["waves"][1]["minimum_success_percent"] == 100


def test_saving_what_is_there_already_makes_no_revision(petra: User) -> None:
    plan = make_web_shop(petra)
    again = services.plan_save(document=web_shop(), by=petra, plan=plan)
    assert again.version == 1
    assert list(plan.revisions.values_list("number", flat=True)) == [1]


def test_who_saves_on_top_of_an_old_version_is_told_who_was_quicker(petra: User, dana: User) -> None:
    plan = make_web_shop(petra)
    services.plan_save(document=changed(plan, start_delay_seconds=60), by=dana, plan=plan, expected_version=1)
    with pytest.raises(Stale) as caught:
        services.plan_save(document=changed(plan, start_delay_seconds=5), by=petra, plan=plan, expected_version=1)
    assert "revision 2" in str(caught.value)
    assert "dana" in str(caught.value)
    assert selectors.document(selectors.plan_now(plan))["waves"][1]["start_delay_seconds"] == 60


def test_a_refused_plan_leaves_nothing_behind(petra: User) -> None:
    make_shop_groups()
    document = web_shop()
    document["waves"][0]["depends_on"] = ["Web"]
    with pytest.raises(Invalid):
        services.plan_save(document=document, by=petra)
    assert not Plan.objects.exists()
    assert not Wave.objects.exists()


def test_a_refused_change_leaves_the_plan_as_it_was(petra: User) -> None:
    plan = make_web_shop(petra)
    before = selectors.document(plan)
    with pytest.raises(Invalid):
        services.plan_save(document=changed(plan, protection_groups=[]), by=petra, plan=plan)
    assert selectors.document(selectors.plan_now(plan)) == before


def test_a_name_is_taken_once(petra: User) -> None:
    make_web_shop(petra)
    other = services.plan_save(document={"name": "Other", "waves": []}, by=petra)
    for change in (
        lambda: services.plan_save(document=web_shop(), by=petra),
        lambda: services.plan_patch(changes={"name": "Web shop"}, by=petra, plan=other),
    ):
        with pytest.raises(Invalid) as caught:
            change()
        (error,) = caught.value.errors
        assert (error.attr, error.code) == ("name", "unique")


def test_a_patch_changes_what_it_names_and_nothing_else(petra: User) -> None:
    plan = make_web_shop(petra)
    saved = services.plan_patch(changes={"rto_target_seconds": None}, by=petra, plan=plan)
    assert selectors.document(saved) == selectors.document(plan) | {"rto_target_seconds": None}


def test_a_renamed_group_is_found_under_its_new_name(petra: User) -> None:
    plan = make_web_shop(petra)
    group = plan.waves.get(name="App").wave_groups.get().protection_group
    group.name = "shop-application"
    group.save()
    assert selectors.document(selectors.plan_now(plan))["waves"][1]["protection_groups"] == ["shop-application"]


def test_a_plan_moves_between_installations_as_text(petra: User) -> None:
    document = selectors.document(make_web_shop(petra))
    services.plan_delete(plan=Plan.objects.get(), by=petra)
    assert selectors.document(services.plan_save(document=document, by=petra)) == document


def test_deleting_takes_everything_of_the_plan_with_it(petra: User) -> None:
    plan = make_web_shop(petra)
    services.plan_delete(plan=plan, by=petra)
    for model in (Plan, Wave, WaveGroup, Step, PlanRevision):
        assert not model._default_manager.exists()


def test_a_plan_that_was_run_is_evidence_and_stays(petra: User) -> None:
    plan = make_web_shop(petra)
    Execution.objects.create(
        plan=plan, plan_name=plan.name, plan_revision=1, kind="drill", status="succeeded", requested_at=plan.created_at
    )
    with pytest.raises(Conflict, match="its executions must be kept as evidence"):
        services.plan_delete(plan=plan, by=petra)
    assert Plan.objects.filter(pk=plan.pk).exists()
    assert plan.waves.count() == 4


def test_changing_a_plan_that_was_deleted_meanwhile(petra: User) -> None:
    plan = make_web_shop(petra)
    Plan.objects.filter(pk=plan.pk).delete()
    with pytest.raises(Missing, match="deleted in the meantime"):
        services.plan_save(document=web_shop(), by=petra, plan=plan)


def test_only_planners_save_and_delete(petra: User, omar: User, vera: User) -> None:
    plan = make_web_shop(petra)
    for person in (omar, vera):
        with pytest.raises(NotAllowed, match="planner"):
            services.plan_save(document={"name": "Mine"}, by=person)
        with pytest.raises(NotAllowed):
            services.plan_patch(changes={"name": "Mine"}, by=person, plan=plan)
        with pytest.raises(NotAllowed):
            services.plan_delete(plan=plan, by=person)


def test_the_blueprint_has_positions_for_names_and_servers_for_groups(petra: User) -> None:
    blueprint = selectors.blueprint(make_web_shop(petra))
    assert [(wave.name, wave.depends_on) for wave in blueprint.waves] == [
        ("Databases", ()),
        ("App", (0,)),
        ("Reports", (0,)),
        ("Web", (1,)),
    ]
    assert [server.protection_group for server in blueprint.servers] == [
        *["shop-db"] * 2,
        *["shop-app"] * 2,
        *["shop-reports"] * 2,
        *["shop-web"] * 2,
    ]
    assert (blueprint.revision, blueprint.rto_target_seconds, blueprint.approvals_required) == (1, 3600, 1)


@pytest.mark.parametrize("saving_again", [False, True])
def test_a_plan_of_sixty_waves_takes_as_many_queries_to_save_as_one_of_three(petra: User, saving_again: bool) -> None:
    def queries(size: int) -> int:
        waves = [
            {"name": f"W{i}", "protection_groups": [make_group_with_servers(f"g{size}-{i}").name]} for i in range(size)
        ]
        document: dict[str, Any] = {"name": f"Plan of {size}", "waves": waves}
        plan = services.plan_save(document=document, by=petra) if saving_again else None
        with CaptureQueriesContext(connection) as captured:
            services.plan_save(document=document | {"waves": waves[::-1]}, by=petra, plan=plan)
        return len(captured)

    queries(1)  # what is asked once and kept, such as roles and content types, is asked here
    assert queries(3) == queries(60)


def test_the_blueprint_takes_five_queries(petra: User) -> None:
    plan = make_web_shop(petra)
    with CaptureQueriesContext(connection) as captured:
        selectors.blueprint(plan)
    assert len(captured) == 5
