"""What an event keeps of a change: before and after, as plain JSON, without secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from audit.changes import difference, plain


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        ("text", "text"),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({3, 1}), [1, 3]),
        (["b", "a"], ["b", "a"]),
        (("b", "a"), ["b", "a"]),
        ([{1: UUID(int=1)}], [{"1": str(UUID(int=1))}]),
        (datetime(2026, 3, 3, 9, tzinfo=UTC), "2026-03-03 09:00:00+00:00"),
    ],
)
def test_a_value_is_kept_as_json_has_it(value: Any, kept: Any) -> None:
    assert plain(value) == kept
    assert type(plain(value)) is type(kept)


def test_a_set_is_kept_in_one_order() -> None:
    names = [f"name-{number:02}" for number in range(40)]
    assert plain(set(names)) == plain(frozenset(names)) == names


def test_what_differs_is_kept_and_of_a_secret_only_that_it_changed() -> None:
    before = {"name": "Main", "role": "a", "external_id": "hush", "gone": 1, "blank": ""}
    after = {"name": "Main", "role": "b", "external_id": "hush hush", "new": {2}, "empty": []}
    assert difference(before, after, secret=["external_id"]) == {
        "before": {"role": "a", "external_id": None, "gone": 1},
        "after": {"role": "b", "external_id": "changed", "new": [2]},
    }


@pytest.mark.parametrize("blank", [None, "", [], {}])
def test_what_was_not_there_and_is_blank_did_not_change(blank: Any) -> None:
    assert difference({}, {"x": blank}) == difference({"x": blank}, {}) == {"before": {}, "after": {}}
    assert difference({"x": 0}, {}) == {"before": {"x": 0}, "after": {}}
    assert difference({"x": None}, {"x": blank})["after"] == ({} if blank is None else {"x": blank})
