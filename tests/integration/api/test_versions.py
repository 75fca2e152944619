"""`version`, `ETag` and `If-Match`, on sites: the one way all editable objects go."""

from __future__ import annotations

from typing import Any

import pytest

from protection.models import Site

pytestmark = pytest.mark.either_database

SITE = {"name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1"}


@pytest.fixture
def site(api: Any, ada: Any) -> Any:
    """A site just made, as answered."""
    response = api(ada).post("/api/v1/sites/", SITE)
    assert response.status_code == 201, response.content
    return response


def address(site: Any) -> str:
    return f"/api/v1/sites/{site.json()['id']}/"


def test_every_answer_that_shows_an_object_carries_its_version(api, ada, site):
    assert site.headers["ETag"].startswith(f'"{site.json()["version"]}-')
    assert site.headers["Location"].endswith(address(site))
    assert api(ada).get(address(site)).headers["ETag"] == site.headers["ETag"]
    changed = api(ada).patch(address(site), {"name": "FRA"})
    assert changed.headers["ETag"].startswith(f'"{changed.json()["version"]}-')
    assert changed.headers["ETag"] != site.headers["ETag"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_change_of_what_somebody_else_changed_first_is_a_412(api, ada, site, method):
    seen = site.headers["ETag"]
    api(ada).patch(address(site), {"name": "FRA"})
    body = None if method == "delete" else {**SITE, "name": "Mine"}
    stale = getattr(api(ada), method)(address(site), body, headers={"If-Match": seen})
    assert stale.status_code == 412
    assert stale.headers["Content-Type"] == "application/problem+json"
    assert api(ada).get(address(site)).json()["name"] == "FRA"


@pytest.mark.parametrize("tag", ['"1"', '"7", "1"', "*", 'W/"1"', '"1-0123456789abcdef"', 'W/"1-0123456789abcdef"'])
def test_a_tag_that_fits_lets_the_change_through(api, ada, site, tag):
    """By the version alone: what else was so when it was read is no matter to a change. Who compresses weakens a
    tag."""
    assert site.json()["version"] == 1
    assert api(ada).patch(address(site), {"name": "FRA"}, headers={"If-Match": tag}).status_code == 200


@pytest.mark.parametrize("tag", ['"2"', '"2-0123456789abcdef"', '"1-"', '"1-x"', '"abc"', "1", "", '"7", "8"'])
def test_any_other_tag_is_stale(api, ada, site, tag):
    assert api(ada).patch(address(site), {"name": "FRA"}, headers={"If-Match": tag}).status_code == 412


def test_what_changes_without_being_edited_is_no_304_and_stands_in_the_way_of_no_change(api, ada, site):
    """A site is polled until it has been synced: its version stays, its answer does not."""
    seen = site.headers["ETag"]
    assert api(ada).get(address(site), headers={"If-None-Match": seen}).status_code == 304
    Site.objects.update(sync_error="DRS does not answer.")
    fresh = api(ada).get(address(site), headers={"If-None-Match": seen})
    assert (fresh.status_code, fresh.json()["version"], fresh.json()["sync_error"]) == (200, 1, "DRS does not answer.")
    assert fresh.headers["ETag"] != seen
    assert api(ada).patch(address(site), {"name": "FRA"}, headers={"If-Match": seen}).status_code == 200


def test_without_a_tag_the_last_writer_wins(api, ada, site):
    assert api(ada).patch(address(site), {"name": "FRA"}).status_code == 200
