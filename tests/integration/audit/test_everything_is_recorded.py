"""Whatever a person can change leaves an event: by whom, by which door, from where, before and after.

The table is held against the code: every model, every door that it has. A new model, a new door or a new command
without a row here fails.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command, get_commands
from django.db.models import Model, QuerySet
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient

from access.identity.mapping import link_save, provider_group_create
from access.models import ApiToken, ProviderGroup, ProviderLink, Role, ServiceAccount, SignInSession
from access.services import token_issue
from audit.event_types import EventType
from audit.models import Event
from drsorch.api import router
from executions.models import Execution
from plans.models import Plan
from plans.services import plan_save
from protection.models import ProtectionGroup, Site, SourceServer
from reports.models import Finding
from reports.services.findings import finding_add
from tests.architecture.source import LAYERS
from tests.factories.executions import ExecutionFactory
from tests.factories.people import PASSWORD, make_user
from tests.factories.plans import apply_by_command, web_shop
from tests.factories.protection import ServerFactory, SiteFactory, make_group, make_group_with_servers
from tests.factories.trail import faults_found
from tests.integration.audit.acts import (
    changepassword,
    createsuperuser,
    form,
    new_user,
    other_user,
    posted,
    sent,
    service,
)
from tests.integration.audit.not_by_people import CHANGE_NOTHING, NOT_BY_PEOPLE, NOT_OURS
from tests.pages import registry

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]

HOST = {"REMOTE_ADDR": "203.0.113.9", "HTTP_USER_AGENT": "a browser"}
SITE = {"name": "Ireland", "account_id": "111122223333", "region": "eu-west-1", "external_id": "hush"}


@dataclass
class World:
    """What there is before somebody does something, and who does it by which door."""

    by: User
    api: APIClient
    browser: Client
    site: Site
    group: ProtectionGroup
    plan: Plan
    server: SourceServer
    token: ApiToken
    user: User
    finding: Finding
    provider_group: ProviderGroup
    provider_link: ProviderLink
    session: SignInSession
    #: The id of the last event of the preparations.
    last: int = 0

    @property
    def events(self) -> QuerySet[Event]:
        """What was recorded since, oldest first."""
        return Event.objects.filter(id__gt=self.last).order_by("id")

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(event.type, event.subject, event.actor) for event in self.events]


@pytest.fixture
def world(ada: User, petra: User, settings: Any) -> Iterator[World]:
    """In the end everything is as the trail says."""
    settings.DRSORCH_OIDC_ISSUER = "https://id.example.com"
    api = APIClient(**HOST)
    token, text = token_issue(user=ada, name="pipeline", by=None)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    browser = Client(**HOST)
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    site = SiteFactory.create(name="Frankfurt", last_synced_at=timezone.now())
    ServerFactory.create(site=site, source_server_id="s-1", tags={"Tier": "db"})
    gone = ServerFactory.create(site=site, source_server_id="s-2", missing_since=timezone.now())
    group = make_group("db", site, petra, Tier=["db"])
    make_group_with_servers("shop-db", site=SiteFactory.create(name="Paris"))
    plan = plan_save(document={**web_shop(without=["App", "Reports", "Web"])}, by=petra)
    user = make_user("omar", "operator")
    other = plan_save(document={**web_shop(without=["App", "Reports", "Web"]), "name": "Drilled"}, by=petra)
    drilled = ExecutionFactory.create(plan=other, status="succeeded")
    finding = finding_add(execution=drilled, by=ada, title="DNS", severity="low")
    in_group = provider_group_create(name="everyone", role=Role.objects.get(name="viewer"), by=ada)
    link = link_save(user=make_user("lena"), subject="p-1", by=ada)
    stored = SessionStore()
    stored.create()
    session = SignInSession.objects.create(user=petra, ip="203.0.113.7", session_key=stored.session_key)
    world = World(ada, api, browser, site, group, plan, gone, token, user, finding, in_group, link, session)
    world.last = Event.objects.order_by("id").values_list("id", flat=True).last() or 0
    yield world
    assert faults_found() == []


Act = Callable[[World], None]
API, SERVICES = "/api/v1", "/admin/access/serviceaccount/"
#: Model, verb, door -> the act, and the type of its event.
TABLE: dict[tuple[type[Model], str, str], tuple[Act, EventType]] = {
    (Site, "create", "api"): (lambda w: sent(w.api.post(f"{API}/sites/", SITE)), EventType.SITE_CREATED),
    (Site, "change", "api"): (
        lambda w: sent(w.api.patch(f"{API}/sites/Frankfurt/", {"name": "Main"})),
        EventType.SITE_CHANGED,
    ),
    (Site, "delete", "api"): (
        lambda w: sent(w.api.delete(f"{API}/sites/{SiteFactory.create(name='Unused').pk}/")),
        EventType.SITE_DELETED,
    ),
    (Site, "create", "screen"): (
        lambda w: posted(w, "/admin/protection/site/add/", form(**SITE, expected_version="")),
        EventType.SITE_CREATED,
    ),
    (Site, "change", "screen"): (
        lambda w: posted(
            w,
            f"/admin/protection/site/{w.site.pk}/change/",
            form(**{**SITE, "account_id": w.site.account_id, "region": w.site.region}),
        ),
        EventType.SITE_CHANGED,
    ),
    (Site, "delete", "screen"): (
        lambda w: posted(w, f"/admin/protection/site/{SiteFactory.create().pk}/delete/"),
        EventType.SITE_DELETED,
    ),
    (ProtectionGroup, "create", "api"): (
        lambda w: sent(
            w.api.post(f"{API}/protection-groups/", {"name": "web", "site": "Frankfurt", "servers": ["s-2"]})
        ),
        EventType.PROTECTION_GROUP_CREATED,
    ),
    (ProtectionGroup, "change", "api"): (
        lambda w: sent(w.api.patch(f"{API}/protection-groups/db/", {"servers": ["s-1"]})),
        EventType.PROTECTION_GROUP_CHANGED,
    ),
    (ProtectionGroup, "delete", "api"): (
        lambda w: sent(w.api.delete(f"{API}/protection-groups/db/")),
        EventType.PROTECTION_GROUP_DELETED,
    ),
    (ProtectionGroup, "create", "screen"): (
        lambda w: posted(
            w,
            "/admin/protection/protectiongroup/add/",
            form(name="web", site=w.site.pk, servers=[w.server.pk], tag_selector="", expected_version=""),
        ),
        EventType.PROTECTION_GROUP_CREATED,
    ),
    (ProtectionGroup, "change", "screen"): (
        lambda w: posted(
            w,
            f"/admin/protection/protectiongroup/{w.group.pk}/change/",
            form(name="data", site=w.site.pk, tag_selector="Tier = db"),
        ),
        EventType.PROTECTION_GROUP_CHANGED,
    ),
    (ProtectionGroup, "delete", "screen"): (
        lambda w: posted(w, f"/admin/protection/protectiongroup/{w.group.pk}/delete/"),
        EventType.PROTECTION_GROUP_DELETED,
    ),
    (SourceServer, "delete", "api"): (
        lambda w: sent(w.api.delete(f"{API}/source-servers/s-2/")),
        EventType.SOURCE_SERVER_REMOVED,
    ),
    (SourceServer, "delete", "screen"): (
        lambda w: posted(w, f"/admin/protection/sourceserver/{w.server.pk}/delete/"),
        EventType.SOURCE_SERVER_REMOVED,
    ),
    (Plan, "create", "api"): (
        lambda w: sent(
            w.api.post(f"{API}/plans/", {"name": "CRM", "waves": [{"name": "All", "protection_groups": ["db"]}]})
        ),
        EventType.PLAN_CREATED,
    ),
    (Plan, "change", "api"): (
        lambda w: sent(w.api.patch(f"{API}/plans/{w.plan.pk}/", {"rto_target_seconds": 60})),
        EventType.PLAN_CHANGED,
    ),
    (Plan, "delete", "api"): (lambda w: sent(w.api.delete(f"{API}/plans/{w.plan.pk}/")), EventType.PLAN_DELETED),
    (Plan, "create", "screen"): (
        lambda w: posted(w, "/admin/plans/plan/add/", {"name": "CRM", "approvals_required": "1"}),
        EventType.PLAN_CREATED,
    ),
    (Plan, "change", "screen"): (
        lambda w: posted(
            w, f"/admin/plans/plan/{w.plan.pk}/settings/", {"name": "Shop", "approvals_required": "2", "version": "1"}
        ),
        EventType.PLAN_CHANGED,
    ),
    (Plan, "delete", "screen"): (
        lambda w: posted(w, f"/admin/plans/plan/{w.plan.pk}/delete/"),
        EventType.PLAN_DELETED,
    ),
    (Finding, "change", "api"): (
        lambda w: sent(w.api.patch(f"{API}/findings/{w.finding.pk}/", {"severity": "high"})),
        EventType.FINDING_CHANGED,
    ),
    (Finding, "change", "screen"): (
        lambda w: posted(
            w,
            f"/admin/reports/finding/{w.finding.pk}/change/",
            {"version": "1", "title": "DNS", "severity": "high", "status": "open"},
        ),
        EventType.FINDING_CHANGED,
    ),
    (ApiToken, "create", "api"): (lambda w: sent(w.api.post(f"{API}/tokens/", {"name": "ci"})), EventType.TOKEN_ISSUED),
    (ApiToken, "delete", "api"): (
        lambda w: sent(w.api.delete(f"{API}/tokens/{w.token.uid}/")),
        EventType.TOKEN_REVOKED,
    ),
    (ApiToken, "delete", "screen"): (
        lambda w: posted(w, f"/admin/access/apitoken/{w.token.pk}/delete/"),
        EventType.TOKEN_REVOKED,
    ),
    (ApiToken, "create", "issue_token"): (
        lambda w: call_command("issue_token", "omar", name="nightly", stdout=io.StringIO()),
        EventType.TOKEN_ISSUED,
    ),
    (ServiceAccount, "create", "screen"): (
        lambda w: posted(w, f"{SERVICES}add/", {"name": "ci", "purpose": "Drills", "roles": ["operator"]}),
        EventType.USER_CREATED,
    ),
    (ServiceAccount, "change", "screen"): (
        lambda w: posted(w, f"{SERVICES}{service(w).pk}/change/", {"purpose": "Drills", "is_active": "on"}),
        EventType.USER_CHANGED,
    ),
    (ServiceAccount, "delete", "screen"): (
        lambda w: posted(w, f"{SERVICES}{service(w).pk}/delete/"),
        EventType.USER_DELETED,
    ),
    (ServiceAccount, "create", "create_service_account"): (
        lambda w: call_command("create_service_account", "ci", purpose="Drills", stdout=io.StringIO()),
        EventType.USER_CREATED,
    ),
    (ProviderGroup, "create", "screen"): (
        lambda w: posted(
            w,
            "/admin/access/providergroup/add/",
            form(name="dr", role=Role.objects.get(name="viewer").pk, expected_version=""),
        ),
        EventType.PROVIDER_GROUP_CREATED,
    ),
    (ProviderGroup, "delete", "screen"): (
        lambda w: posted(w, f"/admin/access/providergroup/{w.provider_group.pk}/delete/"),
        EventType.PROVIDER_GROUP_DELETED,
    ),
    (ProviderLink, "create", "screen"): (
        lambda w: posted(w, "/admin/access/providerlink/add/", form(user=w.user.pk, uid="u-1", expected_version="")),
        EventType.USER_LINKED,
    ),
    (ProviderLink, "delete", "screen"): (
        lambda w: posted(w, f"/admin/access/providerlink/{w.provider_link.pk}/delete/"),
        EventType.USER_UNLINKED,
    ),
    (SignInSession, "delete", "screen"): (
        lambda w: posted(w, f"/admin/access/signinsession/{w.session.pk}/delete/"),
        EventType.USER_SESSION_ENDED,
    ),
    (User, "create", "screen"): (new_user, EventType.USER_CREATED),
    (User, "change", "screen"): (other_user, EventType.USER_CHANGED),
    (User, "delete", "screen"): (
        lambda w: posted(w, f"/admin/auth/user/{w.user.pk}/delete/"),
        EventType.USER_DELETED,
    ),
    (Plan, "change", "bundle"): (lambda w: apply_by_command(w.plan, "ada"), EventType.PLAN_CHANGED),
    (User, "create", "createsuperuser"): (createsuperuser, EventType.USER_CREATED),
    (User, "change", "changepassword"): (changepassword, EventType.USER_PASSWORD_CHANGED),
}
VERBS = {"add": "create", "change": "change", "delete": "delete"}
METHODS = {"create": "create", "update": "change", "partial_update": "change", "destroy": "delete"}


def doors() -> Iterator[tuple[type[Model], str, str]]:
    """Every door that the code has: model, verb, and "api", "screen" or the name of a command."""
    for _, viewset, _ in router.registry:
        for route in router.get_routes(viewset):
            for action in router.get_method_map(viewset, route.mapping).values():
                if action in METHODS and viewset.queryset.model is not Execution:
                    yield viewset.queryset.model, METHODS[action], "api"


def screens(root: User) -> Iterator[tuple[type[Model], str, str]]:
    request = RequestFactory().get("/")
    request.user = root
    for model, page in registry().items():
        row = model(missing_since=timezone.now()) if model is SourceServer else None
        for django, verb in VERBS.items():
            asked = getattr(page, f"has_{django}_permission")
            if asked(request) if django == "add" else asked(request, row):
                yield model, verb, "screen"


def commands() -> set[str]:
    return {name for name, app in get_commands().items() if app in LAYERS}


def test_every_door_of_the_code_is_in_the_table(ada: User) -> None:
    in_code = set(doors()) | set(screens(ada))
    assert {door for door in TABLE if door[2] in ("api", "screen")} == in_code
    assert {door[2] for door in TABLE} - {"api", "screen"} == commands() - CHANGE_NOTHING


def test_every_model_is_in_a_table() -> None:
    ours = {model for model in apps.get_models() if model._meta.app_label in LAYERS} | set(NOT_OURS)
    changed = {door[0]._meta.label for door in TABLE}
    assert changed | set(NOT_BY_PEOPLE) == {model._meta.label for model in ours}
    assert not changed & set(NOT_BY_PEOPLE)


@pytest.mark.parametrize("door", TABLE, ids=lambda door: f"{door[0].__name__}-{door[1]}-{door[2]}")
def test_it_is_recorded_once_with_who_whence_and_what(door: tuple[type[Model], str, str], world: World) -> None:
    act, type = TABLE[door]
    act(world)
    event = world.events.get()
    assert event.type == type
    _, verb, via = door
    if via in ("api", "screen"):
        assert (event.actor, event.actor_id, event.via) == ("ada", world.by.pk, via)
        assert event.origin["address"] == "203.0.113.9"
        assert event.origin["agent"] == "a browser"
        assert event.origin["request_id"]
        assert event.origin.get("token") == ("pipeline" if via == "api" else None)
        assert event.origin.get("token_id") == (str(world.token.uid) if via == "api" else None)
    else:
        actor = ("ada", world.by.pk) if via == "bundle" else ("command line", None)
        assert (event.actor, event.actor_id, event.via) == (*actor, "command")
        assert event.origin["command"] == via
    assert not LogEntry.objects.exists()
    if door[0] is SignInSession:  # the session of a user, who is none other than before
        assert event.detail["address"] == "203.0.113.7"
        return
    before, after = event.detail["before"], event.detail["after"]
    if door[0] is ProviderLink:  # a change of its user
        before, after = before["provider_links"], after["provider_links"]
    assert bool(before) == (verb != "create")
    assert bool(after) == (verb != "delete")
    if verb == "change":
        assert before.keys() == after.keys()
        assert all(before[name] != after[name] for name in before)
    everything = str(event.detail)
    assert "hush" not in everything
    assert PASSWORD not in everything
    assert "md5$" not in everything
    assert world.token.digest not in everything


def test_what_was_refused_changed_nothing_and_leaves_no_event_of_a_change(world: World) -> None:
    world.api.patch(f"{API}/sites/Frankfurt/", {"region": "nowhere"})
    world.api.delete(f"{API}/sites/Frankfurt/")
    world.api.patch(f"{API}/sites/Frankfurt/", {"name": "Frankfurt"})
    world.api.patch(f"{API}/plans/{world.plan.pk}/", {"name": ""})
    assert not world.told


def test_the_chain_of_what_was_deleted_is_found_by_its_name(world: World) -> None:
    world.api.delete(f"{API}/plans/{world.plan.pk}/")
    found = world.api.get(f"{API}/audit/", {"subject_type": "plan", "subject": "Web shop"}).json()["results"]
    assert [(each["type"], each["subject_name"]) for each in found] == [
        ("plan.deleted", "Web shop"),
        ("plan.created", "Web shop"),
    ]
    assert found[0]["detail"]["before"]["waves"] == ["Databases"]


# --- users, roles, second factors by other doors --------------------------------------------------------------------


def test_a_password_changed_on_its_own_page_is_recorded_without_it(world: World) -> None:
    changed = "another horse battery staple"
    posted(world, f"/admin/auth/user/{world.user.pk}/password/", {"password1": changed, "password2": changed})
    data = {"oldpassword": PASSWORD, "password1": changed, "password2": changed}
    posted(world, "/accounts/password/change/", data)
    told = [event for event in world.told if event[0] == EventType.USER_PASSWORD_CHANGED]
    assert told == [("user.password_changed", "omar", "ada"), ("user.password_changed", "ada", "ada")]
    details = [event.detail for event in world.events.filter(type=EventType.USER_PASSWORD_CHANGED)]
    assert [{**detail, "seals": None} for detail in details] == [
        {"before": {"password": None}, "after": {"password": "changed"}, "seals": None}
    ] * 2


def test_signing_in_or_a_better_hash_of_the_same_password_is_no_change(world: World) -> None:
    world.user.last_login = timezone.now()
    world.user.save(update_fields=["last_login"])
    user = User.objects.get(pk=world.user.pk)
    user.password = user.password.replace("md5$", "md5$")
    user.save(update_fields=["password"])
    assert world.told == []


def test_roles_and_rights_are_recorded_from_either_side(world: World) -> None:
    viewer = Group.objects.get(name="viewer")
    viewer.user_set.add(world.user)
    viewer.user_set.clear()
    world.user.groups.clear()
    world.user.is_active = False
    world.user.save()
    assert [event[0] for event in world.told] == [EventType.USER_ROLES_CHANGED] * 3 + [EventType.USER_DEACTIVATED]
    added, *_ = world.events
    assert added.detail["before"]["roles"] == ["operator"]
    assert added.detail["after"]["roles"] == ["operator", "viewer"]


def test_a_role_that_is_made_changed_and_deleted(world: World) -> None:
    role = Group.objects.create(name="night shift")
    role.user_set.add(world.user)
    role.name = "night watch"
    role.save()
    role.delete()
    assert [event[:2] for event in world.told] == [
        ("role.created", "night shift"),
        ("user.roles_changed", "omar"),
        ("role.changed", "night watch"),
        ("user.roles_changed", "omar"),
        ("role.deleted", "night watch"),
        ("user.roles_changed", "omar"),
    ]


def test_second_factors_and_tokens_that_go_with_their_user_are_told_of(world: World) -> None:
    Authenticator.objects.create(user=world.user, type="totp", data={"secret": "x"})
    Authenticator.objects.create(user=world.user, type="recovery_codes", data={"seed": "x", "used_mask": 0})
    token_issue(user=world.user, name="ci", by=None)
    data = {"action": "remove_second_factor", "_selected_action": [world.user.pk]}
    world.browser.post("/admin/auth/user/", data)
    posted(world, f"/admin/auth/user/{world.user.pk}/delete/")
    assert [event[:2] for event in world.told] == [
        ("user.second_factor_added", "omar"),
        ("user.second_factor_added", "omar"),
        ("token.issued", "ci"),
        *[("user.second_factor_removed", "omar")] * 2,
        ("token.revoked", "ci"),
        ("user.deleted", "omar"),
    ]
    assert {event[2] for event in world.told[3:]} == {"ada"}


def test_many_deleted_at_once_are_each_recorded(world: World) -> None:
    other = make_user("olga")
    chosen = {"action": "delete_selected", "post": "yes"}
    world.browser.post("/admin/access/apitoken/", {**chosen, "_selected_action": [world.token.pk]})
    world.browser.post("/admin/auth/user/", {**chosen, "_selected_action": [world.user.pk, other.pk]})
    deleted = [event for event in world.told if event[0] in ("token.revoked", "user.deleted")]
    assert sorted(deleted) == [
        ("token.revoked", "pipeline", "ada"),
        ("user.deleted", "olga", "ada"),
        ("user.deleted", "omar", "ada"),
    ]
    assert not LogEntry.objects.exists()


def test_a_user_and_its_event_are_one_transaction(world: World) -> None:
    with patch("access.recording.note_change", side_effect=RuntimeError), pytest.raises(RuntimeError):
        User.objects.create_user("nina")
    assert not User.objects.filter(username="nina").exists()
