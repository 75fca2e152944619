"""How many requests are answered in a minute, and what is never held back by another's count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from access.services import token_issue
from foundation.rest.throttling import METER, Meter
from tests.integration.api.operations import World

ME, TOKENS = "/api/v1/me/", "/api/v1/tokens/"


@pytest.fixture(autouse=True)
def limits(settings: Any) -> Iterator[Any]:
    """Three of each kind in a minute, of which twelve seconds are over."""
    settings.DRSORCH_API_READS_PER_MINUTE = 3
    settings.DRSORCH_API_WRITES_PER_MINUTE = 3
    settings.DRSORCH_API_STRANGERS_PER_MINUTE = 3
    METER.forget()
    with time_machine.travel(datetime(2026, 11, 28, 9, 0, 12, tzinfo=UTC), tick=False) as clock:
        yield clock
    METER.forget()


def bearer(user: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {token_issue(user=user, by=user)[1]}"}


def test_each_answer_says_what_is_left_and_the_next_one_is_refused_until_the_minute_is_over(dana, limits):
    client = Client(headers=bearer(dana))
    answers = [client.get(ME) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["RateLimit"] for one in answers] == [f'"read";r={left};t=48' for left in (2, 1, 0, 0)]
    assert {one.headers["RateLimit-Policy"] for one in answers} == {'"read";q=3;w=60'}
    refused = answers[3]
    assert refused.headers["Retry-After"] == "48"
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json() == {
        "type": "urn:drsorch:problem:throttled", "title": "Too many requests", "status": 429,
        "detail": "This token may read 3 times a minute. Send the request again in 48 seconds.",
    }  # fmt: skip
    limits.shift(48)
    assert client.get(ME).status_code == 200


def test_tokens_are_counted_apart_and_so_are_reading_and_writing(dana):
    one, other = Client(headers=bearer(dana)), Client(headers=bearer(dana))
    assert [one.get(ME).status_code for _ in range(4)][3] == 429
    assert other.get(ME).status_code == 200
    made = [one.post(TOKENS, {}, content_type="application/json") for _ in range(4)]
    assert [each.status_code for each in made] == [201, 201, 201, 429]
    assert "This token may write 3 times a minute." in made[3].json()["detail"]


def test_a_script_that_reads_and_writes_too_much_can_still_stop_what_it_started(ada):
    drill = World(ada).drill
    client = Client(headers=bearer(ada))
    for _ in range(4):
        client.get(ME)
        client.post(TOKENS, {}, content_type="application/json")
    address = f"/api/v1/executions/{drill.pk}/"
    assert client.get(address).status_code == 429
    cancelled = client.post(f"{address}cancel/", {}, content_type="application/json")
    assert cancelled.status_code == 200
    assert cancelled.headers["RateLimit-Policy"] == '"control";q=3;w=60'


def test_strangers_are_counted_by_address_also_those_with_a_wrong_token(db, dana):
    wrong = Client(headers={"authorization": "Bearer wrong"}, REMOTE_ADDR="192.0.2.7")
    assert [wrong.get(ME).status_code for _ in range(4)] == [401, 401, 401, 429]
    assert "This address may send a request without a valid token 3 times" in wrong.get(ME).json()["detail"]
    assert Client(REMOTE_ADDR="192.0.2.8").get(ME).status_code == 401
    # Whoever has a token is not counted with the strangers behind the same address.
    assert Client(headers=bearer(dana), REMOTE_ADDR="192.0.2.7").get(ME).status_code == 200


def test_one_subscriber_of_ipv6_is_one_stranger(db):
    answers = [Client(REMOTE_ADDR=f"2001:db8::{number}").get(ME).status_code for number in range(1, 5)]
    assert answers == [401, 401, 401, 429]
    assert Client(REMOTE_ADDR="2001:db8:0:1::1").get(ME).status_code == 401


def test_without_a_limit_nothing_is_counted_and_nothing_is_said(dana, settings):
    settings.DRSORCH_API_READS_PER_MINUTE = 0
    client = Client(headers=bearer(dana))
    assert {client.get(ME).status_code for _ in range(5)} == {200}
    assert "RateLimit" not in client.get(ME).headers


def test_processes_share_what_they_count(db):
    """Two meters stand for two processes: each hears of the other's when it begins, and when it tells its own."""
    one, other = Meter(), Meter()
    assert [one.take("token-1", "read", 40)[0] for _ in range(30)] == [True] * 30
    allowed = [other.take("token-1", "read", 40)[0] for _ in range(30)]
    assert sum(allowed) == 10


def test_a_process_may_be_one_portion_behind_and_no_more(db):
    one, other = Meter(), Meter()
    taken = sum(meter.take("token-1", "read", 100)[0] for _ in range(200) for meter in (one, other))
    assert 100 <= taken <= 105
