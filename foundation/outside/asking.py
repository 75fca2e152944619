"""A request over HTTP to an address that somebody typed, within the one rule of what may be asked (`outbound`).

The connection goes to an address that was looked at, with the name as Host and for TLS; no redirect is followed, and no
proxy is asked. Not to be called inside a transaction: it takes as long as it is given.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from drs.deadline import Deadline, Watched
from foundation.outside.outbound import resolved


class Unanswered(Exception):
    """Nobody answered, or not to the end; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    #: Its beginning, as much as was asked for.
    body: bytes


class _Connection(Watched, HTTPConnection):
    pass


class _SecureConnection(Watched, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def ask(
    method: str,
    url: str,
    *,
    seconds: float,
    most_bytes: int,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    named: bool = False,
) -> Answer:
    """Send a request, and read at most so many bytes of what is answered; all of it takes at most so many seconds.

    `named`: a setting names the host, which may then stand on this machine (`outbound.address_check`).

    Raises `outbound.Refused` for an address that may not be asked, ValueError for what is no address, and `Unanswered`.
    """
    begun = time.monotonic()
    parts = urlsplit(url)
    host = ascii_host(parts.hostname or "")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        address, *_ = resolved(host, port, seconds=seconds, named=named)
    except OSError as error:
        raise Unanswered(f"{host} does not resolve: {reason(error)}.") from error
    left = max(seconds - (time.monotonic() - begun), 0.1)
    options: dict[str, Any] = {"timeout": urllib3.Timeout(connect=left, read=left), "retries": False}
    pool = (
        _SecurePool(address, port, server_hostname=host, assert_hostname=host, **options)
        if secure
        else _Pool(address, port, **options)
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    called = (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")
    sent = {**(headers or {}), "Host": called}
    with Deadline(left) as deadline:
        try:
            with pool:
                answer = pool.request(method, target, body=body, headers=sent, preload_content=False, redirect=False)
                read = answer.read(most_bytes)
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if not deadline.expired:
                raise Unanswered(f"{url} did not answer: {reason(error)}.") from error
    if deadline.expired:
        raise Unanswered(f"{url} did not answer completely: timed out after {seconds:g} seconds in all.")
    return Answer(answer.status, read)


def ascii_host(host: str) -> str:
    """The host as the network writes it. Raises ValueError if it is none."""
    if not host:
        raise ValueError("it has no host name")
    return host if ":" in host else host.encode("idna").decode()


def reason(error: Exception) -> str:
    """The part of a network error that a person can use."""
    if isinstance(error, urllib3.exceptions.ProtocolError) and isinstance(error.args[-1], Exception):
        error = error.args[-1]  # it is said in parentheses of its own, otherwise
    words = str(error).rpartition(": ")[2].rstrip(".)")
    return re.sub(r"^\[Errno -?\d+\] ", "", words) or type(error).__name__
