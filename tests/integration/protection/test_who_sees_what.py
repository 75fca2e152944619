"""What a site is reached by is shown to those who may change it; a server is found by whatever people know it by."""

from __future__ import annotations

from typing import Any

import pytest

from access.policy import POLICY, ROLES
from protection.models import Site
from tests.factories.people import make_user
from tests.factories.protection import ServerFactory, SiteFactory

pytestmark = pytest.mark.either_database

ROLE = "arn:aws:iam::111122223333:role/drsorch"
SECRETS = ("an-external-id", "hunter2", ROLE)


@pytest.fixture
def site(db: None) -> Site:
    return SiteFactory.create(
        name="Frankfurt", account_id="111122223333", role_arn=ROLE, external_id="an-external-id",
        endpoint_url="https://user:hunter2@drs.example.com",
    )  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_external_ids_and_credentials_are_shown_to_nobody_and_roles_to_who_may_change_sites(
    api: Any, browser_of: Any, site: Site, role: str
) -> None:
    reader = make_user("", role)
    pages = [
        browser_of(reader).get(f"/admin/protection/site/{path}").content.decode() for path in ("", f"{site.pk}/change/")
    ]
    answers = [api(reader).get(f"/api/v1/sites/{path}").content.decode() for path in ("", f"{site.pk}/")]
    for shown in (*pages, *answers):
        assert "an-external-id" not in shown
        assert role == "administrator" or "hunter2" not in shown
        assert role == "administrator" or ROLE not in shown
    answer = api(reader).get(f"/api/v1/sites/{site.pk}/")
    if role not in POLICY["protection.view_site"]:
        assert answer.status_code == 403
        return
    shown = answer.json()
    assert shown["has_external_id"] is True
    assert "external_id" not in shown
    assert shown["endpoint_url"] == "https://drs.example.com"
    assert shown["role_arn"] == (ROLE if role == "administrator" else None)


def test_a_form_that_is_saved_without_an_external_id_keeps_it_until_it_is_removed(browser_of: Any, ada: Any) -> None:
    site = SiteFactory.create(name="Frankfurt", account_id="111122223333", external_id="an-external-id")
    form = {"name": "Main", "account_id": "111122223333", "region": site.region, "role_arn": "", "external_id": "",
            "endpoint_url": "", "job_tags": "on", "expected_version": "1"}  # fmt: skip
    address = f"/admin/protection/site/{site.pk}/change/"
    assert browser_of(ada).post(address, form).status_code == 302
    site.refresh_from_db()
    assert (site.name, site.external_id) == ("Main", "an-external-id")
    assert (
        browser_of(ada).post(address, {**form, "expected_version": "2", "remove_external_id": "on"}).status_code == 302
    )
    site.refresh_from_db()
    assert site.external_id == ""


@pytest.mark.parametrize(
    "known_as", ["ip-10-0-0-1", "Shop DB 1", "i-0aaaaaaaaaaaaaaa1", "s-11111111111111111", "shop DB"]
)
def test_a_server_is_found_by_what_people_know_it_by(api: Any, browser_of: Any, vera: Any, known_as: str) -> None:
    ServerFactory.create(hostname="ip-10-0-0-2")
    server = ServerFactory.create(
        hostname="ip-10-0-0-1", source_server_id="s-11111111111111111", tags={"Name": "Shop DB 1"},
        aws_instance_id="i-0aaaaaaaaaaaaaaa1",
    )  # fmt: skip
    found = api(vera).get("/api/v1/source-servers/", {"search": known_as}).json()["results"]
    assert [(one["name_tag"], one["aws_instance_id"]) for one in found] == [("Shop DB 1", "i-0aaaaaaaaaaaaaaa1")]
    page = browser_of(vera).get("/admin/protection/sourceserver/", {"q": known_as}).content.decode()
    assert all(text in page for text in ("Shop DB 1", "s-11111111111111111", "i-0aaaaaaaaaaaaaaa1"))
    assert "ip-10-0-0-2" not in page
    offered = browser_of(vera).get("/admin/protection/protectiongroup/servers/", {"term": known_as}).json()["results"]
    assert [one["text"].partition(" · ")[2] for one in offered] == [
        f"Shop DB 1 · s-11111111111111111 · i-0aaaaaaaaaaaaaaa1 · {server.site}"
    ]
