"""What of a text can be printed, and how the rest is told apart."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.printing.characters import CUT, printable, printable_text
from reports.printing.coverage import MONO, SANS


def covered() -> set[str]:
    return {
        chr(number)
        for ranges in (SANS, MONO)
        for low, _, high in (pair.partition("-") for pair in ranges.split())
        for number in range(int(low, 16), int(high or low, 16) + 1)
    }


COVERED = covered()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Ärger in Łódź, Ωμέγα, Привет", "Ärger in Łódź, Ωμέγα, Привет"),
        ("田中", "‹U+7530 U+4E2D›"),
        ("ok 🚀 ok", "ok ‹U+1F680› ok"),
        ("a\tb\r\nc", "a    b\nc"),
        ("pay\u202erolled", "pay‹U+202E›rolled"),
        ("zero\u200bwidth", "zero‹U+200B›width"),
        ("\ud800", "‹U+D800›"),
        ("\x07", "‹U+0007›"),
        ("e\u0301t\u00e9", "e\u0301t\u00e9"),
        ("日" * 30, "‹" + " ".join(["U+65E5"] * 24) + " and 6 more›"),
    ],
)
def test_what_no_font_has_and_what_nobody_sees_is_written_as_numbers(text: str, printed: str) -> None:
    assert printable_text(text).replace(CUT, "") == printed


def test_a_pile_of_marks_is_not_drawn_over_the_lines_above() -> None:
    assert printable_text("e" + "\u0301" * 3) == "e" + "\u0301" * 3
    assert "\u0301" not in printable_text("e" + "\u0301" * 4)


def test_a_letter_and_its_mark_are_in_one_font_or_neither_is_drawn() -> None:
    # Each is in one font, and no font has both.
    assert printable_text("\u0627e\u0357") == "\u0627e\u0357"
    assert printable_text("\u0627\u0357").replace(CUT, "") == "‹U+0627 U+0357›"


@given(st.text())
def test_nothing_is_left_that_no_font_has(text: str) -> None:
    left = set(printable_text(text)) - COVERED - {"\n", CUT}
    assert not left
    assert not any(unicodedata.category(each).startswith("C") for each in COVERED)


@given(st.text(st.sampled_from(sorted(COVERED - {" "})), max_size=80))
def test_no_word_is_longer_than_a_column_is_wide(text: str) -> None:
    words = printable_text(text).replace("\n", " ").split()
    assert all(len(part) <= 26 for word in words for part in word.split(CUT))


@pytest.mark.parametrize(
    "text",
    ["2026-11-28T03:00:12.345678+00:00", "drsjob-0123456789abcdef0", "partially_succeeded", "db-1.shop.example.com"],
)
def test_times_ids_and_statuses_are_never_cut(text: str) -> None:
    assert printable_text(text) == text


def test_a_long_name_is_cut_after_its_punctuation() -> None:
    cut = printable_text("db-primary-0001.payments.production.example.com").split(CUT)
    assert cut == ["db-primary-", "0001.", "payments.", "production.", "example.", "com"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_documents_keep_their_shape(document: object) -> None:
    printed = printable(document)
    assert type(printed) is type(document)
    json.dumps(printed)


def test_members_keep_their_names_and_tags_are_printable() -> None:
    assert printable({"recovery_point_age_seconds_of_all_servers": {"Größe 田": 1}}) == {
        "recovery_point_age_seconds_of_all_servers": {"Größe ‹U+7530›": 1}
    }
