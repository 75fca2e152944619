"""The keys that sign the audit trail. They are not in the database: who can write there cannot sign."""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and the id by which what it signed names it."""

    id: str
    secret: bytes = field(repr=False)

    def mac(self, text: bytes) -> str:
        """HMAC-SHA256 of the text, in hex."""
        return hmac.digest(self.secret, text, "sha256").hex()


def signing() -> Key:
    """The key that signs: the first of DRSORCH_AUDIT_KEYS, or one derived from SECRET_KEY where none is given."""
    return next(iter(known().values()))


def known() -> Mapping[str, Key]:
    """Every key that verifies, by its id; the first signs."""
    return _keys(
        tuple(settings.DRSORCH_AUDIT_KEYS), (str(settings.SECRET_KEY), *map(str, settings.SECRET_KEY_FALLBACKS))
    )


def is_mac(keys: Mapping[str, Key], key_id: str, text: bytes, mac: str) -> bool | None:
    """True if the key with this id made this signature of the text. None if it is not among these keys."""
    key = keys.get(key_id)
    return None if key is None else hmac.compare_digest(key.mac(text), mac)


@functools.lru_cache(maxsize=8)
def _keys(given: tuple[tuple[str, str], ...], secret_keys: tuple[str, ...]) -> Mapping[str, Key]:
    # What was signed before keys were given, or before SECRET_KEY was changed, can still be verified.
    found = [Key(id, _stretched(secret)) for id, secret in given] + [_derived(secret) for secret in secret_keys]
    return {key.id: key for key in found}


def _derived(secret_key: str) -> Key:
    key = _stretched(secret_key)
    # Names the SECRET_KEY without saying anything of it.
    return Key(f"derived-{hashlib.sha256(b'id' + key).hexdigest()[:8]}", key)


def _stretched(secret: str) -> bytes:
    """A key for this purpose alone, as the same secret may serve others (HKDF's extraction, RFC 5869)."""
    return hmac.digest(b"drsorch audit trail", secret.encode(), "sha256")
