"""One rule for every name that people give: of sites, groups, plans, waves, steps and tokens (ADR 0035).

A name is shown in lines and lists, and is part of addresses beside ids: `/plans/Web shop/`, `/plans/7/`.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_NAME: Final = 100


def name_clean(text: str) -> str:
    """The one form of a name: trimmed, and in Unicode's normal form C, so that what looks alike is the same."""
    return unicodedata.normalize("NFC", text).strip()


def name_problem(name: str) -> str:  # noqa: PLR0911 # one for each rule
    """What is wrong with a clean name, in a sentence; empty if nothing is."""
    if not name:
        return "A name needs at least one character."
    if len(name) > MAX_NAME:
        return f"A name can have {MAX_NAME} characters; this one has {len(name)}."
    # Not printable are line breaks, odd spaces, and marks that turn the direction of writing (U+202E).
    if not name.isprintable():
        odd = next(character for character in name if not character.isprintable())
        return f"A name must be one line of printable characters; this one has U+{ord(odd):04X}."
    if "/" in name:
        return "A name cannot contain “/”, because it is part of addresses."
    if name in {".", ".."}:
        return f"“{name}” is not a name, because it means another place in an address."
    if name.isdigit():
        return "A name needs a character that is not a digit: it would be read as an id."
    return ""
