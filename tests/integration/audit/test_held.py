"""Users, roles, sites, groups and plans that somebody changes in the database, behind the back of the audit trail."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from access.models import ApiToken
from access.services import token_issue
from audit.models import Chain, Event, SealedDocument
from audit.verification import verify
from plans.demands import approvals_agree
from plans.models import ApprovalDemand, Plan, PlanRevision, Step, Wave, WaveGroup
from plans.services import plan_delete, plan_save
from protection.models import ProtectionGroup, Site
from protection.services import group_create, group_update, site_create, site_update
from tests.database import undone
from tests.factories.people import PASSWORD, make_user
from tests.factories.plans import web_shop
from tests.factories.protection import ServerFactory

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]
WAVES = "Web shop: The plan is not as its newest revision, 2, says: waves."


@pytest.fixture
def people(ada: User, petra: User) -> dict[str, User]:
    role = Group.objects.create(name="on call")
    role.permissions.add(Permission.objects.get(codename="view_user"))
    omar = make_user("omar", "operator")
    omar.groups.add(role)
    Authenticator.objects.create(user=ada, type="totp", data={"secret": "x"})
    site = site_create(name="Frankfurt", account_id="111122223333", region="eu-central-1", external_id="hush", by=ada)
    ServerFactory.create(site=site, tags={"Tier": "db"})
    group_create(name="shop-db", site=site, tag_selector={"Tier": ["db"]}, by=petra)
    plan = plan_save(document=web_shop(without=["App", "Reports", "Web"]), by=petra)
    newer = {"description": "Newer.", "approvals_required": 0}
    plan_save(plan=plan, document=web_shop(without=["App", "Reports", "Web"]) | newer, by=petra)
    token_issue(user=omar, by=omar)
    assert verify().faults == ()
    return {"ada": ada, "petra": petra, "omar": omar}


def sql(query: str, *values: Any) -> Callable[[], None]:
    def change() -> None:
        with connection.cursor() as cursor:
            cursor.execute(query, values)

    return change


#: What is done in the database, and what is then said. The ids stand for those of rows of the scenario.
BEHIND_ITS_BACK: list[tuple[Callable[[], object], str]] = [
    (
        lambda: User.objects.filter(username="omar").update(is_superuser=True),
        "omar: is_superuser is True, and the audit trail says that it became False.",
    ),
    (
        lambda: User.groups.through.objects.create(
            user=User.objects.get(username="omar"), group=Group.objects.get(name="administrator")
        ),
        "omar: roles is ['administrator', 'on call', 'operator'], and the audit trail says that it became "
        "['on call', 'operator'].",
    ),
    (
        lambda: Group.permissions.through.objects.all().delete(),
        "on call: permissions is empty, and the audit trail says that it became ['view_user'].",
    ),
    (
        sql("DELETE FROM auth_user_groups WHERE user_id = (SELECT id FROM auth_user WHERE username = 'omar')"),
        "omar: roles is empty, and the audit trail says that it became ['on call', 'operator'].",
    ),
    (
        lambda: Site.objects.update(account_id="999999999999"),
        "Frankfurt: account_id is 999999999999, and the audit trail says that it became 111122223333.",
    ),
    (
        lambda: ProtectionGroup.objects.update(tag_selector={"Tier": ["web"]}),
        "shop-db: tag_selector is {'Tier': ['web']}, and the audit trail says that it became {'Tier': ['db']}.",
    ),
    (sql("DELETE FROM plans_planrevision WHERE number = 1"), "Web shop: Revision 1 was deleted."),
    (
        lambda: PlanRevision.objects.filter(number=2).update(document={}),
        "Web shop: Revision 2 was changed after it was saved.",
    ),
    *[
        (
            lambda change=change: PlanRevision.objects.filter(number=2).update(**change),
            "Web shop: Revision 2: who saved it, when, or what changed was changed after it was saved.",
        )
        for change in (
            {"diff": []},
            {"saved_by_name": "mallory"},
            {"saved_by": None},
            {"saved_by": User.objects.filter(username="omar").values("pk")},
            {"saved_at": "2026-01-01T00:00Z"},
        )
    ],
    # By which name somebody is found who was deleted.
    (
        lambda: Chain.objects.filter(subject_type="plan").update(name="Harmless"),
        "Harmless: The name or the end was changed in the database: its signature is not drsorch's.",
    ),
    (
        lambda: PlanRevision.objects.create(
            plan=Plan.objects.get(), number=3, saved_by_name="mallory", saved_at="2026-01-01T00:00Z", document={},
            diff=[],
        ),
        "Web shop: Revision 3 was added in the database.",
    ),
    # What was left blank when it was created is held too.
    (
        lambda: Site.objects.update(role_arn="arn:aws:iam::999999999999:role/m"),
        "Frankfurt: role_arn is arn:aws:iam::999999999999:role/m, and the audit trail says that it became empty.",
    ),
    (
        lambda: Site.objects.update(endpoint_url="https://drs.example.com"),
        "Frankfurt: endpoint_url is https://drs.example.com, and the audit trail says that it became empty.",
    ),
    (
        lambda: Site.objects.update(external_id=""),
        "Frankfurt: external_id is not the one that drsorch stored: it was changed in the database.",
    ),
    (
        lambda: ProtectionGroup.objects.update(explicit_servers=["s-00000000000000001"]),
        "shop-db: servers is ['s-00000000000000001'], and the audit trail says that it became empty.",
    ),
    (
        lambda: User.objects.filter(username="omar").update(email="mallory@example.com"),
        "omar: email is mallory@example.com, and the audit trail says that it became empty.",
    ),
    # Rights that nobody gave.
    (
        lambda: User.objects.bulk_create([User(username="mallory", is_superuser=True)]),
        "mallory: The row has no audit trail: it was added in the database.",
    ),
    (
        lambda: Group.objects.bulk_create([Group(name="backdoor")]),
        "backdoor: The row has no audit trail: it was added in the database.",
    ),
    (
        lambda: ApiToken.objects.bulk_create(
            [ApiToken(user=User.objects.get(username="ada"), name="nightly", digest="0" * 128, token_key="0" * 8)]
        ),
        "nightly: The row has no audit trail: it was added in the database.",
    ),
    (
        lambda: ApiToken.objects.update(user=User.objects.get(username="ada")),
        "token of omar: user_id is <ada>, and the audit trail says that it became <omar>.",
    ),
    (
        lambda: ApiToken.objects.update(expiry="2036-01-01T00:00Z"),
        "token of omar: expires_at is 2036-01-01T00:00:00+00:00, and the audit trail says that it became empty.",
    ),
    (
        sql("DELETE FROM access_apitoken"),
        "token of omar: The row was deleted, and the audit trail does not say so.",
    ),
    (
        lambda: Site.objects.bulk_create([Site(name="Rome", account_id="999922223333", region="eu-south-1")]),
        "Rome: The row has no audit trail: it was added in the database.",
    ),
    # Secrets: the audit trail has a fingerprint of each.
    (
        sql("UPDATE auth_user SET password = %s WHERE username = 'ada'", make_password("mallory")),
        "ada: password is not the one that drsorch stored: it was changed in the database.",
    ),
    (
        sql("UPDATE auth_user SET password = '' WHERE username = 'ada'"),
        "ada: password is not the one that drsorch stored: it was changed in the database.",
    ),
    (
        lambda: User.objects.filter(username="omar").update(
            password=User.objects.get(username="ada").password
        ),
        "omar: password is not the one that drsorch stored: it was changed in the database.",
    ),
    (
        lambda: Authenticator.objects.filter(user__username="ada").update(data={"secret": "mallory's"}),
        "ada: authenticator app <factor> is not the one that drsorch stored: it was changed in the database.",
    ),
    (
        sql("DELETE FROM mfa_authenticator"),
        "ada: authenticator app <factor> was deleted in the database.",
    ),
    (
        lambda: Authenticator.objects.bulk_create(
            [Authenticator(user=User.objects.get(username="petra"), type="totp", data={"secret": "x"})]
        ),
        "petra: authenticator app <next factor> was added in the database.",
    ),
    (
        lambda: ApiToken.objects.update(digest="0" * 128),
        "token of omar: digest is not the one that drsorch stored: it was changed in the database.",
    ),
    (
        lambda: Site.objects.update(external_id="mallory's"),
        "Frankfurt: external_id is not the one that drsorch stored: it was changed in the database.",
    ),
    (
        lambda: User.objects.get(username="omar").user_permissions.through.objects.create(
            user=User.objects.get(username="omar"), permission=Permission.objects.get(codename="delete_user")
        ),
        "omar: permissions is ['delete_user'], and the audit trail says that it became empty.",
    ),
    # How many approvals are in force.
    (
        sql("DELETE FROM plans_approvaldemand WHERE approvals_required = 1"),
        "Web shop: demand for approvals <demand>: the row was deleted after it was sealed.",
    ),
    (
        lambda: ApprovalDemand.objects.filter(approvals_required=1).update(approvals_required=0),
        "Web shop: demand for approvals <demand>: approvals_required is 0, sealed as 1.",
    ),
    (
        lambda: ApprovalDemand.objects.filter(approvals_required=1).update(agreed_at="2026-01-01T00:00Z"),
        "Web shop: demand for approvals <demand>: agreed_at is 2026-01-01T00:00:00.000000+00:00, sealed as empty.",
    ),
    (
        lambda: ApprovalDemand.objects.create(
            plan_id=Plan.objects.get().pk, plan_name="Web shop", approvals_required=9, since="2026-01-01T00:00Z"
        ),
        "Web shop: demand for approvals <next>: the row was added after it was sealed.",
    ),
    (
        lambda: ApprovalDemand.objects.create(
            plan_id=4711, plan_name="Ghost", approvals_required=9, since="2026-01-01T00:00Z"
        ),
        "Ghost: The row has no audit trail: it was added in the database.",
    ),
    # What a plan says is what its newest revision says.
    (
        lambda: Plan.objects.update(approvals_required=3),
        "Web shop: The plan is not as its newest revision, 2, says: approvals_required.",
    ),
    (lambda: Step.objects.all().delete() and Wave.objects.update(on_failure="continue"), WAVES),
    (lambda: Wave.objects.update(minimum_success_percent=1), WAVES),
    (lambda: WaveGroup.objects.all().delete(), WAVES),
    (
        lambda: Plan.objects.update(version=7),
        "Web shop: The plan says revision 7, and the newest that was saved is 2.",
    ),
]  # fmt: skip


def test_a_row_that_was_changed_behind_the_trails_back_is_named(people: dict[str, User]) -> None:
    known: dict[str, Any] = {f"<{name}>": person.pk for name, person in people.items()}
    known["<demand>"] = ApprovalDemand.objects.get(approvals_required=1).pk
    known["<factor>"] = Authenticator.objects.get().pk
    for change, fault in BEHIND_ITS_BACK:
        with undone():
            change()
            newest = {"<next>": ApprovalDemand.objects.latest("pk").pk, "<next factor>": _newest_factor()}
            assert [f"{each.name}: {each.message}" for each in verify().faults] == [_with(known | newest, fault)]


def _with(ids: dict[str, Any], fault: str) -> str:
    for name, pk in ids.items():
        fault = fault.replace(name, str(pk))
    return fault


def _newest_factor() -> Any:
    return Authenticator.objects.order_by("pk").values_list("pk", flat=True).last()


def test_a_site_that_was_deleted_behind_the_trails_back_is_named(ada: User) -> None:
    site_create(name="Frankfurt", account_id="111122223333", region="eu-central-1", by=ada)
    sql("DELETE FROM protection_site")()
    assert [f"{each.name}: {each.message}" for each in verify().faults] == [
        "Frankfurt: The row was deleted, and the audit trail does not say so."
    ]


def test_a_plan_that_was_deleted_behind_the_trails_back_is_named(people: dict[str, User]) -> None:
    for table in ("plans_step", "plans_wavegroup", "plans_wave", "plans_plan"):
        sql(f"DELETE FROM {table}")()
    found = [f"{each.name}: {each.message}" for each in verify().faults]
    sql("DELETE FROM plans_planrevision")()
    assert found == ["Web shop: The plan was deleted, and the audit trail does not say so."]


def test_renaming_a_role_changes_nobody(people: dict[str, User]) -> None:
    role = Group.objects.get(name="on call")
    role.name = "night shift"
    role.save()
    assert verify().faults == ()
    assert User.objects.get(username="omar").groups.filter(name="night shift").exists()


def test_what_was_deleted_by_drsorch_stays_deleted(people: dict[str, User]) -> None:
    User.objects.get(username="omar").delete()
    assert verify().faults == ()


def test_renaming_a_group_changes_no_plan(people: dict[str, User]) -> None:
    group = ProtectionGroup.objects.get()
    group_update(group=group, changes={"name": "shop-databases"}, by=people["petra"])
    assert verify().faults == ()


def test_approvals_that_were_agreed_on_also_of_a_plan_of_that_name_before_are_no_tampering(ravi: User) -> None:
    """Also once who agreed, and the plan, are deleted."""
    by = make_user("dana", "planner", "administrator")
    site = site_create(name="Frankfurt", account_id="111122223333", region="eu-central-1", by=by)
    ServerFactory.create(site=site, tags={"Tier": "db"})
    group_create(name="shop-db", site=site, tag_selector={"Tier": ["db"]}, by=by)
    document = web_shop(without=["App", "Reports", "Web"])
    first = plan_save(document=document, by=by)
    plan_delete(plan=first, by=by)
    plan = plan_save(document=document | {"approvals_required": 0}, by=by)
    approvals_agree(plan=plan, comment="Enough.", by=ravi)
    assert ApprovalDemand.objects.filter(agreed_by=ravi, plan_id=first.pk).exists()
    assert verify().faults == ()
    plan_delete(plan=plan, by=by)
    ravi.delete()
    assert verify().faults == ()


def test_no_secret_and_no_fingerprint_of_one_leaves_the_database(people: dict[str, User]) -> None:
    """Whatever is shown of an event has at most the hash of a document in which the fingerprints are."""
    omar = people["omar"]
    omar.set_password("another horse battery staple")
    omar.save()
    client = APIClient()
    client.force_authenticate(people["ada"])
    shown = client.get("/api/v1/audit/", {"page_size": 200}).content.decode()
    browser = Client()
    browser.force_login(people["ada"], backend="django.contrib.auth.backends.ModelBackend")
    shown += browser.get("/admin/audit/event/").content.decode()
    kept = [json.loads(zlib.decompress(each.data)) for each in SealedDocument.objects.filter(part="secrets")]
    macs = {row["fingerprint"] for each in kept for row in each["secret"].values() if row["fingerprint"]}
    assert len(macs) > 5
    assert not [mac for mac in macs if mac.partition(":")[2] in shown]
    assert "user.password_changed" in shown


def test_a_better_hash_of_the_same_password_is_no_tampering(people: dict[str, User], settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher", *settings.PASSWORD_HASHERS]
    was = User.objects.get(username="omar").password
    assert Client().login(username="omar", password=PASSWORD)
    assert User.objects.get(username="omar").password != was
    event = Event.objects.filter(subject_type="user", type="user.password_rehashed").get()
    assert (event.actor, event.actor_id, event.subject) == ("drsorch", None, "omar")
    assert verify().faults == ()


def test_a_used_recovery_code_and_a_renamed_key_are_no_tampering(people: dict[str, User]) -> None:
    codes = RecoveryCodes.activate(people["ada"])
    codes.mark_as_viewed()
    assert codes.validate_code(codes.get_unused_codes()[0])
    Authenticator.objects.get(type="totp").record_usage()
    told = Event.objects.filter(type="user.second_factor_changed").values_list("detail__second_factor", flat=True)
    assert list(told) == ["recovery codes"] * 2
    assert verify().faults == ()
    Authenticator.objects.filter(type="recovery_codes").delete()
    assert verify().faults == ()


def test_other_keys_verify_what_was_signed_with_earlier_ones(people: dict[str, User], settings: Any) -> None:
    first = settings.DRSORCH_AUDIT_KEYS
    settings.DRSORCH_AUDIT_KEYS = (("new", "n" * 48), *first)
    people["omar"].set_password("another horse battery staple")
    people["omar"].save()
    settings.DRSORCH_AUDIT_KEYS = (("newer", "m" * 48), ("new", "n" * 48), *first)
    assert verify().faults == ()
    User.objects.update(password="!")
    assert {fault.name for fault in verify().faults} == {"ada", "omar", "petra"}


def test_who_gets_another_role_of_a_name_that_one_had_is_named(people: dict[str, User]) -> None:
    """Renaming a role excuses nothing that was not renamed."""
    on_call = Group.objects.get(name="on call")
    on_call.name = "administrators of the night"
    on_call.save()
    again = Group.objects.create(name="on call")
    people["petra"].groups.add(again)
    assert verify().faults == ()
    User.groups.through.objects.filter(group=again).update(group=on_call)
    assert [fault.name for fault in verify().faults] == ["petra"]


def test_a_group_that_was_given_to_another_site_is_named_and_a_renamed_site_moves_none(people: dict[str, User]) -> None:
    site = ProtectionGroup.objects.get().site
    site_update(site=site, changes={"name": "Main"}, by=people["ada"])
    rome = site_create(name="Rome", account_id="999922223333", region="eu-south-1", by=people["ada"])
    assert verify().faults == ()
    ProtectionGroup.objects.update(site=rome)
    assert [f"{each.name}: {each.message}" for each in verify().faults] == [
        f"shop-db: site_id is {rome.pk}, and the audit trail says that it became {site.pk}."
    ]
