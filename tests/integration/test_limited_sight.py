"""What someone whose role is for one plan is told beside the lists: who is in the way, who did something, what is wrong
with a server. Names of what lies elsewhere are in none of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from access.models import ScopeKind
from access.services import assignment_add
from drs.port import RecoverySnapshot
from executions.engine.basis import Look
from executions.models import DrsJob, Execution, Operation
from executions.screens.monitor.reading import monitor_rows
from executions.screens.selectors import execution_rows
from executions.services.checks import check_servers_free
from foundation.errors import Conflict
from foundation.sources import Source
from plans.bundles.applying import bundle_apply
from plans.models import Plan
from plans.services import plan_save
from protection.models import ProtectionGroup, Site, SourceServer
from tests.factories.executions import ExecutionFactory, ServerRunFactory, WaveRunFactory
from tests.factories.people import SEES_ALL, make_user
from tests.factories.protection import MemberFactory, SyncedSiteFactory, make_group_with_servers

pytestmark = pytest.mark.any_database


@pytest.fixture
def site(db: None) -> Site:
    made: Site = SyncedSiteFactory.create(name="Frankfurt", quota_concurrent_jobs=1)
    return made


def plan_at(site: Site, name: str, by: User) -> Plan:
    group = make_group_with_servers(f"{name}-db", site=site)
    return plan_save(document={"name": name, "waves": [{"name": "One", "protection_groups": [group.name]}]}, by=by)


def run_of(plan: Plan, site: Site, **fields: Any) -> Execution:
    run: Execution = ExecutionFactory.create(plan=plan, **fields)
    wave = WaveRunFactory.create(execution=run, name="One", status="running")
    for server in SourceServer.objects.filter(protection_group__wave_groups__wave__plan=plan):
        ServerRunFactory.create(
            wave=wave, execution=run, site=site, source_server_id=server.source_server_id, status="queued"
        )
    return run


@pytest.fixture
def shop(site: Site, ada: User) -> Plan:
    return plan_at(site, "Shop", ada)


@pytest.fixture
def payroll(site: Site, ada: User) -> Plan:
    """At the same site."""
    return plan_at(site, "Payroll", ada)


@pytest.fixture
def someone(shop: Plan, ada: User) -> User:
    """An operator of the shop, and of nothing else."""
    made = make_user("someone")
    assignment_add(user=made, role="operator", kind=ScopeKind.PLAN, target=shop.pk, by=ada)
    return User.objects.get(pk=made.pk)


def test_people_are_those_whom_an_execution_names_that_one_may_see(
    api: Any, browser_of: Any, site: Site, shop: Plan, payroll: Plan, someone: User, aldo: User
) -> None:
    omar, ravi, nina = make_user("omar"), make_user("ravi"), make_user("nina")
    run_of(shop, site, requested_by=omar, requested_by_name="omar")
    run_of(payroll, site, requested_by=ravi, requested_by_name="ravi")
    run_of(payroll, site, status="failed", requested_by_name="gone")
    runs, page = "/api/v1/executions/", "/admin/executions/execution/"
    client = browser_of(someone)
    found = client.get(f"{page}people/?person=a").content.decode()
    assert ("omar" in found, "ravi" in found) == (True, False)
    for reference in ("ravi", ravi.pk, "nina", nina.pk, "gone"):
        assert api(someone).get(f"{runs}?person={reference}").status_code == 400, reference
        form = client.get(f"{page}?person={reference}").context["cl"].form
        assert (form["person"].value(), list(form.errors)) == (str(reference), ["person"])
    for reference in ("omar", omar.pk, "someone"):
        assert api(someone).get(f"{runs}?requested_by={reference}").status_code == 200, reference
    assert api(aldo).get(f"{runs}?person=nina").status_code == 200, "an auditor sees every user"


def test_a_job_that_nobody_follows_is_told_to_who_may_see_all_of_its_servers(
    api: Any, browser_of: Any, site: Site, payroll: Plan, someone: User, vera: User
) -> None:
    server = SourceServer.objects.filter(protection_group__name="Payroll-db")[0]
    DrsJob.objects.create(
        site=site, job_id="drsjob-1", is_unfollowed=True, first_seen_at=timezone.now(),
        servers={server.source_server_id: "PENDING"},
    )  # fmt: skip
    for reader, told in ((vera, True), (someone, False)):
        assert bool(api(reader).get(f"/api/v1/sites/{site.pk}/").json()["unfollowed_jobs"]) is told
        for page in ("", f"protection/site/{site.pk}/change/", f"protection/site/{site.pk}/state/?full=1"):
            assert (str(server) in browser_of(reader).get(f"/admin/{page}").content.decode()) is told, page


def test_the_other_group_of_a_contested_server_is_named_to_who_may_see_it(
    api: Any, browser_of: Any, site: Site, shop: Plan, someone: User, vera: User
) -> None:
    group = ProtectionGroup.objects.get(name="Shop-db")
    server = MemberFactory.create(
        protection_group=group,
        hostname="both-1",
        membership_conflict="both-1 is in “Shop-db” and matches “Payroll-db”.",
    )
    for reader, told in ((vera, True), (someone, False)):
        answers = [
            api(reader).get(f"/api/v1/source-servers/{server.pk}/").content,
            api(reader).get(f"/api/v1/protection-groups/{group.pk}/members/").content,
            browser_of(reader).get(f"/admin/protection/sourceserver/{server.pk}/change/").content,
            browser_of(reader).get(f"/admin/protection/protectiongroup/{group.pk}/change/").content,
        ]
        assert [b"Payroll-db" in each for each in answers] == [told] * 4
        assert b"Payroll" not in api(reader).post(f"/api/v1/plans/{shop.pk}/readiness/").content


def test_who_holds_a_server_or_takes_the_room_is_named_to_who_may_see_it(
    site: Site, shop: Plan, payroll: Plan, someone: User
) -> None:
    mine, theirs = run_of(shop, site), run_of(payroll, site)
    busy, now = theirs.servers.all()[0].source_server_id, timezone.now()
    Operation.objects.create(
        execution=theirs, site=site, kind="launch", state="accepted", is_drill=True, targets=[], job_id="drsjob-1",
        created_at=now, may_act_until=now,
    )  # fmt: skip
    DrsJob.objects.create(site=site, job_id="drsjob-1", servers={busy: "PENDING"}, first_seen_at=now)

    def whose(reader: Any) -> list[str]:
        return [job.whose for crowd in monitor_rows(execution_rows(mine), reader).crowds.values() for job in crowd.jobs]

    assert whose(SEES_ALL) == [f"the {theirs}"]
    assert whose(someone) == ["an execution that you may not see"]
    with pytest.raises(Conflict) as held:
        check_servers_free([(site.pk, busy)], field="plan", by=someone)
    assert str(theirs.pk) not in f"{held.value.detail} {held.value.errors}"


def test_what_keeps_a_site_in_git_from_being_deleted_is_named_to_who_may_see_it(
    site: Site, shop: Plan, payroll: Plan, someone: User
) -> None:
    run_of(payroll, site, status="failed")
    kept_in = Source("https://git.example.com/dr")
    for model, name in ((Site, "Frankfurt"), (ProtectionGroup, "Shop-db"), (Plan, "Shop")):
        model._default_manager.filter(name=name).update(source_repository=kept_in.repository, source_name=name)
    documents = [{"kind": "plan", "name": "Another"}]
    applied = bundle_apply(documents=documents, source=kept_in, prune=True, dry_run=True, by=someone)
    assert [(each.name, each.why) for each in applied.outcome.kept] == [
        ("Frankfurt", "it is used by an execution that you may not see")
    ]


def test_a_page_is_a_form_only_for_who_may_change_what_it_shows(
    browser_of: Any, site: Site, shop: Plan, payroll: Plan, ada: User
) -> None:
    """Someone may change another site, and whatever is of the shop: this site's role is not for them."""
    arn, elsewhere = f"arn:aws:iam::{site.account_id}:role/drsorch", SyncedSiteFactory.create(name="Lisbon")
    Site.objects.update(role_arn=arn)
    made = make_user()
    assignment_add(user=made, role="administrator", kind=ScopeKind.PLAN, target=shop.pk, by=ada)
    assignment_add(user=made, role="administrator", kind=ScopeKind.SITE, target=elsewhere.pk, by=ada)
    assignment_add(user=made, role="viewer", kind=ScopeKind.SITE, target=site.pk, by=ada)
    client, group = browser_of(User.objects.get(pk=made.pk)), ProtectionGroup.objects.get(name="Payroll-db")
    assert arn in client.get(f"/admin/protection/site/{elsewhere.pk}/change/").content.decode()
    for page in (f"site/{site.pk}", f"protectiongroup/{group.pk}"):
        shown = client.get(f"/admin/protection/{page}/change/")
        assert shown.status_code == 200
        assert arn not in shown.content.decode()
        assert shown.context["has_change_permission"] is False
        assert client.get(f"/admin/protection/{page}/delete/").status_code == 403


