"""Fingerprints of secrets: what an event seals of a password, so that another one in its row is told, and no more.

A fingerprint is an HMAC under a key of the audit trail (`audit.keys`): without the key it says nothing, not even
whether two rows have the same secret. It is in a sealed document alone, which no API and no screen shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from audit import keys
from audit.canonical import canonical, plain
from audit.signed import SEALS

#: The part of what events seal.
PART: Final = "secrets"
_KIND: Final = "secret"
#: What people call each secret of a row -> its value as it is stored.
Secrets = Mapping[str, Any]


def sealed(subject_type: str, subject_id: object, secrets: Secrets) -> Mapping[str, Mapping[str, Any]]:
    """For `Entry.documents`: fingerprints of all secrets of a row."""
    key = keys.signing()
    rows = {
        label: {"fingerprint": f"{key.id}:{key.mac(_text(subject_type, subject_id, label, value))}" if value else ""}
        for label, value in secrets.items()
    }
    return {PART: {_KIND: rows}}


def without(detail: Mapping[str, Any]) -> dict[str, Any]:
    """An event's detail as it is shown: it does not say that it seals secrets, of which nothing can be read anyway."""
    seals = {part: digest for part, digest in detail.get(SEALS, {}).items() if part != PART}
    return {key: value for key, value in {**detail, SEALS: seals}.items() if key in detail and (key != SEALS or seals)}


def faults(
    subject_type: str, subject_id: str, document: Mapping[str, Mapping[str, Mapping[str, Any]]], now: Secrets
) -> Iterator[str]:
    """What is not as it was sealed, in sentences."""
    rows, known = document.get(_KIND, {}), keys.known()
    for label in sorted({*rows, *now}):
        if label not in now:
            yield f"{label} was deleted in the database."
        elif label not in rows:
            yield f"{label} was added in the database."
        else:
            key_id, _, mac = str(rows[label]["fingerprint"]).partition(":")
            value = now[label]
            # A key that is missing is told of with the event that it signed.
            same = keys.is_mac(known, key_id, _text(subject_type, subject_id, label, value), mac) if mac else not value
            if same is False:
                yield f"{label} is not the one that drsorch stored: it was changed in the database."


def _text(subject_type: str, subject_id: object, label: str, value: Any) -> bytes:
    return canonical([_KIND, subject_type, str(subject_id), label, plain(value)])
