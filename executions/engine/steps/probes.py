"""HTTP and TCP checks: does what was recovered answer? Addresses of the machine's own link are refused.

A check is a request that a plan's author makes this server send; the metadata services of clouds answer on link-local
addresses and would hand out this server's credentials. The name is resolved once, every address is looked at, and the
connection goes to the address that was looked at.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

#: Seconds to connect, and to answer.
_TIMEOUT = 10.0
#: So much of a body is read to look for a text.
_BODY_LIMIT = 1_000_000
#: Metadata and credential services that are not on link-local addresses.
_METADATA = (ipaddress.ip_network("fd00:ec2::/32"), ipaddress.ip_network("100.100.100.200/32"))


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether the check holds, and what was seen, in a sentence. `refused`: it will never be allowed."""

    holds: bool
    said: str
    refused: bool = False


def http_check(url: str, *, expected_status: int = 200, contains: str = "") -> Probe:
    """GET the address, following no redirects; it holds if the status, and a text in the body, are as expected."""
    try:
        parts = urlsplit(url)
        host = _ascii(parts.hostname or "")
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        address = _allowed_address(host, port)
    except ValueError as error:
        return _refusal(url, error)
    except OSError as error:
        return Probe(False, f"{host} does not resolve: {error}.")
    timeout = urllib3.Timeout(connect=_TIMEOUT, read=_TIMEOUT)
    pool: urllib3.HTTPConnectionPool
    if secure:
        pool = urllib3.HTTPSConnectionPool(
            address, port, timeout=timeout, retries=False, server_hostname=host, assert_hostname=host
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout, retries=False)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    called = (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")
    try:
        with pool:
            answer = pool.request("GET", target, headers={"Host": called}, preload_content=False, redirect=False)
            body = answer.read(_BODY_LIMIT).decode("utf-8", "replace")
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Probe(False, f"{url} did not answer: {_short(error)}.")
    if answer.status != expected_status:
        return Probe(False, f"{url} answered {answer.status}, not {expected_status}.")
    if contains and contains not in body:
        return Probe(False, f"{url} answered {answer.status}, without the text “{contains}”.")
    return Probe(True, f"{url} answered {answer.status} as expected.")


def tcp_check(host: str, port: int) -> Probe:
    """It holds if the port accepts a connection."""
    try:
        address = _allowed_address(_ascii(host), port)
        with socket.create_connection((address, port), timeout=_TIMEOUT):
            return Probe(True, f"{host}:{port} accepts connections.")
    except ValueError as error:
        return _refusal(host, error)
    except OSError as error:
        return Probe(False, f"{host}:{port} does not accept connections: {_short(error)}.")


class _Refused(ValueError):
    pass


def _refusal(what: str, error: ValueError) -> Probe:
    """What no later try can change. Variables are filled in after the plan was checked: anything may have come out."""
    said = str(error) if isinstance(error, _Refused) else f"“{what}” is not an address to ask: {_short(error)}."
    return Probe(False, said, refused=True)


def _ascii(host: str) -> str:
    """The host as the network writes it. Raises ValueError if it is none."""
    if not host:
        raise ValueError("it names no host")
    return host if ":" in host else host.encode("idna").decode()


def _allowed_address(host: str, port: int) -> str:
    """The host's first address. Raises `_Refused` if any of them is not to be asked, OSError if it has none."""
    found = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        address = ipaddress.ip_address(str(text).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or _is_metadata(mapped):
            raise _Refused(f"{host} is {text}, a link-local or metadata address: such checks are refused.")
    return str(found[0])


def _is_metadata(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _METADATA)


def _short(error: Exception) -> str:
    return str(error).rpartition(": ")[2].rstrip(".)") or type(error).__name__
