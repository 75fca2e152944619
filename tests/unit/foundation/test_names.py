"""The one rule for names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.names import MAX_NAME, name_clean, name_problem
from foundation.references import id_of

GOOD = [
    "Web shop", "shop-db", "Zürich", "東京", "100 % of it", "a?b#c", "a%2Fb", "x;y=z", "1a",
    "...", "-", "a" * MAX_NAME, "Größe 2", "naïve", "Web+shop", "v1.2", "'quoted'", "<b>", "{{ x }}", "null",
]  # fmt: skip
BAD = {
    "": "at least one", "a/b": "“/”", "/": "“/”", "a/members": "“/”", ".": "another place", "..": "another place",
    "42": "not a digit", "٤٢": "not a digit", "²": "not a digit", "a\nb": "one line", "a\x00b": "U+0000",
    "a\u202eb": "U+202E", "a\u2066b": "U+2066", "a\u200bb": "U+200B", "a\u2028b": "U+2028", "a\tb": "one line",
    "a\u00a0b": "U+00A0", "a\x7fb": "U+007F", "a\ud800": "one line", "a" * (MAX_NAME + 1): "101",
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_people_give_is_one(name: str) -> None:
    assert name_problem(name_clean(name)) == ""


@pytest.mark.parametrize(("name", "why"), BAD.items())
def test_what_is_no_name_says_why(name: str, why: str) -> None:
    assert why in name_problem(name_clean(name))


def test_what_looks_alike_is_one_name() -> None:
    assert name_clean(" Zu\u0308rich\u3000") == name_clean("Zürich") == "Zürich"


@given(st.text(max_size=120))
def test_a_clean_name_stays_as_it_is_and_is_never_an_id_or_a_part_of_an_address(text: str) -> None:
    name = name_clean(text)
    assert name_clean(name) == name
    if not name_problem(name):
        assert unicodedata.is_normalized("NFC", name)
        assert name.isprintable()
        assert "/" not in name
        assert id_of(name) is None
        assert name not in {".", ".."}
