"""Which addresses others could listen in on."""

from __future__ import annotations

from urllib.parse import urlsplit

from drsorch.values import is_loopback


def open_to_listeners(address: str) -> bool:
    """Plain HTTP to another machine."""
    parts = urlsplit(address)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")
