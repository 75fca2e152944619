"""Asks the identity provider: what it offers, its keys, and tokens for a code. Bounded in time, size and number.

The issuer is a setting; every other address is what the provider's document says. All are asked through
`foundation.outside`: one look-up, checked addresses, no redirect, no proxy. Not to be called inside a transaction.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from django.conf import settings

from foundation.outside.asking import Unanswered, ask
from foundation.outside.outbound import Refused

#: One answer of the provider: how long it may take in all, and how long it may be.
SECONDS: Final = 10
MOST_BYTES: Final = 512 * 1024
#: How long what it offers, and its keys, are kept in this process.
KEPT_SECONDS: Final = 3600
#: A token that is signed with an unknown key has the keys asked for again; not more often than this.
ANEW_SECONDS: Final = 5
WELL_KNOWN: Final = "/.well-known/openid-configuration"
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderFails(Exception):
    """The provider does not answer, or not as it should; the message is a sentence for administrators."""


class CodeRefused(ProviderFails):
    """The code is not good, or no longer, or it was given to another sign-in."""


@dataclass
class _Kept:
    """What this process knows of the one provider that the settings name."""

    issuer: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)
    configuration_at: float = 0
    keys: list[dict[str, Any]] = field(default_factory=list)
    keys_at: float = 0
    #: Why its document could not be had when it was last asked for; empty if it could.
    failure: str = ""


_kept = _Kept()
_lock = threading.Lock()
#: Held by the one who waits for a provider that did not answer: the other threads are for those who sign in locally.
_waiting = threading.Lock()


def forget() -> None:
    """Ask for everything anew; for tests, which have many providers in one process."""
    global _kept  # noqa: PLW0603 # one provider, one memory
    with _lock:
        _kept = _Kept()


def configuration() -> dict[str, Any]:
    """The provider's discovery document, checked. Raises `ProviderFails`."""
    issuer = settings.DRSORCH_OIDC_ISSUER
    with _lock:
        if _kept.issuer == issuer and time.monotonic() - _kept.configuration_at < KEPT_SECONDS:
            return _kept.configuration
        failure = _kept.failure
    if failure and not _waiting.acquire(blocking=False):
        raise ProviderFails(failure)
    try:
        found = _document(f"{issuer.rstrip('/')}{WELL_KNOWN}")
        _check(found, issuer)
    except ProviderFails as error:
        _kept.failure = str(error)
        raise
    finally:
        if failure:
            _waiting.release()
    with _lock:
        _kept.failure = ""
        if _kept.issuer != issuer:
            _kept.keys, _kept.keys_at = [], 0
        _kept.issuer, _kept.configuration, _kept.configuration_at = issuer, found, time.monotonic()
    return found


def keys(*, anew: bool = False) -> list[dict[str, Any]]:
    """The keys that the provider signs with. `anew`: as a token names one that is not among them; they are asked for
    again unless that was done a moment ago. Raises `ProviderFails`."""
    address = configuration()["jwks_uri"]
    with _lock:
        age = time.monotonic() - _kept.keys_at if _kept.keys_at else KEPT_SECONDS
        if age < (ANEW_SECONDS if anew else KEPT_SECONDS):
            return _kept.keys
    listed = _document(address).get("keys")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ProviderFails(f"{address} does not list keys.")
    with _lock:
        _kept.keys, _kept.keys_at = listed, time.monotonic()
    return listed


def tokens_for(code: str, *, redirect_uri: str, code_verifier: str) -> dict[str, Any]:
    """What the token endpoint gives for the code, which it does once. Raises `CodeRefused`, and `ProviderFails`."""
    found = configuration()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": code_verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    client_id, secret = settings.DRSORCH_OIDC_CLIENT_ID, settings.DRSORCH_OIDC_CLIENT_SECRET
    offered = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if secret and ("client_secret_basic" in offered or "client_secret_post" not in offered):
        # What a client is registered for unless it says otherwise. RFC 6749, section 2.3.1: both form-encoded.
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        form |= {"client_id": client_id, **({"client_secret": secret} if secret else {})}
    return _document(found["token_endpoint"], body=urlencode(form).encode(), headers=headers)


def _check(found: Mapping[str, Any], issuer: str) -> None:
    said = found.get("issuer")
    if not isinstance(said, str) or said.rstrip("/") != issuer.rstrip("/"):
        raise ProviderFails(
            f"{issuer} calls itself {said!r} in its discovery document. DRSORCH_OIDC_ISSUER must agree."
        )
    secure = urlsplit(issuer).scheme == "https"
    for name in _ENDPOINTS:
        parts = urlsplit(address) if isinstance(address := found.get(name), str) else None
        if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
            raise ProviderFails(f"{issuer} names no {name} in its discovery document.")
        if secure and parts.scheme != "https":
            raise ProviderFails(f"{issuer} names a {name} that is not HTTPS.")


def _document(address: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    method = "GET" if body is None else "POST"
    try:
        answer = ask(
            method,
            address,
            seconds=SECONDS,
            most_bytes=MOST_BYTES + 1,
            body=body,
            headers=headers,
            named=urlsplit(address).hostname == urlsplit(settings.DRSORCH_OIDC_ISSUER).hostname,
        )
    except (Refused, Unanswered) as error:
        raise ProviderFails(str(error)) from error
    except ValueError as error:
        raise ProviderFails(f"{address} is not an address that can be asked: {error}.") from error
    if len(answer.body) > MOST_BYTES:
        raise ProviderFails(f"{address}: the answer has more than {MOST_BYTES:,} bytes.")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if answer.status != 200:
        said = document if isinstance(document, dict) else {}
        # Its own words for it: RFC 6749, section 5.2.
        why = ": ".join(str(said[name])[:200] for name in ("error", "error_description") if said.get(name))
        fails = CodeRefused if said.get("error") == "invalid_grant" else ProviderFails
        raise fails(f"{address}: the answer is {answer.status}{f' ({why})' if why else ''}.")
    if not isinstance(document, dict):
        raise ProviderFails(f"{address}: the answer is not a JSON object.")
    return document
