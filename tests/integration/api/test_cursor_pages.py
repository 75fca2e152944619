"""Lists: every row exactly once, in order, both ways, whatever they are sorted by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.models import ApiToken
from tests.factories.people import make_user

TOKENS = "/api/v1/tokens/"
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def make_tokens(user: Any, expiries: list[int | None]) -> None:
    for number, expiry in enumerate(expiries):
        token, _ = ApiToken.objects.create(user=user, name=f"t{number % 3}")
        token.expiry = None if expiry is None else MIDNIGHT + timedelta(days=3650, microseconds=expiry)
        token.save()


def pages(client: Any, address: str | None, link: str = "next") -> list[list[dict[str, Any]]]:
    found = []
    while address:
        body = client.get(address).json()
        found.append(body["results"])
        address = body[link]
        assert len(found) < 100, "the pages do not end"
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    expiries=st.lists(st.none() | st.integers(0, 3), max_size=12),
    size=st.integers(1, 5),
    ordering=st.sampled_from(
        ["expires_at", "-expires_at", "name,-expires_at", "-name", "-expires_at,name", "-created_at"]
    ),
)
def test_every_row_comes_exactly_once_forwards_and_backwards(api, db, expiries, size, ordering):
    user = make_user()
    make_tokens(user, expiries)
    client = api(user)
    whole = client.get(f"{TOKENS}?ordering={ordering}&page_size=500").json()
    assert (whole["next"], whole["previous"]) == (None, None)

    forwards = pages(client, f"{TOKENS}?ordering={ordering}&page_size={size}")
    assert [row for page in forwards for row in page] == whole["results"]
    assert {row["id"] for row in whole["results"]} == {str(token.uid) for token in user.auth_token_set.all()}

    last = f"{TOKENS}?ordering={ordering}&page_size={size}"
    while (following := client.get(last).json()["next"]) is not None:
        last = following
    backwards = pages(client, last, "previous")
    assert [row for page in reversed(backwards) for row in page] == whole["results"]


def test_nulls_come_last_both_ways_round(api, vera):
    make_tokens(vera, [None, 2, 1])
    for ordering, expected in (("expires_at", ["t2", "t1", "t0"]), ("-expires_at", ["t1", "t2", "t0"])):
        assert [row["name"] for row in api(vera).get(f"{TOKENS}?ordering={ordering}").json()["results"]] == expected


def test_a_row_that_appears_meanwhile_moves_nothing(api, vera):
    make_tokens(vera, [10, 20, 30])
    first = api(vera).get(f"{TOKENS}?ordering=expires_at&page_size=2").json()
    make_tokens(vera, [5])
    second = api(vera).get(first["next"]).json()
    assert [row["expires_at"][-7:] for row in second["results"]] == ["000030Z"]


def test_a_page_has_at_most_500_rows(api, vera):
    ApiToken.objects.bulk_create(
        ApiToken(user=vera, digest=f"{number:0128}", token_key=str(number)) for number in range(501)
    )
    assert len(api(vera).get(f"{TOKENS}?page_size=500").json()["results"]) == 500
    assert len(api(vera).get(TOKENS).json()["results"]) == 100


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("page_size=0", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=99999999999999999999", "page_size"),
        ("page_size=%D9%A1", "page_size"),
        ("cursor=abc", "cursor"),
        ("cursor=%FF", "cursor"),
        ("cursor=bnVsbA==", "cursor"),
        ("cursor=eyJieSI6Ii1jcmVhdGVkLC1kaWdlc3QiLCJhdCI6WyJ4IiwieSJdLCJiYWNrIjpmYWxzZX0=", "cursor"),
        ("ordering=digest", "ordering"),
        ("ordering=name,nothing", "ordering"),
        ("ordering=user__password", "ordering"),
    ],
)
def test_what_a_list_cannot_understand_is_a_400(api, vera, query, attr):
    make_tokens(vera, [1, 2])
    response = api(vera).get(f"{TOKENS}?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["attr"] == attr


def test_a_cursor_of_another_order_is_refused(api, vera):
    make_tokens(vera, [1, 2])
    cursor = (
        api(vera)
        .get(f"{TOKENS}?ordering=expires_at&page_size=1")
        .json()["next"]
        .partition("cursor=")[2]
        .partition("&")[0]
    )
    assert api(vera).get(f"{TOKENS}?ordering=name&cursor={cursor}").status_code == 400
