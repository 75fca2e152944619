"""Which DRS an address leads to: two spellings of one address are one DRS."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from urllib.parse import unquote, urlsplit

#: AWS's own addresses. An account has one DRS in a Region, whichever of them it is asked at.
_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".c2s.ic.gov", ".sc2s.sgov.gov")
_PORTS = {"http": 80, "https": 443}
_THIS_MACHINE = "localhost"


def endpoint_key(url: str) -> str:
    """What the endpoints of one DRS have in common: `host:port`, or "" for every address of AWS's own.

    Scheme, case, path of slashes, default port, credentials and the spellings of an IP address make no difference;
    nor do the names of this machine. Whatever cannot be read is its own key.
    """
    text = url.strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        port = parts.port or _PORTS.get(parts.scheme.lower(), 443)
    except ValueError:
        return text.lower()
    host = _host(parts.hostname or "")
    if not host:
        return text.lower()
    if any(f".{host}".endswith(suffix) for suffix in _OF_AWS):
        return ""
    path = "/".join(part for part in parts.path.split("/") if part)
    return f"{host}:{port}" + (f"/{path}" if path else "")


def _host(text: str) -> str:
    name = unquote(text).rstrip(".").lower()
    with contextlib.suppress(UnicodeError):
        name = name.encode("idna").decode("ascii")
    address = _address(name)
    if address is None:
        return _THIS_MACHINE if name == _THIS_MACHINE or name.endswith(f".{_THIS_MACHINE}") else name
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return _THIS_MACHINE if address.is_loopback or address.is_unspecified else str(address)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001 and 2130706433 are addresses to every resolver. No name is looked up here.
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None
