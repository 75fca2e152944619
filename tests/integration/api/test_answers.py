"""What every answer carries: how long it may be kept and by whom, what it depends on, compressed or not, and for whose
pages."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from foundation.rest import described
from tests.factories.executions import START
from tests.integration.api.operations import World, operations

pytestmark = pytest.mark.either_database

GZIP = {"accept-encoding": "gzip"}
WALL = "https://wall.example.com"


@pytest.fixture
def world(ada: Any) -> Iterator[World]:
    # What runs is told of as it stands now, so the clock stands still.
    with time_machine.travel(START + timedelta(minutes=5), tick=False):
        yield World(ada)


def reads(client: Any, world: World) -> Iterator[tuple[Any, str]]:
    """Every operation that reads, and its address; those that ask DRS, which is not there, are left out."""
    for operation in operations():
        if operation.verb == "get":
            address = world.at(operation).address
            if client.get(address).status_code == 200:
                yield operation, address


def test_whatever_is_read_is_answered_with_304_to_who_has_it_already(client: Any, world: World) -> None:
    tagged = 0
    for operation, address in reads(client, world):
        first = client.get(address)
        if operation.action in operation.view.untagged:
            assert "ETag" not in first.headers, operation
            continue
        tagged += 1
        tag = first.headers["ETag"]
        again = client.get(address, headers={"if-none-match": f'"other", W/{tag}'})
        assert (again.status_code, again.content) == (304, b""), operation
        assert again.headers["ETag"] == tag, operation
        assert client.get(address, headers={"if-none-match": '"other"'}).status_code == 200, operation
    assert tagged > 20


def test_an_answer_is_kept_by_nobody_but_its_reader_and_varies_by_what_it_depends_on(client: Any, world: World) -> None:
    for operation, address in reads(client, world):
        answer = client.get(address)
        assert answer.headers["Cache-Control"] in ("private, no-cache", "no-store"), operation
        assert {"Accept", "Authorization", "Cookie"} <= set(answer.headers["Vary"].split(", ")), operation
    refused = client.post("/api/v1/sites/", {})
    assert refused.headers["Cache-Control"] == "private, no-cache"


def test_answers_are_compressed_for_who_can_read_that_and_their_tag_still_fits(client: Any, world: World) -> None:
    address = f"/api/v1/plans/{world.plan.pk}/"
    plain, packed = client.get(address), client.get(address, headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content)
    weak = packed.headers["ETag"]
    assert weak == f"W/{plain.headers['ETag']}"
    assert client.get(address, headers={**GZIP, "if-none-match": weak}).status_code == 304
    assert client.patch(address, {"description": "x"}, headers={**GZIP, "if-match": weak}).status_code == 200


def test_a_secret_is_neither_kept_nor_compressed_also_when_it_is_answered_again(client: Any) -> None:
    """From the length of a compressed answer its secret can be guessed (BREACH)."""
    for _ in range(2):
        made = client.post("/api/v1/tokens/", {"name": "x" * 100}, headers={**GZIP, "idempotency-key": "k"})
        assert made.status_code == 201
        assert made.headers["Cache-Control"] == "no-store"
        assert "Content-Encoding" not in made.headers
        assert made.json()["token"]


def test_a_file_that_is_written_while_it_is_sent_is_not_gathered_to_be_compressed(client: Any, world: World) -> None:
    export = client.get("/api/v1/executions/export/", headers={**GZIP, "accept": "text/csv"})
    assert export.streaming
    assert "Content-Encoding" not in export.headers


def test_screens_are_not_compressed_by_this(client: Any) -> None:
    assert "Content-Encoding" not in client.get("/accounts/login/", headers=GZIP).headers


def test_pages_of_other_origins_may_not_use_the_api(client: Any) -> None:
    answer = client.get("/api/v1/me/", headers={"origin": WALL})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    asked = client.options("/api/v1/me/", headers={"origin": WALL, "access-control-request-method": "GET"})
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_pages_of_an_origin_that_is_named_may_with_a_token_and_without_cookies(client: Any, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [WALL]
    wanted = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, if-match"}
    asked = client.options("/api/v1/executions/", headers={"origin": WALL, **wanted})
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == WALL
    allowed = asked.headers["Access-Control-Allow-Headers"]
    assert {"authorization", "idempotency-key", "if-match", "if-none-match"} <= set(allowed.split(", "))
    assert "Access-Control-Allow-Credentials" not in asked.headers
    answer = client.get("/api/v1/me/", headers={"origin": WALL})
    assert answer.headers["Access-Control-Allow-Origin"] == WALL
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert {*described.HEADERS, "Content-Disposition", "traceparent"} == exposed
    assert "origin" in answer.headers["Vary"].lower()
    for address, origin in (("/api/v1/me/", "https://evil.example"), ("/accounts/login/", WALL)):
        assert "Access-Control-Allow-Origin" not in client.get(address, headers={"origin": origin}).headers
