"""Every legal name leads to its object, and no name that is not legal gets in, for all kinds of objects alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from protection.models import Site
from tests.factories.protection import ServerFactory, SyncedSiteFactory
from tests.unit.foundation.test_names import BAD, GOOD

STEP = {"name": "Go", "when": "before", "kind": "approval"}
WAVE = {"name": "App", "steps": [STEP]}


def _site(name: str) -> dict[str, Any]:
    account = int.from_bytes(name.encode()[-5:]) % 10**12
    return {"name": name, "account_id": f"{account:012}", "region": "eu-west-1"}


def _group(name: str) -> dict[str, Any]:
    server = ServerFactory.create(site=Site.objects.get(name="Frankfurt"))
    return {"name": name, "site": "Frankfurt", "servers": [server.source_server_id]}


#: Where the API takes a name: the path, and what is posted with it.
NAMED: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "site": ("sites", _site),
    "group": ("protection-groups", _group),
    "plan": ("plans", lambda name: {"name": name, "waves": [WAVE]}),
    "wave": ("plans", lambda name: {"name": "P", "waves": [{**WAVE, "name": name}]}),
    "step": ("plans", lambda name: {"name": "P", "waves": [{**WAVE, "steps": [{**STEP, "name": name}]}]}),
    "token": ("tokens", lambda name: {"name": name}),
}


@pytest.fixture
def client(api: Any, ada: Any) -> Any:
    SyncedSiteFactory.create(name="Frankfurt")
    return api(ada)


@pytest.mark.parametrize("kind", NAMED)
def test_what_is_no_name_is_refused_at_its_field(client: Any, kind: str) -> None:
    for name in BAD:
        if "\x00" in name or "\ud800" in name or (kind == "token" and not name):
            continue  # refused with the whole body, or no name at all
        path, body = NAMED[kind]
        response = client.post(f"/api/v1/{path}/", body(name))
        assert response.status_code == 400, (kind, name)
        assert {error["attr"].rpartition(".")[2] for error in response.json()["errors"]} == {"name"}, response.json()


@pytest.mark.parametrize("kind", ["site", "group", "plan"])
def test_every_name_leads_to_its_object(client: Any, kind: str) -> None:
    for name in GOOD:
        path, body = NAMED[kind]
        made = client.post(f"/api/v1/{path}/", body(name))
        assert made.status_code == 201, (name, made.json())
        address = f"/api/v1/{path}/{quote(name, safe='')}/"
        assert client.get(address).json()["id"] == made.json()["id"], name
        assert client.get(f"/api/v1/{path}/", {"name": name}).json()["results"][0]["id"] == made.json()["id"]


def test_what_looks_alike_is_one_name_everywhere(client: Any) -> None:
    decomposed, composed = "Zu\u0308rich", "Zürich"
    assert client.post("/api/v1/sites/", _site(decomposed)).json()["name"] == composed
    assert client.get(f"/api/v1/sites/{quote(decomposed)}/").json()["name"] == composed
    assert client.get("/api/v1/sites/", {"name": decomposed}).json()["results"][0]["name"] == composed
    again = client.post("/api/v1/sites/", _site(composed))
    assert again.status_code == 400
    assert "already a site with this name" in again.json()["detail"]
