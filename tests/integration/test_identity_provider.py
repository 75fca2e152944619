"""Signing in by an identity provider: Canaille, in a process of its own (tests/identity_provider.py), over HTTP.

A wrong audience, a new key, a key that is not the provider's and a changed nonce are made there, or on the way. A token
that has expired is a real one, seen an hour and more later: Canaille issues none that is too old.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from access.accounts.service_accounts import service_account_create
from access.identity import discovery
from access.identity.mapping import link_save, provider_group_create
from access.models import ProviderGroup, ProviderRole, Role, ScopeKind
from audit.models import Event
from foundation.errors import Invalid
from protection.services import site_delete
from tests.factories.people import make_user
from tests.factories.protection import SiteFactory
from tests.factories.trail import faults_found
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, Visitor
from tests.services import free_port

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
BEGIN = "/accounts/oidc/login/"


@pytest.fixture(scope="module")
def canaille() -> Iterator[IdentityProvider]:
    provider = IdentityProvider(free_port())
    yield provider
    provider.stop()


@pytest.fixture
def provider(canaille: IdentityProvider, settings: Any, ada: User) -> Iterator[IdentityProvider]:
    """The provider, with two groups that give a role here."""
    canaille.say("forget_codes")
    settings.DRSORCH_OUTBOUND_ALLOW = ()  # whoever the setting names may stand on this machine
    settings.DRSORCH_OIDC_ISSUER = canaille.issuer
    settings.DRSORCH_OIDC_CLIENT_ID, settings.DRSORCH_OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    settings.DRSORCH_OIDC_NAME = "Example ID"
    settings.DRSORCH_OIDC_SCOPES = ["openid", "profile", "email", "groups"]
    discovery.forget()
    for group, role in {"dr-operators": "operator", "dr-approvers": "approver"}.items():
        provider_group_create(name=group, role=Role.objects.get(name=role), by=ada)
    yield canaille
    assert faults_found() == []


def sign_in(username: str, client: Client | None = None, change: tuple[str, str] = ("", ""), **query: str) -> Any:
    """What drsorch answers in the end, after its page, the provider's forms and the way back."""
    client = client or Client()
    there = client.get(BEGIN, query)
    assert there.status_code == 302, there.content.decode()
    back = Visitor().goes(there["Location"].replace(*change), username)
    return client.get(back)


def told(page: Any) -> str:
    return str(page.context["detail"])


def roles(username: str) -> list[str]:
    return sorted(User.objects.get(username=username).groups.values_list("name", flat=True))


def events(type: str) -> list[Event]:
    return list(Event.objects.filter(type=type).order_by("id"))


