"""The address that a site's DRS is asked at, and what it has in common with other spellings of it."""

from __future__ import annotations

import os

from protection.core.identity import endpoint_key

_STANDARD = ("AWS_ENDPOINT_URL_DRS", "AWS_ENDPOINT_URL")


def key_of(endpoint_url: str) -> str:
    """The key of the site's endpoint; without one, of the address that the AWS variables name, or of AWS's own."""
    return endpoint_key(endpoint_url or next((os.environ[name] for name in _STANDARD if os.environ.get(name)), ""))
