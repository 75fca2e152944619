"""One DRS is one site: two executions at two sites of one DRS would replace each other's instances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from rest_framework.test import APIClient

from protection.models import Site, SourceServer
from tests.factories.protection import ACCOUNT, FRANKFURT, SiteFactory, mirror_now

pytestmark = pytest.mark.either_database

Api = Callable[[User], APIClient]
SITE = {"name": "Again", "account_id": ACCOUNT, "region": FRANKFURT}
SPELLINGS = [
    ("http://drs.example:8001", "http://DRS.example:8001/"),
    ("http://localhost:8001", "http://127.0.0.1:8001"),
    ("https://drs.example", "https://drs.example:443"),
    ("", "https://drs.eu-central-1.amazonaws.com"),
]


@pytest.fixture(autouse=True)
def an_empty_endpoint_is_that_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_a_second_spelling_is_refused_when_a_site_is_created(api: Api, ada: User, one: str, other: str) -> None:
    SiteFactory.create(name="Frankfurt", account_id=ACCOUNT, region=FRANKFURT, endpoint_url=one)
    refused = api(ada).post("/api/v1/sites/", {**SITE, "endpoint_url": other})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "unique"
    assert "“Frankfurt”" in refused.json()["detail"]
    assert Site.objects.count() == 1


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_and_when_it_is_changed(api: Api, ada: User, one: str, other: str) -> None:
    SiteFactory.create(name="Frankfurt", account_id=ACCOUNT, region=FRANKFURT, endpoint_url=one)
    elsewhere = SiteFactory.create(name="Again", account_id=ACCOUNT, region=FRANKFURT, endpoint_url="http://other:1")
    refused = api(ada).patch(f"/api/v1/sites/{elsewhere.pk}/", {"endpoint_url": other})
    assert refused.status_code == 400
    assert Site.objects.get(pk=elsewhere.pk).endpoint_url == "http://other:1"


def test_and_on_the_screen(browser_of: Callable[[User], Client], ada: User) -> None:
    SiteFactory.create(name="Frankfurt", account_id=ACCOUNT, region=FRANKFURT, endpoint_url="http://drs.example:8001")
    typed: dict[str, Any] = {
        **SITE, "endpoint_url": "http://DRS.example:8001/", "role_arn": "", "external_id": "", "job_tags": "on",
        "expected_version": "",
    }  # fmt: skip
    shown = browser_of(ada).post("/admin/protection/site/add/", typed)
    assert "Another site already has this account, Region and endpoint: “Frankfurt”" in shown.content.decode()
    assert Site.objects.count() == 1


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_the_database_takes_no_second_one_either(db: None, one: str, other: str) -> None:
    Site.objects.create(name="Frankfurt", account_id=ACCOUNT, region=FRANKFURT, endpoint_url=one)
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.create(name="Again", account_id=ACCOUNT, region=FRANKFURT, endpoint_url=other)


def test_a_site_without_an_endpoint_is_where_the_aws_variables_lead(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DRS", "http://drs.example:8001")
    SiteFactory.create(name="Frankfurt", account_id=ACCOUNT, region=FRANKFURT)
    refused = api(ada).post("/api/v1/sites/", {**SITE, "endpoint_url": "http://drs.example:8001/"})
    assert refused.status_code == 400


def test_what_drs_says_it_is_counts(frankfurt: Site, simulator: str) -> None:
    """A name that cannot be told from another by its spelling: the same source servers are there."""
    mirror_now(frankfurt.pk)
    twin = SiteFactory.create(name="Twin", account_id=ACCOUNT, region=FRANKFURT, endpoint_url="http://other.example:1")
    Site.objects.filter(pk=twin.pk).update(endpoint_url=simulator)
    mirror_now(twin.pk)
    twin.refresh_from_db()
    assert "the same DRS as site “Frankfurt”" in twin.sync_error
    assert twin.last_synced_at is None
    assert not SourceServer.objects.at(twin).exists()
    mirror_now(frankfurt.pk)
    frankfurt.refresh_from_db()
    assert frankfurt.sync_error == ""
