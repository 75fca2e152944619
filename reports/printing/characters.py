"""Text as it can be printed: what no font has, and what no one would see, is written as its number.

‹U+7530 U+4E2D› keeps two names apart that would both be ▯▯ otherwise, and a hidden mark that turns the reading order
cannot make a page say something else. The JSON that is attached to a PDF keeps every character.

Where a long word may be cut into lines stands a U+200B. Templates make a place for a line to end of it, so that no such
mark gets into what people search for and copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reports.printing.coverage import MONO, SANS

#: So many characters in a row are written as numbers; of more, how many there are.
_MOST: Final = 24
#: So many marks may stand on one letter: a pile of them would be drawn over the lines above.
_MOST_MARKS: Final = 3


def printable(value: Any) -> Any:
    """Plain JSON with every text, keys too, as it can be printed."""
    match value:
        case str():
            return printable_text(value)
        case Mapping():
            return {_key(key): printable(item) for key, item in value.items()}
        case list():
            return [printable(item) for item in value]
        case _:
            return value


def _key(key: str) -> str:
    """The name of a member stays as it is, or templates would not find it; a tag may have any name."""
    return key if key.isidentifier() and key.isascii() else printable_text(key)


def printable_text(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        text = text.replace("\r\n", "\n").replace("\t", "    ")
        text = "".join(_marked(text)) if _MARK.search(text) else _MISSING.sub(_numbers, text)
    return text if _NEVER_CUT.fullmatch(text) else _LONG_WORD.sub(_cut, text)


def _cut(match: re.Match[str]) -> str:
    """A long word with a U+200B wherever a line may end in it: after punctuation, and after so many characters."""
    word = match.group()
    return word if _NEVER_CUT.fullmatch(word) else _PIECE.sub(r"\g<0>" + CUT, word)


def _marked(text: str) -> Iterator[str]:
    """Letter by letter, each with its marks: one font has to have all of it."""
    missing = ""
    for match in _LETTER.finditer(text):
        letter = match.group()
        has = (_IN_SANS.fullmatch(letter) or _IN_MONO.fullmatch(letter)) and len(letter) <= 1 + _MOST_MARKS
        if has or letter == "\n":
            if missing:
                yield _written(missing)
                missing = ""
            yield letter
        else:
            missing += letter
    if missing:
        yield _written(missing)


def _numbers(match: re.Match[str]) -> str:
    return _written(match.group())


def _written(characters: str) -> str:
    numbers = " ".join(f"U+{ord(each):04X}" for each in characters[:_MOST])
    more = f" and {len(characters) - _MOST} more" if len(characters) > _MOST else ""
    return f"‹{numbers}{more}›"


def _class(ranges: str) -> str:
    """The ranges as a part of a class of characters."""
    pairs = (pair.partition("-") for pair in ranges.split())
    return "".join(f"\\U{int(low, 16):08X}" + (f"-\\U{int(high, 16):08X}" if high else "") for low, _, high in pairs)


#: A word of so many characters fits into all but the narrowest columns, and is not cut there.
_FIT: Final = 26
#: Characters that fit into the narrowest.
_PART: Final = 12
CUT: Final = "\u200b"
_LONG_WORD: Final = re.compile(rf"\S{{{_FIT + 1},}}")
_PIECE: Final = re.compile(rf"\S{{3,{_PART - 1}}}?[-._/:@,;=\\](?=\S\S)|\S{{{_PART}}}(?=\S)")
#: Times, ids of AWS, statuses: columns that show them are wide enough.
_NEVER_CUT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)|(?:s|i|pit|drsjob|lct)-[0-9a-f]{8,17}\W?|(?=.*_)[a-z_]{1,24}"
)
#: What is drawn over the letter before it.
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
_MARK: Final = re.compile(f"[{_MARKS}]")
_LETTER: Final = re.compile(f".[{_MARKS}]*", re.DOTALL)
_IN_SANS: Final = re.compile(f"[{_class(SANS)}]+")
_IN_MONO: Final = re.compile(f"[{_class(MONO)}]+")
_MISSING: Final = re.compile(f"[^\n{_class(SANS)}{_class(MONO)}]+")
