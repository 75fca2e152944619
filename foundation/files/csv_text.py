"""Writing CSV that spreadsheets open as what it is: no text of ours is ever a formula there.

RFC 4180 in UTF-8: commas, double quotes, CRLF. It begins with a byte order mark, without which Excel reads UTF-8 as
the computer's own code page; Python reads it away as `utf-8-sig`. The first line has the names of the columns, the
last says how many rows there are: a file without that line is not whole, however its download ended.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from foundation.wording import count

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
BYTE_ORDER_MARK: Final = "\ufeff"

#: A time is written in UTC, a truth as yes or no, None as nothing.
Cell = str | int | datetime | None

#: In front of a text that a spreadsheet would calculate.
GUARD: Final = "'"
_ROWS_IN_A_PIECE: Final = 100

# What a formula begins with: = + - @, as they are and in their full-width, small, raised and lowered forms.
_OPERATORS: Final = r"=+\-@\u2212\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a-\u207c\u208a-\u208c"
# What may stand before it unseen: white space, what is not printed, and quotes.
_SPACES: Final = r" \xa0\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
_UNSEEN: Final = r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
_QUOTES: Final = r"'\"`\xb4\xab\xbb\u2018-\u201f\u2039\u203a\u2032-\u2037\u300c-\u300f\u301d-\u301f\uff02\uff07\uff40"
_BEFORE: Final = rf"[{_SPACES}{_UNSEEN}{_QUOTES}]*"
# Where a cell begins: at the text's beginning, where a tab or a line's end is a sign of a formula, too; and wherever a
# spreadsheet that separates cells by semicolons, as Excel does in half of Europe, begins one.
_AT_FIRST: Final = rf"(?={_BEFORE}[{_OPERATORS}\t\r\n])"
_LATER: Final = r"(?<=[;\t\r\n])"
_LIKE_A_FORMULA: Final = rf"(?={_BEFORE}[{_OPERATORS}])"

_TO_GUARD: Final = re.compile(rf"\A{_AT_FIRST}|{_LATER}{_LIKE_A_FORMULA}")
_GUARDED: Final = re.compile(rf"\A{GUARD}{_AT_FIRST}|{_LATER}{GUARD}{_LIKE_A_FORMULA}")


def guarded(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would take for a formula; any other stays as it is."""
    return _TO_GUARD.sub(GUARD, text)


def unguarded(text: str) -> str:
    """What `guarded` was given: for a program that reads the file."""
    return _GUARDED.sub("", text)


def whole_file(columns: Sequence[str], rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """The file in pieces of a hundred rows: however long it is, no more of it is in memory.

    What `rows` raises is raised, so whoever reads it is cut off, and the last line, `End of file: 12 rows`, is missing.
    """
    piece = io.StringIO()
    writer = csv.writer(piece, lineterminator="\r\n")
    piece.write(BYTE_ORDER_MARK)
    writer.writerow([guarded(column) for column in columns])
    number = 0
    for number, row in enumerate(rows, start=1):
        writer.writerow([_written(cell) for cell in row])
        if number % _ROWS_IN_A_PIECE == 0:
            yield piece.getvalue()
            piece.seek(0)
            piece.truncate()
    writer.writerow([f"End of file: {count(number, 'row')}"])
    yield piece.getvalue()


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case int():
            return str(cell)
        case datetime():
            return f"{cell.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case _:
            return guarded(cell)
