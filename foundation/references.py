"""Things are referred to by id or by name. No name is all digits, so a reference is never both."""

from __future__ import annotations

#: As many digits as always fit into a database's 64 bits.
_ID_DIGITS = 18


def id_of(reference: str) -> int | None:
    """The id that the reference is; None where it is a name. Only ASCII digits make an id."""
    is_id = reference.isascii() and reference.isdigit() and len(reference) <= _ID_DIGITS
    return int(reference) if is_id else None
