"""One spelling of a document, whichever database it comes back from."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import canonical, moment, plain

KEYS = st.one_of(st.text(), st.integers())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner),
    max_leaves=12,
)


def as_jsonb(text: bytes) -> Any:
    """What PostgreSQL's jsonb makes of it: numbers are decimals, without an exponent, and there is no minus zero."""

    def number(written: str) -> Any:
        shown = format(Decimal(written), "f")
        return float(shown) if "." in shown else int(shown)

    return json.loads(text, parse_float=number)


@given(VALUES)
def test_what_comes_back_from_a_database_is_spelled_as_it_was(value: Any) -> None:
    written = canonical(plain(value))
    assert canonical(json.loads(written)) == written
    assert canonical(as_jsonb(written)) == written


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_the_order_of_keys_does_not_matter(document: dict[Any, Any]) -> None:
    backwards = dict(reversed(plain(document).items()))
    assert canonical(backwards) == canonical(plain(document))


@given(VALUES, VALUES)
def test_documents_that_say_something_else_are_spelled_otherwise(one: Any, other: Any) -> None:
    same = canonical(plain(one)) == canonical(plain(other))
    assert same == (json.dumps(plain(one), sort_keys=True) == json.dumps(plain(other), sort_keys=True))


def test_what_is_not_json_becomes_it() -> None:
    class Colour(StrEnum):
        RED = "red"

    at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    document = {1: at, "id": UUID(int=7), "colours": {Colour.RED}, "whole": 2.0, "pair": (1, 2.5)}
    assert canonical(plain(document)) == (
        b'{"1":"2026-11-23T09:00:00.000000+00:00","colours":["red"],"id":"00000000-0000-0000-0000-000000000007",'
        b'"pair":[1,2.5],"whole":2}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        plain({"value": value})


def test_a_set_is_spelled_in_one_order() -> None:
    names = [f"name-{number:02}" for number in range(40)]
    assert plain(set(names)) == plain(frozenset(reversed(names))) == names


def test_a_moment_is_spelled_in_utc_wherever_the_process_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        spelled = moment(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    time.tzset()
    assert spelled == "2026-11-23T09:00:00.000000+00:00"