def test_the_points_in_time_of_a_server_of_ones_plan_are_shown(
    api: Any, browser_of: Any, monkeypatch: pytest.MonkeyPatch, shop: Plan, payroll: Plan, someone: User
) -> None:
    class Drs:
        def recovery_snapshots(self, source: str) -> list[RecoverySnapshot]:
            return []

    monkeypatch.setattr("protection.services.gateway", lambda site: Drs())
    for plan, status in (("Shop", 200), ("Payroll", 404)):
        server = SourceServer.objects.filter(protection_group__name=f"{plan}-db")[0]
        assert api(someone).get(f"/api/v1/source-servers/{server.pk}/recovery-snapshots/").status_code == status
        page = browser_of(someone).get(f"/admin/protection/sourceserver/{server.pk}/points/")
        assert page.status_code == status


def test_of_a_plan_that_is_elsewhere_by_now_nothing_is_told_with_its_executions(
    api: Any, monkeypatch: pytest.MonkeyPatch, site: Site, shop: Plan, ada: User
) -> None:
    """A start, an approval or a retry shows what the plan is now."""
    monkeypatch.setattr("executions.engine.basis.look_at", lambda *args: Look())
    run = run_of(shop, site, status="awaiting_approval", kind="recovery", started_at=None)
    local = make_user("local")
    assignment_add(user=local, role="approver", kind=ScopeKind.SITE, target=site.pk, by=ada)
    lisbon = SyncedSiteFactory.create(name="Lisbon")
    make_group_with_servers("Lisbon-db", site=lisbon)
    group = ProtectionGroup.objects.get(name="Lisbon-db")
    group.members.update(hostname="lisbon-1", replication_state="STALLED")
    plan_save(
        plan=shop, document={"name": "Shop", "waves": [{"name": "One", "protection_groups": ["Lisbon-db"]}]}, by=ada
    )
    for reader, told in ((ada, True), (User.objects.get(pk=local.pk), False)):
        answer = api(reader).get(f"/api/v1/executions/{run.pk}/basis/")
        assert answer.status_code == 200, answer.content
        assert (b"isbon" in answer.content) is told
