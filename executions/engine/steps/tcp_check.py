"""TCP check: does a port of what was recovered accept a connection?"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from executions.engine.steps.addresses import TIMEOUT, refusal
from executions.engine.steps.outcome import StepOutcome, done, retry
from executions.transitions import StepClaim
from foundation.outside.asking import ascii_host, reason
from foundation.outside.outbound import resolved


def run(claim: StepClaim, parameters: Mapping[str, Any]) -> StepOutcome:
    return tcp_check(parameters["host"], parameters["port"])


def tcp_check(host: str, port: int) -> StepOutcome:
    """It holds if the port accepts a connection."""
    begun = time.monotonic()
    try:
        address, *_ = resolved(ascii_host(host), port, seconds=TIMEOUT)
        left = max(TIMEOUT - (time.monotonic() - begun), 0.1)
        with socket.create_connection((address, port), timeout=left):
            return done(f"{host}:{port} accepts connections.")
    except ValueError as error:
        return refusal(host, error)
    except OSError as error:
        return retry(f"{host}:{port} does not accept connections: {reason(error)}.")