def test_who_is_in_a_group_gets_in_with_its_role(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators", "everyone")
    client = Client()
    page = client.get("/accounts/login/?next=/admin/plans/plan/").content.decode()
    assert "Continue with Example ID" in page
    assert "/accounts/oidc/login/?next=%2Fadmin%2Fplans%2Fplan%2F" in page
    assert sign_in("omar", client, next="/admin/plans/plan/")["Location"] == "/admin/plans/plan/"
    assert client.get("/api/v1/me/").json()["roles"] == ["operator"]
    omar = User.objects.get(username="omar")
    assert (omar.email, omar.is_staff, omar.has_usable_password()) == ("omar@example.com", True, False)
    assert [link.provider for link in SocialAccount.objects.filter(user=omar)] == [provider.issuer]
    created, entered = events("user.created")[-1], events("user.signed_in")[-1]
    assert created.actor == "identity provider"
    assert created.detail["after"]["provider_roles"] == ["operator"]
    assert entered.detail["by"] == ["identity provider"]


def test_pkce_and_a_nonce_are_sent(provider: IdentityProvider) -> None:
    there = Client().get(BEGIN)["Location"]
    assert "code_challenge_method=S256" in there
    assert "nonce=" in there
    assert "state=" in there


def test_a_role_follows_the_groups_and_one_given_by_hand_stays(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators", "dr-approvers")
    sign_in("omar")
    omar = User.objects.get(username="omar")
    omar.groups.add(Group.objects.get(name="planner"))
    assert roles("omar") == ["approver", "operator", "planner"]
    provider.person("omar", "dr-approvers")
    sign_in("omar")
    assert roles("omar") == ["approver", "planner"]
    provider.person("omar")
    assert sign_in("omar")["Location"] == "/admin/"
    assert roles("omar") == ["planner"]
    assert not ProviderRole.objects.exists()
    assert [event.actor for event in events("user.roles_changed")] == ["drsorch", *["identity provider"] * 2]


def test_a_role_that_was_given_by_hand_before_is_not_taken_away(provider: IdentityProvider, ada: User) -> None:
    omar = make_user("omar", "operator")
    link_save(user=omar, subject="omar", by=ada)
    provider.person("omar", "dr-operators")
    sign_in("omar")
    provider.person("omar")
    sign_in("omar")
    assert roles("omar") == ["operator"]


def test_who_is_in_no_group_is_refused_and_loses_what_the_groups_gave(provider: IdentityProvider) -> None:
    provider.person("omar", "everyone")
    page = sign_in("omar")
    assert page.status_code == 403
    assert "You are in no group that has a role in drsorch. Ask an administrator" in told(page)
    assert not User.objects.filter(username="omar").exists()
    provider.person("omar", "dr-operators")
    sign_in("omar")
    provider.person("omar")
    assert sign_in("omar").status_code == 403
    assert roles("omar") == []
    assert "no group" in events("attempt.refused")[-1].detail["why"]


def test_nobody_takes_over_a_local_account_by_its_name_or_address(provider: IdentityProvider, ada: User) -> None:
    omar = make_user("OMAR", "planner", email="omar@example.com")
    provider.person("omar", "dr-operators")
    client = Client()
    page = sign_in("omar", client)
    assert page.status_code == 403
    assert "There is a user omar in drsorch already, who is not linked to you." in told(page)
    assert "your identifier is omar" in told(page)
    assert client.get("/admin/").status_code == 302
    assert roles("OMAR") == ["planner"]

    admin = Client()
    admin.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    assert admin.post("/admin/access/providerlink/add/", {"user": omar.pk, "uid": "omar"}).status_code == 302
    assert sign_in("omar", client).status_code == 302
    assert roles("OMAR") == ["operator", "planner"]
    [linked] = events("user.linked")
    assert (linked.actor, linked.detail["after"]) == ("ada", {"provider_links": [f"{provider.issuer} omar"]})
    link = SocialAccount.objects.get()
    assert client.get("/admin/").status_code == 200
    assert admin.post(f"/admin/access/providerlink/{link.pk}/delete/", {"post": "yes"}).status_code == 302
    assert roles("OMAR") == ["planner"]
    assert len(events("user.changed")) == 1, "the link and its roles went together"
    assert client.get("/admin/").status_code == 302, "whoever was linked is signed out"


def test_a_service_account_is_nobody_at_the_provider(provider: IdentityProvider, ada: User) -> None:
    robot = service_account_create(name="nightly", purpose="Drills by night.", by=ada)
    with pytest.raises(Invalid, match="which no person signs in as"):
        link_save(user=robot, subject="omar", by=ada)


def test_who_is_inactive_stays_out(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    sign_in("omar")
    User.objects.filter(username="omar").update(is_active=False)
    page = sign_in("omar", client := Client())
    assert (page.status_code, "inactive" in told(page)) == (403, True)
    assert client.get("/admin/").status_code == 302
    User.objects.filter(username="omar").update(is_active=True)


def test_a_second_factor_of_ours_is_asked_for_as_well(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    sign_in("omar")
    Authenticator.objects.create(user=User.objects.get(username="omar"), type="totp", data={"secret": "x"})
    assert sign_in("omar")["Location"] == "/accounts/2fa/authenticate/"


def not_believed(page: Any, why: str) -> None:
    assert page.status_code == 400
    assert "could not be verified" in told(page)
    assert page.wsgi_request.user.is_anonymous
    assert not User.objects.filter(username="omar").exists()
    assert why in events("attempt.bad_id_token")[-1].detail["why"]


def test_a_new_key_is_asked_for(provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.person("omar", "dr-operators")
    sign_in("omar")
    provider.say("rotate")
    monkeypatch.setattr(discovery, "ANEW_SECONDS", 0)
    assert sign_in("omar")["Location"] == "/admin/"


def test_a_key_that_the_provider_does_not_show_is_not_believed(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    Client().get(BEGIN)
    discovery.keys()
    provider.say("rotate")
    not_believed(sign_in("omar"), "with a key")  # they were asked for a moment ago


def test_another_key_of_the_same_name_is_not_believed(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    discovery.keys()
    provider.say("rotate", same_id=True)
    not_believed(sign_in("omar"), "Signature verification failed")


def test_a_token_for_another_application_is_not_believed(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    provider.say("audience", other=True)
    try:
        not_believed(sign_in("omar"), "Audience")
    finally:
        provider.say("audience", other=False)


def test_a_token_that_has_expired_is_not_believed(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    with time_machine.travel(timezone.now().timestamp() + 10 * 3600, tick=True):
        not_believed(sign_in("omar"), "expired")


def test_a_token_of_another_sign_in_is_not_believed(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    not_believed(sign_in("omar", change=("nonce=", "nonce=another")), "nonce")


def test_a_code_that_somebody_else_obtained_is_worth_nothing(provider: IdentityProvider) -> None:
    """PKCE: the code is bound to the session that asked for it."""
    provider.person("omar", "dr-operators")
    mine, theirs = Client(), Client()
    state = mine.get(BEGIN)["Location"].partition("state=")[2].partition("&")[0]
    stolen = Visitor().goes(theirs.get(BEGIN)["Location"], "omar")
    code = stolen.partition("code=")[2].partition("&")[0]
    page = mine.get("/accounts/oidc/callback/", {"code": code, "state": state, "iss": provider.issuer})
    assert page.status_code == 400
    assert "invalid_grant" in events("attempt.bad_id_token")[-1].detail["why"]
    assert mine.get("/admin/").status_code == 302


def test_an_answer_of_another_provider_is_not_believed(provider: IdentityProvider) -> None:
    """RFC 9207, which Canaille follows: the answer says whose it is."""
    provider.person("omar", "dr-operators")
    client = Client()
    back = Visitor().goes(client.get(BEGIN)["Location"], "omar")
    assert "iss=http" in back
    not_believed(client.get(back.replace("iss=http", "iss=https")), "Another provider")
    back = Visitor().goes(client.get(BEGIN)["Location"], "omar")
    not_believed(client.get(back.replace("iss=http", "is=http")), "Another provider")


def test_a_way_back_is_good_once_and_in_its_own_browser(provider: IdentityProvider) -> None:
    provider.person("omar", "dr-operators")
    client = Client()
    back = Visitor().goes(client.get(BEGIN)["Location"], "omar")
    assert "another browser" in told(Client().get(back))
    assert client.get(back)["Location"] == "/admin/"
    assert "finished already" in told(client.get(back))


def test_who_declines_at_the_provider_is_told_so(provider: IdentityProvider) -> None:
    client = Client()
    state = client.get(BEGIN)["Location"].partition("state=")[2].partition("&")[0]
    page = client.get("/accounts/oidc/callback/", {"error": "access_denied", "state": state})
    assert told(page) == "You did not finish signing in at Example ID."


def test_another_website_sends_nobody_to_the_provider(provider: IdentityProvider) -> None:
    assert Client(headers={"Sec-Fetch-Site": "cross-site"}).get(BEGIN)["Location"] == "/accounts/login/"


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example/"])
def test_another_site_is_not_a_place_to_go_to(provider: IdentityProvider, next: str) -> None:
    provider.person("omar", "dr-operators")
    assert sign_in("omar", next=next)["Location"] == "/admin/"


def test_an_issuer_that_calls_itself_otherwise_is_not_asked_for_anybody(provider: Any, settings: Any) -> None:
    settings.DRSORCH_OIDC_ISSUER = provider.issuer.replace("localhost", "127.0.0.1")
    page = Client().get(BEGIN)
    assert page.status_code == 503
    assert "Example ID does not answer, or not as expected." in told(page)


def test_the_same_identifier_at_another_provider_is_somebody_else(provider: Any, settings: Any, ada: User) -> None:
    dana = make_user("dana", "recovery manager")
    SocialAccount.objects.create(user=dana, provider="https://id.example.com", uid="omar")
    provider.person("omar", "dr-operators")
    sign_in("omar", client := Client())
    assert client.get("/api/v1/me/").json()["username"] == "omar"
    [fault] = faults_found()
    assert "provider_links is ['https://id.example.com omar'], and the audit trail says" in fault.message
    SocialAccount.objects.filter(user=dana).delete()


def test_while_the_provider_is_down_people_sign_in_locally(provider: Any, settings: Any, dana: User) -> None:
    settings.DRSORCH_OIDC_ISSUER = f"http://localhost:{free_port()}"
    client = Client()
    page = client.get(BEGIN)
    assert page.status_code == 503
    assert "If you have a password here, you can sign in with that." in told(page)
    assert client.get("/accounts/login/").status_code == 200
    from tests.factories.people import PASSWORD

    assert client.post("/accounts/login/", {"login": "dana", "password": PASSWORD})["Location"] == "/admin/"


def test_without_local_accounts_people_come_from_the_provider(provider: Any, settings: Any) -> None:
    settings.DRSORCH_LOCAL_ACCOUNTS, settings.DRSORCH_MFA_ROLES = False, ["operator"]
    provider.person("omar", "dr-operators")
    client = Client()
    sign_in("omar", client)
    assert client.get("/admin/").status_code == 200, "the provider asks for a second factor, if anyone does"
    assert client.get("/api/v1/me/").status_code == 200
    assert [event.actor for event in events("user.signed_in")] == ["omar"]
    assert not events("user.break_glass_signed_in")


def test_a_row_of_the_table_that_is_deleted_takes_the_role_at_the_next_sign_in(provider: Any, ada: User) -> None:
    provider.person("omar", "dr-operators", "dr-approvers")
    sign_in("omar")
    admin = Client()
    admin.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    row = ProviderGroup.objects.get(name="dr-operators")
    admin.post(f"/admin/access/providergroup/{row.pk}/delete/", {"post": "yes"})
    sign_in("omar")
    assert roles("omar") == ["approver"]
    assert [event.actor for event in events("provider_group.deleted")] == ["ada"]


def test_a_group_gives_a_role_at_one_site_alone(provider: IdentityProvider, ada: User) -> None:
    paris, berlin = SiteFactory.create(name="Paris"), SiteFactory.create(name="Berlin")
    operator = Role.objects.get(name="operator")
    provider_group_create(name="dr-paris", role=operator, kind=ScopeKind.SITE, target=paris.pk, by=ada)
    admin = Client()
    admin.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    added = {"name": "dr-berlin", "role": operator.pk, "where": f"site:{berlin.pk}"}
    assert admin.post("/admin/access/providergroup/add/", added).status_code == 302
    provider.person("omar", "dr-paris", "dr-berlin")
    sign_in("omar")
    omar = User.objects.get(username="omar")
    assert (roles("omar"), limited(omar)) == ([], {"Paris", "Berlin"})
    provider.person("omar", "dr-berlin")
    sign_in("omar")
    assert limited(omar) == {"Berlin"}
    site_delete(site=berlin, by=ada, expected_version=berlin.version)
    assert [row.name for row in ProviderGroup.objects.filter(kind="site")] == ["dr-paris"]
    assert not ProviderRole.objects.filter(user=omar).exists()
    assert sign_in("omar").status_code == 403, "no role is left"


def limited(user: User) -> set[str]:
    return set(user.assignments.values_list("target_name", flat=True))


# --- to confirm who one is -----------------------------------------------------------------------------------------


CONFIRM = "/accounts/reauthenticate/?next=/admin/auth/user/"


def asked_again(client: Client) -> str:
    """Where the page that asks leads whoever came from the provider."""
    page = client.get(client.get(CONFIRM)["Location"])
    there = client.get(page.context["there"])["Location"]
    assert "prompt=login" in there
    assert "max_age=300" in there
    return str(there)


def old(client: Client) -> None:
    """As if the session had been signed in to long ago."""
    session = client.session
    session["drsorch_signed_in_at"] -= 1000
    session.save()


def adds_a_group(client: Client) -> Any:
    role = Role.objects.get(name="viewer").pk
    return client.post("/admin/access/providergroup/add/", {"name": "dr-viewers", "role": role})


@pytest.fixture
def confirming(provider: IdentityProvider, settings: Any, ada: User) -> Client:
    """A browser of omar's, who came from the provider long ago and is an administrator."""
    settings.DRSORCH_RECENT_SIGN_IN_SECONDS = 900
    provider_group_create(name="dr-admins", role=Role.objects.get(name="administrator"), by=ada)
    provider.person("omar", "dr-admins")
    provider.person("nina", "dr-admins")
    client = Client()
    sign_in("omar", client)
    old(client)
    assert adds_a_group(client)["Location"].startswith("/accounts/reauthenticate/")
    return client


def test_a_session_that_the_provider_still_had_is_no_recent_sign_in(provider: Any, settings: Any, ada: User) -> None:
    """Whoever sits at an open laptop gets a new session without a password: it starts no recovery."""
    settings.DRSORCH_RECENT_SIGN_IN_SECONDS = 900
    provider_group_create(name="dr-admins", role=Role.objects.get(name="administrator"), by=ada)
    provider.person("omar", "dr-admins")
    client = Client()
    with time_machine.travel(timezone.now().timestamp() + 1000, tick=True):
        assert sign_in("omar", client)["Location"] == "/admin/"  # the provider's clock says that it is long ago
        assert client.get("/admin/").status_code == 200
        assert adds_a_group(client)["Location"].startswith("/accounts/reauthenticate/")


def test_who_came_from_the_provider_confirms_there(confirming: Client) -> None:
    back = Visitor().goes(asked_again(confirming), "omar")
    assert confirming.get(back)["Location"] == "/admin/auth/user/"
    assert adds_a_group(confirming)["Location"] == "/admin/access/providergroup/"
    assert [event.actor for event in events("user.confirmed")] == ["omar"]


def test_somebody_else_at_the_provider_confirms_nothing(confirming: Client) -> None:
    page = confirming.get(Visitor().goes(asked_again(confirming), "nina"))
    assert (page.status_code, "someone else" in told(page)) == (403, True)
    assert adds_a_group(confirming)["Location"].startswith("/accounts/reauthenticate/")


def test_a_session_at_the_provider_that_is_old_confirms_nothing(provider: Any, confirming: Client) -> None:
    """A person can have their browser leave out that the provider is to ask anew; `auth_time` tells."""
    visitor = Visitor()
    visitor.goes(Client().get(BEGIN)["Location"], "omar")
    provider.say("forget_codes")
    there = asked_again(confirming).replace("prompt=login", "prompt=none").replace("max_age=300", "max_age=9999")
    session = confirming.session
    for state, *_ in session["socialaccount_states"].values():
        state["asked_at"] += 400  # as if the session there were that much older
    session.save()
    page = confirming.get(visitor.goes(there, "omar"))
    assert page.status_code == 403
    assert "did not ask you to sign in again" in told(page)
    assert adds_a_group(confirming)["Location"].startswith("/accounts/reauthenticate/")
