"""CSV: whatever people have typed is a text in a spreadsheet, and a program reads back what they typed."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from foundation.files.csv_text import guarded, unguarded, whole_file

#: Mostly what makes formulas, and what hides them.
ODD = st.sampled_from("=+-@＝＋－＠﹦⁼−|\t\r\n;, \xa0\u200b\ufeff\x00\x0b'\"`‘“”«aé1")
texts = st.text(ODD, max_size=12) | st.text(ODD | st.characters(codec="utf-8"), max_size=40)


def read(file: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.removeprefix("\ufeff"), newline="")))


def calculates(cell: str) -> bool:
    """What a spreadsheet may calculate, by a rule of this test's own: the first character that can be seen."""
    if cell[:1] in {"\t", "\r", "\n"}:
        return True
    seen = cell.lstrip("\"'`‘’“”«» \t\r\n\xa0\u200b\ufeff\x00\x0b") if not cell.startswith("'") else cell
    return unicodedata.normalize("NFKC", seen[:1])[:1] in {"=", "+", "-", "@", "−"}


@given(st.lists(st.lists(texts, min_size=2, max_size=4), max_size=4))
@example([["=1+1", "@SUM(A1)"]])
@example([["a;=cmd|' /C calc'!A0;", "x\n+1"]])
@example([["\ufeff \"'＝1", "\t=1"]])
@settings(max_examples=500)
def test_no_cell_is_a_formula_and_every_text_is_read_back(rows: list[list[str]]) -> None:
    file = "".join(whole_file(["one", "other"], rows))
    assert "".join(file.partition("\r\n")[:2]) == "\ufeffone,other\r\n"
    _, *found, _ = read(file)
    for row, cells in zip(rows, found, strict=True):
        assert [unguarded(cell) for cell in cells] == row
        assert not [cell for cell in cells if calculates(cell)]
    # Excel where a semicolon separates cells knows neither our commas nor our quotes.
    pieces = re.split(r"[;\t\r\n]", file.removeprefix("\ufeff"))
    assert not [piece for piece in pieces if calculates(piece.lstrip('"'))]


@given(texts)
@settings(max_examples=500)
def test_only_what_looks_like_a_formula_is_touched(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert guarded(text).replace("'", "") == text.replace("'", "")
    if not set(text) & set("=+-@＝＋－＠﹦⁼−\t\r\n") and not re.search(r"[^\x20-\x7eé]", text):
        assert guarded(text) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Quarterly drill - web", "Quarterly drill - web"),
        ("web-1, web-2", "web-1, web-2"),
        ("O'Brien", "O'Brien"),
        ("'quoted'", "'quoted'"),
        ("=HYPERLINK(0)", "'=HYPERLINK(0)"),
        ("-1", "'-1"),
        ("  @x", "'  @x"),
        ("'=x", "''=x"),
        ('"+x', "'\"+x"),
        ("＝x", "'＝x"),
        ("\tx", "'\tx"),
        ("ok;=x;\u200b-y", "ok;'=x;'\u200b-y"),
        ("first\n- second", "first\n'- second"),
        ("first\r\nsecond", "first\r\nsecond"),
    ],
)
def test_a_text_becomes_a_cell(text: str, cell: str) -> None:
    assert guarded(text) == cell


def test_times_are_utc_and_numbers_are_numbers() -> None:
    noon = datetime(2026, 11, 28, 12, tzinfo=timezone(timedelta(hours=2)))
    file = "".join(whole_file(["at", "seconds", "sure", "known"], [[noon, -5, True, None], [noon, 0, False, ""]]))
    assert read(file)[1:3] == [["2026-11-28T10:00:00Z", "-5", "yes", ""], ["2026-11-28T10:00:00Z", "0", "no", ""]]


@pytest.mark.parametrize(("number", "said"), [(0, "0 rows"), (1, "1 row"), (12_345, "12345 rows")])
def test_the_last_line_says_how_many_rows_there_are(number: int, said: str) -> None:
    pieces = list(whole_file(["n"], ([n] for n in range(number))))
    *_, last = read("".join(pieces))
    assert last == [f"End of file: {said}"]
    assert max(piece.count("\r\n") for piece in pieces) <= 102


def test_a_file_that_broke_off_has_no_last_line() -> None:
    def rows() -> Iterator[list[datetime]]:
        for minute in range(250):
            yield [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)]
        raise OSError("the database is gone")

    sent: list[str] = []
    with pytest.raises(OSError, match="gone"):
        sent.extend(whole_file(["at"], rows()))
    assert "End of file" not in "".join(sent)
