"""What was not seen cannot be overwritten: every object that can be edited, by screen and by API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from rest_framework.test import APIClient

from drsorch.api import router
from foundation.rest.views import WriteViewSet
from plans.models import Plan
from plans.services import plan_patch
from protection.models import ProtectionGroup, Site
from protection.services import group_update, site_update
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop
from tests.pages import form_of, shown_form, text_of

Api = Callable[[User], APIClient]
BrowserOf = Callable[[User], Client]


@dataclass
class Everyone:
    """Two people who may edit everything."""

    mia: User
    noah: User


@pytest.fixture
def everyone(db: None) -> Everyone:
    roles = ("administrator", "planner")
    return Everyone(make_user("mia", *roles), make_user("noah", *roles))


@pytest.fixture
def plan(everyone: Everyone) -> Plan:
    """With its groups and their site, none of them saved by anybody else."""
    made = make_web_shop(everyone.mia)
    Site.objects.update(saved_by=everyone.mia)
    ProtectionGroup.objects.update(saved_by=everyone.mia)
    return made


def _site(by: User) -> None:
    site = Site.objects.get()
    site_update(site=site, changes={"role_arn": f"arn:aws:iam::{site.account_id}:role/theirs"}, by=by)


def _group(by: User) -> None:
    group_update(group=ProtectionGroup.objects.get(name="shop-db"), changes={"description": "Theirs."}, by=by)


def _plan(by: User) -> None:
    plan_patch(plan=Plan.objects.get(), changes={"description": "Theirs."}, by=by)


# --- the API ------------------------------------------------------------------------------------------------------

#: basename of the API -> where one is, what somebody else does to it, a change of one's own.
EDITABLE: dict[str, tuple[Callable[[], str], Callable[[User], None], dict[str, Any]]] = {
    "site": (lambda: f"/api/v1/sites/{Site.objects.get().pk}/", _site, {"name": "Mine"}),
    "protection-group": (lambda: "/api/v1/protection-groups/shop-db/", _group, {"tag_selector": {}}),
    "plan": (lambda: f"/api/v1/plans/{Plan.objects.get().pk}/", _plan, {"approvals_required": 3}),
}
WRITABLE = [basename for _, viewset, basename in router.registry if issubclass(viewset, WriteViewSet)]


def row_of(basename: str) -> tuple[str, Callable[[User], None], dict[str, Any]]:
    assert basename in EDITABLE, f"say in EDITABLE how a {basename} is edited"
    address, theirs, mine = EDITABLE[basename]
    return address(), theirs, mine


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("basename", WRITABLE)
def test_the_version_in_a_body_is_the_expected_one(
    api: Api, everyone: Everyone, plan: Plan, basename: str, method: str
) -> None:
    url, theirs, mine = row_of(basename)
    seen = api(everyone.mia).get(url)
    body = {**seen.json(), **mine} if method == "put" else {**mine, "version": seen.json()["version"]}
    theirs(everyone.noah)
    after = api(everyone.mia).get(url).json()
    stale = getattr(api(everyone.mia), method)(url, body)
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:drsorch:problem:stale")
    both = getattr(api(everyone.mia), method)(url, body, headers={"If-Match": api(everyone.mia).get(url)["ETag"]})
    assert both.status_code == 412
    assert api(everyone.mia).get(url).json() == after
    nonsense = getattr(api(everyone.mia), method)(url, {**body, "version": "one"})
    assert (nonsense.status_code, nonsense.json()["errors"][0]["attr"]) == (400, "version")


@pytest.mark.parametrize("basename", WRITABLE)
def test_a_put_that_says_no_version_does_not_replace_what_somebody_else_saved(
    api: Api, everyone: Everyone, plan: Plan, basename: str
) -> None:
    url, theirs, mine = row_of(basename)
    whole = {**api(everyone.mia).get(url).json(), **mine}
    del whole["version"]
    theirs(everyone.noah)
    refused = api(everyone.mia).put(url, whole)
    assert (refused.status_code, refused.json()["type"]) == (428, "urn:drsorch:problem:version-needed")
    assert "noah saved the current version" in refused.json()["detail"]
    # Who saved it has seen it; and who says so overwrites anything.
    assert api(everyone.noah).put(url, whole).status_code != 428
    theirs(everyone.noah)
    assert api(everyone.mia).put(url, whole, headers={"If-Match": "*"}).status_code != 428


# --- screens ------------------------------------------------------------------------------------------------------


def _user(by: User) -> None:
    omar = User.objects.get(username="omar")
    omar.groups.remove(Group.objects.get(name="operator"))


def _board_url() -> str:
    return f"/admin/plans/plan/{Plan.objects.get().pk}/board/"


#: One wave less than there is.
BOARD = (
    '{"waves": [{"key": "w0", "was": "Databases", "name": "Databases", "waits_for": [], "groups": ["shop-db"]}],'
    ' "deleted": ["App", "Reports", "Web"]}'
)
#: name -> (address of the page, what somebody else does, what is typed, what the answer says of theirs)
SCREENS: dict[str, tuple[Callable[[], str], Callable[[User], None], dict[str, Any], str]] = {
    "site": (
        lambda: f"/admin/protection/site/{Site.objects.get().pk}/change/",
        _site,
        {"name": "Mine"},
        ":role/theirs”",
    ),
    "group": (
        lambda: f"/admin/protection/protectiongroup/{ProtectionGroup.objects.get(name='shop-db').pk}/change/",
        _group,
        {"name": "mine", "tag_selector": ""},
        "Description: was empty, is now “Theirs.”",
    ),
    "settings": (
        lambda: f"/admin/plans/plan/{Plan.objects.get().pk}/settings/",
        _plan,
        {"name": "Mine"},
        "description: was",
    ),
    "wave": (
        lambda: f"/admin/plans/plan/{Plan.objects.get().pk}/wave/?name=Web",
        _plan,
        {"name": "Mine"},
        "description: was",
    ),
    "board": (_board_url, _plan, {"board": BOARD}, "description: was"),
    "user": (
        lambda: f"/admin/auth/user/{User.objects.get(username='omar').pk}/change/",
        _user,
        {"first_name": "Mine"},
        "Roles: 1 removed.",
    ),
}


@pytest.mark.parametrize("screen", SCREENS)
def test_a_second_save_does_not_overwrite_what_its_reader_has_not_seen(
    browser_of: BrowserOf, everyone: Everyone, plan: Plan, omar: User, screen: str
) -> None:
    address, theirs, typed, said = SCREENS[screen]
    client, url = browser_of(everyone.mia), address()
    sent = {**shown_form(client, url), **typed}
    theirs(everyone.noah)
    before = _everything()
    for _ in range(2):
        refused = client.post(url, sent)
        assert refused.status_code == 409
        assert said in text_of(refused)
        assert "Mine" in refused.content.decode() or "mine" in refused.content.decode() or screen == "board"
        assert _everything() == before
        # As the page came back, with everything that was typed; the tick is the reader's to set. The board stays.
        again = form_of(refused)
        assert "overwrite" not in again
        sent = sent if screen == "board" else again
    seen = refused.content.decode().split('name="overwrite" value="')[1].split('"')[0]
    assert client.post(url, {**sent, "overwrite": seen}).status_code in (200, 302)
    assert _everything() != before


@pytest.mark.parametrize("screen", SCREENS)
def test_a_save_that_carries_no_version_saves_nothing(
    browser_of: BrowserOf, everyone: Everyone, plan: Plan, omar: User, screen: str
) -> None:
    address, _, typed, _ = SCREENS[screen]
    client, url = browser_of(everyone.mia), address()
    sent = {**shown_form(client, url), **typed}
    for name in ("version", "expected_version"):
        sent.pop(name, None)
    before = _everything()
    assert client.post(url, sent).status_code == 409
    assert _everything() == before


def test_the_page_of_a_user_does_not_carry_the_hash_of_the_password(
    browser_of: BrowserOf, everyone: Everyone, omar: User
) -> None:
    page = browser_of(everyone.mia).get(f"/admin/auth/user/{omar.pk}/change/").content.decode()
    assert omar.password.split("$")[-1] not in page


#: Deleting: what is looked at may have become something else.
DELETED: dict[str, tuple[Callable[[], str], Callable[[User], None]]] = {
    "site": (lambda: f"/admin/protection/site/{Site.objects.get().pk}/delete/", _site),
    "group": (
        lambda: f"/admin/protection/protectiongroup/{ProtectionGroup.objects.get(name='shop-db').pk}/delete/",
        _group,
    ),
    "plan": (lambda: f"/admin/plans/plan/{Plan.objects.get().pk}/delete/", _plan),
}


def test_a_wave_that_was_changed_since_is_not_deleted(browser_of: BrowserOf, everyone: Everyone, plan: Plan) -> None:
    client, url = browser_of(everyone.mia), f"/admin/plans/plan/{plan.pk}/wave/?name=Web"
    sent = {**shown_form(client, url), "delete": "1"}
    _plan(everyone.noah)
    refused = client.post(url, sent)
    assert (refused.status_code, Plan.objects.get().waves.count()) == (409, 4)
    assert client.post(url, {**sent, "overwrite": "2"}).status_code == 302
    assert Plan.objects.get().waves.count() == 3


@pytest.mark.parametrize("screen", DELETED)
def test_what_was_changed_since_is_not_deleted(
    browser_of: BrowserOf, everyone: Everyone, plan: Plan, screen: str
) -> None:
    address, theirs = DELETED[screen]
    client, url = browser_of(everyone.mia), address()
    sent = shown_form(client, url)
    theirs(everyone.noah)
    before = _everything()
    refused = client.post(url, sent, follow=True)
    assert "in the meantime" in text_of(refused) or "noah saved revision 2" in text_of(refused)
    assert _everything() == before


def _everything() -> list[Any]:
    rows: list[Any] = []
    for model in (Site, ProtectionGroup, Plan):
        rows += model._default_manager.order_by("pk").values()
    rows += User.objects.order_by("pk").values("username", "first_name", "is_active")
    rows += User.objects.order_by("pk", "groups").values("username", "groups")
    return rows
