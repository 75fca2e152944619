"""How a simulated call ends other than with an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WireError(Exception):
    """An error answer of the service: status, code, message and the error's own members (`resourceId`, `quotaCode`)."""

    def __init__(self, status: int, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.members: Mapping[str, Any] = members


class NoAnswer(Exception):
    """The caller gets no answer: the connection ends after `wait_seconds`, whether the call was carried out or not."""

    def __init__(self, wait_seconds: float = 0.0) -> None:
        super().__init__(f"no answer, connection closed after {wait_seconds:g} s")
        self.wait_seconds = wait_seconds


class LateAnswer(Exception):
    """The caller gets the answer, but only after `wait_seconds`; if it `drips`, a byte at a time until then."""

    def __init__(self, wait_seconds: float, answer: Mapping[str, Any], *, drips: bool = False) -> None:
        super().__init__(f"answer {wait_seconds:g} s late")
        self.wait_seconds = wait_seconds
        self.answer = answer
        self.drips = drips

    def holding(self, response: object) -> LateAnswer:
        """The same, with the answer as it goes over the wire."""
        return LateAnswer(self.wait_seconds, {"response": response}, drips=self.drips)


class LateWork(Exception):
    """The call is held for `wait_seconds` and carried out then, also if its caller has gone by then."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"carried out {wait_seconds:g} s late")
        self.wait_seconds = wait_seconds


class ScenarioError(ValueError):
    """A scenario, fault or control request that makes no sense; the message says what to change."""


def validation(message: str, *, reason: str = "fieldValidationFailed", fields: object = None) -> WireError:
    members: dict[str, Any] = {"reason": reason}
    if fields:
        members["fieldList"] = fields
    return WireError(400, "ValidationException", message, **members)


def not_found(resource_type: str, resource_id: str) -> WireError:
    return WireError(
        404, "ResourceNotFoundException", f"{resource_type} {resource_id} does not exist in this account and Region.",
        resourceId=resource_id, resourceType=resource_type,
    )  # fmt: skip
