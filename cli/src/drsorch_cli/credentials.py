"""Where drsorch is, and the token: from the environment, else from the system's keyring, if there is one."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from typing import Any, Final

from drsorch_cli.api import Client
from drsorch_cli.outcomes import Exit, Stop

_SERVICE: Final = "drsorch"
_URL: Final = "url"


def connected(url: str = "") -> Client:
    """A client of the drsorch at `url`, or at DRSORCH_URL, or of the one that was signed in to."""
    ring = _keyring()
    url = url or os.environ.get("DRSORCH_URL", "") or _kept(ring, _URL)
    if not url:
        raise Stop("Set DRSORCH_URL to the address of drsorch, such as https://drsorch.example.com.", Exit.USAGE)
    token = os.environ.get("DRSORCH_TOKEN", "").strip() or _kept(ring, url.rstrip("/"))
    if not token:
        hint = "sign in with drsorch login" if ring else "create one on the page API tokens"
        raise Stop(f"Set DRSORCH_TOKEN to an API token of {url}, or {hint}.", Exit.NOT_ALLOWED)
    return Client(url, token)


def login(url: str) -> str:
    """Keep a token in the keyring, having tried it; returns a sentence."""
    ring = _keyring()
    if ring is None:
        raise Stop(
            "There is no keyring here: install drsorch-cli[keyring], or set DRSORCH_URL and DRSORCH_TOKEN.", Exit.USAGE
        )
    url = (url or os.environ.get("DRSORCH_URL", "")).rstrip("/")
    if not url:
        raise Stop("Say which drsorch: drsorch login --url https://drsorch.example.com.", Exit.USAGE)
    token = (getpass.getpass(f"API token of {url}: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not token:
        raise Stop("No token was entered. Create one on the page API tokens.", Exit.USAGE)
    me = Client(url, token).get("me/")
    try:
        ring.set_password(_SERVICE, url, token)
        ring.set_password(_SERVICE, _URL, url)
    except Exception as error:  # each keyring has errors of its own
        raise Stop(f"The keyring does not take the token: {error}. Set DRSORCH_URL and DRSORCH_TOKEN.") from error
    return f"Signed in to {url} as {me['username']}. The token is in the keyring."


def logout(url: str) -> str:
    ring = _keyring()
    url = (url or os.environ.get("DRSORCH_URL", "") or _kept(ring, _URL)).rstrip("/")
    if ring is None or not _kept(ring, url):
        return "No token is kept here."
    ring.delete_password(_SERVICE, url)
    return f"The token of {url} was removed from the keyring. It is valid until it is revoked on the page API tokens."


def _keyring() -> Any:
    """The system's keyring; None where there is none that keeps anything."""
    with contextlib.suppress(Exception):
        import keyring
        from keyring.backends.fail import Keyring as Nothing

        return None if isinstance(keyring.get_keyring(), Nothing) else keyring
    return None


def _kept(ring: Any, name: str) -> str:
    if ring is None:
        return ""
    with contextlib.suppress(Exception):  # locked, or nobody there to unlock it
        return ring.get_password(_SERVICE, name) or ""
    return ""
