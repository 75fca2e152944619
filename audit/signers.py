"""Whether this process has the keys of the others: those that signed the newest events.

Processes with different keys work on, each signing what the others cannot verify. Nothing is lost by that, as a key
that is added later verifies it; so it is told, and stops nobody (ADR 0036).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError, transaction

from audit import keys
from audit.models import Event
from audit.signed import EVENT_COLUMNS, event_text
from audit.verification.rows import UNREADABLE
from foundation.wording import listing

#: So many of the newest events are looked at: those of every process that works.
_NEWEST: Final = 50


ADVICE: Final = "Give every process the same DRSORCH_AUDIT_KEYS, or the same SECRET_KEY where none are set."


def signers_trouble() -> str:
    """What is wrong with the keys of this process or of another one, in sentences; empty if nothing is, or while
    the database does not exist yet.
    """
    try:
        with transaction.atomic():
            found = list(_found())
    except (DatabaseError, *UNREADABLE):
        return ""  # what was changed to something that cannot be read, verifying tells
    return " ".join([*found, ADVICE]) if found else ""


def _found() -> Iterator[str]:
    known, unknown, others = keys.known(), set[str](), set[str]()
    rows = Event.objects.order_by("-pk").values_list("key_id", "pk")[:_NEWEST]
    newest = dict(reversed(rows))
    for *row, stored in Event.objects.filter(pk__in=newest.values()).values_list(*EVENT_COLUMNS, "hash"):
        values = dict(zip(EVENT_COLUMNS, row, strict=True))
        key_id = values["key_id"]
        signed = keys.is_mac(known, key_id, event_text(values), stored)
        if signed is None:
            unknown.add(key_id)
        elif not signed:
            others.add(key_id)
    if unknown:
        names = listing(sorted(unknown))
        yield f"The newest events of the audit trail are signed with a key that this process does not have: {names}."
    if others:
        yield (
            f"The newest event signed with {listing(sorted(others))} does not fit the key of that id here: "
            "it is another key, or the event was changed."
        )
