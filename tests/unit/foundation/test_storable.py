"""What no database of ours can keep is named before it comes near one."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.storable import MAX_DEPTH, unstorable


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", ["", "ü 😀", 1, None, {"k": ["v", {"k": "v"}]}, nested(MAX_DEPTH)])
def test_what_can_be_kept(value: Any) -> None:
    assert unstorable(value) == ""


@pytest.mark.parametrize("value", ["a\0b", "\ud800", ["a", ("b", "\0")], {"k": {"\0": 1}}])
def test_a_character_that_cannot_be_kept_is_found_anywhere(value: Any) -> None:
    assert "NUL" in unstorable(value)


def test_nesting_has_an_end() -> None:
    assert unstorable(nested(MAX_DEPTH + 1)) == "is nested more than 30 deep"
