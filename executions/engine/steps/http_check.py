"""HTTP check: does what was recovered answer as it should?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executions.engine.steps.addresses import TIMEOUT, refusal
from executions.engine.steps.outcome import StepOutcome, done, retry
from executions.transitions import StepClaim
from foundation.outside.asking import Unanswered, ask

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
        answer = ask("GET", url, seconds=TIMEOUT, most_bytes=_BODY_LIMIT)
    except ValueError as error:
        return refusal(url, error)
    except Unanswered as silence:
        return retry(str(silence))
    if answer.status != expected_status:
        wrong = f", not {expected_status}"
    else:
        found = contains in answer.body.decode("utf-8", "replace")
        wrong = "" if found else f", without the text “{contains}”"
    answered = f"{url} answered {answer.status}"
    return retry(f"{answered}{wrong}.") if wrong else done(f"{answered} as expected.")
