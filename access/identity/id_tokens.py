"""Whether an ID token is what the provider says to drsorch, now, about this sign-in. It knows no network.

allauth 65 leaves out the signature of a token that comes from the token endpoint, knows no nonce, and takes the person
from the userinfo answer if there is one. Here the ID token alone counts, and every rule of OpenID Connect Core 1.0,
section 3.1.3.7, is held to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt

from access.identity.claims import MAX_SUBJECT

#: Signatures that only the holder of a private key can make. Not `none`, and not those with the client's secret.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: How far the clocks of the provider and of drsorch may be apart, in seconds.
LEEWAY: Final = 60
_REQUIRED: Final = ["iss", "sub", "aud", "exp", "iat"]
_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class BadToken(Exception):
    """The token is not to be believed; the message says why, for the log and the audit trail."""


class UnknownKey(BadToken):
    """None of the keys signed it: perhaps the provider has a new one."""


def verified(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str = "",
) -> dict[str, Any]:
    """The claims of the token. `keys` are those of the provider's JWKS.

    Raises `UnknownKey` if none of the keys has its id, and `BadToken` for everything else that is wrong.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise BadToken(f"It is signed by {header.get('alg')!r}, which proves nothing.")
        claims: dict[str, Any] = jwt.decode(
            token,
            key=_key(keys, header),
            algorithms=[header["alg"]],
            issuer=issuer,
            audience=client_id,
            leeway=LEEWAY,
            options={"require": _REQUIRED},
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise BadToken(f"{str(error).rstrip('.')}.") from error
    _check(claims, header["alg"], client_id, nonce, access_token)
    return claims


def _key(keys: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> jwt.PyJWK:
    """The key that the header names; where it names none, the only one that could be meant."""
    usable = [key for key in keys if key.get("use", "sig") == "sig" and key.get("alg", header["alg"]) == header["alg"]]
    named = [key for key in usable if key.get("kid") == header["kid"]] if "kid" in header else usable
    if len(named) != 1:
        raise UnknownKey(f"It is signed with a key ({header.get('kid', 'unnamed')}) that the provider does not show.")
    return jwt.PyJWK(dict(named[0]), algorithm=header["alg"])


def _check(claims: Mapping[str, Any], alg: str, client_id: str, nonce: str, access_token: str) -> None:
    audience = claims["aud"]
    if "azp" in claims and claims["azp"] != client_id:
        raise BadToken("It was issued to another application (azp).")
    if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
        raise BadToken("It is for several applications, and does not say to which it was issued (azp).")
    sub = claims["sub"]
    if not (isinstance(sub, str) and 0 < len(sub) <= MAX_SUBJECT and sub.isprintable()):
        raise BadToken("It does not say whom it is about (sub).")
    if not nonce or not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise BadToken("It belongs to another sign-in (nonce).")
    if "at_hash" in claims and access_token and not _is_hash(str(claims["at_hash"]), access_token, alg):
        raise BadToken("It belongs to another access token (at_hash).")


def _is_hash(said: str, access_token: str, alg: str) -> bool:
    """OpenID Connect Core 1.0, section 3.1.3.6: the left half of the hash that the signature uses. No such hash is
    agreed on for EdDSA, of which both are in use."""
    hashes = [_HASHES[alg[2:]]] if alg[2:] in _HASHES else list(_HASHES.values())
    for make in hashes:
        digest = make(access_token.encode()).digest()
        half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
        if hmac.compare_digest(half.encode(), said.encode()):
            return True
    return False


def signed_in_at(claims: Mapping[str, Any], now: float) -> float | None:
    """When the person proved to the provider who they are (Unix time), not after `now`; None if it is not said."""
    at = claims.get("auth_time")
    return None if isinstance(at, bool) or not isinstance(at, int | float) else min(at, now)
