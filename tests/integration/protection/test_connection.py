"""A site's connection is tried before it is saved, with the answer of AWS in a sentence and nothing written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.models import Event
from protection.models import Site
from tests.factories.protection import ACCOUNT, FRANKFURT

pytestmark = pytest.mark.any_database

ROLE = f"arn:aws:iam::{ACCOUNT}:role/drsorch"
NEW = "/admin/protection/site/try/"
Browser = Callable[[User], Client]


def answer(client: Client, address: str, **typed: str) -> str:
    tried = client.post(address, {"name": "New", "account_id": ACCOUNT, "region": FRANKFURT, **typed})
    assert tried.status_code == 200
    return " ".join(tried.content.decode().split())


def test_what_is_typed_is_tried_and_nothing_is_saved(browser_of: Browser, ada: User, simulator: str) -> None:
    client = browser_of(ada)
    events = Event.objects.count()
    said = answer(client, NEW, endpoint_url=simulator)
    assert "connected" in said
    assert "source servers. Nothing has been saved yet." in said
    assert (Site.objects.count(), Event.objects.count()) == (0, events)


def test_what_aws_refuses_is_said_in_its_words(browser_of: Browser, ada: User, simulator: str) -> None:
    unknown = answer(browser_of(ada), NEW, endpoint_url=simulator, role_arn=f"arn:aws:iam::{ACCOUNT}:role/unknown")
    assert "no answer from DRS" in unknown
    assert "role" in unknown
    elsewhere = answer(browser_of(ada), NEW, endpoint_url=simulator, region="ap-south-1")
    assert "no answer from DRS" in elsewhere


def test_what_cannot_be_a_site_is_not_tried(browser_of: Browser, ada: User) -> None:
    said = answer(browser_of(ada), NEW, account_id="12", region="Frankfurt", role_arn=ROLE)
    assert "not tried" in said
    assert "An AWS account id has 12 digits." in said
    assert "is not a Region of AWS" in said
    assert "belongs to account" in answer(browser_of(ada), NEW, account_id="9" * 12, role_arn=ROLE)
    # The connection is as guarded as a saved one: drsorch is not sent to where it must not go.
    assert "not tried" in answer(browser_of(ada), NEW, endpoint_url="http://169.254.169.254/")


def test_a_saved_site_is_tried_with_the_external_id_that_it_has(
    browser_of: Browser, ada: User, frankfurt: Site
) -> None:
    address = f"/admin/protection/site/{frankfurt.pk}/try/"
    said = answer(browser_of(ada), address, endpoint_url=frankfurt.endpoint_url, account_id=frankfurt.account_id)
    assert "connected" in said


def test_the_external_id_that_is_saved_goes_nowhere_else(
    browser_of: Browser, ada: User, frankfurt: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Site.objects.filter(pk=frankfurt.pk).update(role_arn=ROLE, external_id="a-secret-of-the-site")
    tried: list[str] = []

    def noted(*, site: Site, by: User) -> int:
        tried.append(site.external_id)
        return 0

    monkeypatch.setattr("protection.screens.views.site_try", noted)
    address, here = f"/admin/protection/site/{frankfurt.pk}/try/", frankfurt.endpoint_url
    for role, endpoint in ((ROLE, here), (ROLE, "https://drs.example"), (f"{ROLE}-2", here)):
        answer(browser_of(ada), address, endpoint_url=endpoint, role_arn=role)
    assert tried == ["a-secret-of-the-site", "", ""]


def test_only_who_may_save_a_site_may_try_one(browser_of: Browser, vera: User, frankfurt: Site) -> None:
    for address in (NEW, f"/admin/protection/site/{frankfurt.pk}/try/"):
        assert browser_of(vera).post(address, {"account_id": ACCOUNT, "region": FRANKFURT}).status_code == 403


def test_the_form_offers_regions_an_external_id_and_the_template_of_the_role(browser_of: Browser, ada: User) -> None:
    form = browser_of(ada).get("/admin/protection/site/add/").content.decode()
    assert '<option value="eu-central-1">' in form
    assert "For a new role, take for example " in form
    template = browser_of(ada).get("/admin/protection/site/role-template/")
    assert b"AWS::IAM::Role" in template.content
    assert template["Content-Disposition"] == 'attachment; filename="drsorch-site-role.yaml"'
