"""Plans as code at their doors: odd bodies, who may only look, what takes two persons, which files are read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from access.services import token_issue
from audit.models import Event
from foundation.files.yaml_text import written
from plans.models import Plan
from protection.models import Site
from tests.integration.plans.test_bundle import GIT, SITE, group, send, shop, told

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]

Json = dict[str, Any]
Api = Callable[[User], APIClient]
URL = "/api/v1/bundle/"
#: Queries for a group and a plan that are new, with those of their audit trail.
PER_PAIR = 55


@pytest.fixture
def two_persons(settings: Any) -> None:
    settings.DRSORCH_TWO_PERSONS = True


# --- What is odd ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "document", [{"kind": []}, {"kind": {}, "name": []}, {"kind": "plan", "name": {}}, {"kind": 1}, {}, [], None, 7]
)
@pytest.mark.parametrize("prune", [False, True])
def test_a_document_that_is_none_is_refused_at_its_place(api: Api, ada: User, document: Any, prune: bool) -> None:
    refused = send(api(ada), [document], 400, prune=prune, source=GIT)
    assert all(error["attr"].startswith("documents") for error in refused["errors"])


def test_what_is_unknown_within_a_member_is_told_at_its_place(api: Api, ada: User) -> None:
    refused = send(api(ada), [SITE], 400, source={"repository": "x", "comit": "1", "ref": 7})
    assert [(error["attr"], error["code"]) for error in refused["errors"]] == [("source.comit", "unknown")]
    refused = send(api(ada), [SITE], 400, source={"repository": 7})
    assert [error["attr"] for error in refused["errors"]] == ["source.repository"]


# --- Who may only look ----------------------------------------------------------------------------------------------
def test_a_read_only_token_is_told_what_would_change_and_changes_nothing(api: Api, ada: User) -> None:
    script = APIClient()
    script.credentials(HTTP_AUTHORIZATION=f"Bearer {token_issue(user=ada, name='review', by=None, read_only=True)[1]}")
    events = Event.objects.count()
    looked = script.post(f"{URL}diff/", {"documents": shop()}).json()
    assert (looked["dry_run"], len(looked["changes"])) == (True, 5)
    assert "You may not add a site" in looked["refused"]
    assert looked["fingerprint"] == send(api(ada), shop(), dry_run=True)["fingerprint"]
    assert script.post(URL, {"documents": shop(), "dry_run": True}).status_code == 403
    assert (Site.objects.count(), Event.objects.filter(type="site.created").count()) == (0, 0)
    assert Event.objects.count() == events + 1, "the attempt to apply alone"
    for more in ({"dry_run": False}, {"fingerprint": "x"}):
        assert script.post(f"{URL}diff/", {"documents": shop(), **more}).status_code == 400


# --- Two persons ----------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("two_persons")
def test_what_takes_two_persons_is_said_before_and_each_with_what_to_do(api: Api, ada: User, ravi: User) -> None:
    send(api(ada), shop(), source=GIT)
    site, plan = Site.objects.get(), Plan.objects.get()
    wanted = [{**SITE, "role_arn": "arn:aws:iam::111122223333:role/other"}]
    looked = send(api(ada), wanted, source=GIT, prune=True, dry_run=True)
    refused = send(api(ada), wanted, 409, source=GIT, prune=True)
    assert refused["type"] == "urn:drsorch:problem:two-persons"
    assert looked["refused"] == refused["detail"]
    assert [(error["attr"], error["id"]) for error in refused["errors"]] == [
        ("documents.0", str(site.pk)), ("", str(plan.pk)),
    ]  # fmt: skip
    assert f"Propose it with PATCH /api/v1/sites/{site.pk}/" in refused["errors"][0]["detail"]
    assert f"Propose it with DELETE /api/v1/plans/{plan.pk}/" in refused["errors"][1]["detail"]
    assert (Plan.objects.count(), Site.objects.get().role_arn) == (1, "")

    # What is said to be done is done so.
    asked = [
        api(ada).patch(f"/api/v1/sites/{site.pk}/", {"role_arn": wanted[0]["role_arn"]}),
        api(ada).delete(f"/api/v1/plans/{plan.pk}/"),
    ]
    for answer in asked:
        assert api(ravi).post(f"{answer.headers['Location']}agree/").status_code == 200
    assert send(api(ada), wanted, source=GIT, prune=True, dry_run=True)["refused"] is None
    assert [change[0] for change in told(send(api(ada), wanted, source=GIT, prune=True))] == ["delete"] * 3


# --- Files ----------------------------------------------------------------------------------------------------------
def test_what_is_hidden_in_a_repository_is_no_document(ada: User, tmp_path: Path) -> None:
    for hidden in (".gitlab-ci.yml", ".github/workflows/drill.yml"):
        (tmp_path / hidden).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / hidden).write_text("stages: [apply]")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(CommandError, match="There are no"):
        call_command("bundle", "apply", str(tmp_path), "--as", "ada")
    (tmp_path / "site.yml").write_text(written(SITE))
    out = io.StringIO()
    call_command("bundle", "apply", str(tmp_path), "--as", "ada", stdout=out)
    assert "1 change, 0 unchanged." in out.getvalue()


# --- However many there are -----------------------------------------------------------------------------------------
def many(number: int) -> list[Json]:
    groups = [group(f"g-{at}", tag_selector={"App": [f"{at}"]}, description="d") for at in range(number)]
    plans = [
        {"kind": "plan", "name": f"p-{at}", "waves": [{"name": "w", "protection_groups": [f"g-{at}"]}]}
        for at in range(number)
    ]
    return [SITE, *groups, *plans]


def queries(client: APIClient, documents: list[Json]) -> int:
    with CaptureQueriesContext(connection) as asked:
        send(client, documents)
    return len(asked)


def test_what_is_unchanged_costs_nothing_and_the_last_no_more_than_the_first(api: Api, ada: User) -> None:
    client = api(ada)
    send(client, many(3))
    few = queries(client, many(3))
    new = [queries(client, many(number)) - few for number in (6, 9, 12)]
    assert new[0] == new[1] == new[2] <= 3 * PER_PAIR
    assert queries(client, many(12)) == few
