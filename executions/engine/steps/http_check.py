"""HTTP check: does what was recovered answer as it should?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3

from executions.engine.steps.addresses import TIMEOUT, allowed_address, ascii_host, reason, refusal
from executions.engine.steps.outcome import StepOutcome, done, retry
from executions.transitions import StepClaim

#: So much of a body is read to look for a text, in bytes.
_BODY_LIMIT = 1_000_000


def run(claim: StepClaim, parameters: Mapping[str, Any]) -> StepOutcome:
    return http_check(
        parameters["url"],
        expected_status=parameters.get("expected_status", 200),
        contains=parameters.get("contains", ""),
    )


def http_check(url: str, *, expected_status: int = 200, contains: str = "") -> StepOutcome:
    """GET the address, following no redirects; it holds if the status, and a text in the body, are as expected."""
    try:
        parts = urlsplit(url)
        host = ascii_host(parts.hostname or "")
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        address = allowed_address(host, port)
    except ValueError as error:
        return refusal(url, error)
    except OSError as error:
        return retry(f"{host} does not resolve: {error}.")
    timeout = urllib3.Timeout(connect=TIMEOUT, read=TIMEOUT)
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
        return retry(f"{url} did not answer: {reason(error)}.")
    if answer.status != expected_status:
        return retry(f"{url} answered {answer.status}, not {expected_status}.")
    if contains and contains not in body:
        return retry(f"{url} answered {answer.status}, without the text “{contains}”.")
    return done(f"{url} answered {answer.status} as expected.")
