"""HTTP check: does what was recovered answer as it should?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from drs.deadline import Deadline, Watched
from executions.engine.steps.addresses import TIMEOUT, ascii_host, reason, refusal
from executions.engine.steps.outcome import StepOutcome, done, retry
from executions.transitions import StepClaim
from foundation.outbound import resolved

#: So much of a body is read to look for a text, in bytes.
_BODY_LIMIT = 1_000_000


class _Connection(Watched, HTTPConnection):
    pass


class _SecureConnection(Watched, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def run(claim: StepClaim, parameters: Mapping[str, Any]) -> StepOutcome:
    return http_check(
        parameters["url"],
        expected_status=parameters.get("expected_status", 200),
        contains=parameters.get("contains", ""),
    )


def http_check(url: str, *, expected_status: int = 200, contains: str = "") -> StepOutcome:
    """GET the address, following no redirects; it holds if the status, and a text in the body, are as expected.

    The connection goes to an address that was looked at, with the name as Host and for TLS.
    """
    begun = time.monotonic()
    try:
        parts = urlsplit(url)
        host = ascii_host(parts.hostname or "")
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        address, *_ = resolved(host, port, seconds=TIMEOUT)
    except ValueError as error:
        return refusal(url, error)
    except OSError as error:
        return retry(f"{host} does not resolve: {error}.")
    left = max(TIMEOUT - (time.monotonic() - begun), 0.1)
    options: dict[str, Any] = {"timeout": urllib3.Timeout(connect=left, read=left), "retries": False}
    pool = (
        _SecurePool(address, port, server_hostname=host, assert_hostname=host, **options)
        if secure
        else _Pool(address, port, **options)
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    called = (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")
    with Deadline(left) as deadline:
        try:
            with pool:
                answer = pool.request("GET", target, headers={"Host": called}, preload_content=False, redirect=False)
                body = answer.read(_BODY_LIMIT).decode("utf-8", "replace")
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if not deadline.expired:
                return retry(f"{url} did not answer: {reason(error)}.")
    if deadline.expired:
        return retry(f"{url} did not answer completely: timed out after {TIMEOUT:g} seconds in all.")
    if answer.status != expected_status:
        wrong = f", not {expected_status}"
    else:
        wrong = f", without the text “{contains}”" if contains and contains not in body else ""
    answered = f"{url} answered {answer.status}"
    return retry(f"{answered}{wrong}.") if wrong else done(f"{answered} as expected.")
