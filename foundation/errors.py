"""The one error hierarchy of the domain. Services raise these; the API and the screens turn them into answers.

Each message is a sentence for a person: what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with what was sent. `attr` is a dotted path such as `waves.1.name`; empty means the whole.

    `id`: of the thing in the way, for scripts; empty where there is none.
    """

    attr: str
    detail: str
    code: str = "invalid"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of something that is not done yet."""

    #: For people: what it waits for.
    sentence: str
    #: Where people see it, and where scripts do.
    page: str
    location: str
    #: What a script is answered, with status 202.
    body: Any


class NotYet(Exception):  # nothing is wrong
    """It may be done, but not by one person alone: `keep` notes it for another one to agree to.

    It ends whatever transaction it is raised in; whoever asked catches it, at the door, and calls `keep` then.
    """

    def __init__(self, keep: Callable[[], Kept]) -> None:
        super().__init__("It takes two persons.")
        self.keep = keep


class DomainError(Exception):
    """Base. `errors` may name several culprits; `str(error)` is the summary."""

    status = 400
    title = "Invalid input"
    code = "invalid"

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = (), code: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.code = code or type(self).code


class Invalid(DomainError):
    """What was sent cannot be accepted as it is (400)."""

    @classmethod
    def field(cls, attr: str, detail: str, code: str = "invalid") -> Invalid:
        return cls(detail, errors=[FieldError(attr, detail, code)])

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> Invalid:
        """All of `errors` at once, so that a person mends them in one go."""
        return cls(" ".join(error.detail for error in errors), errors=errors)


class NotAllowed(DomainError):
    """The person may not do this (403)."""

    status, title, code = 403, "Not allowed", "permission_denied"


class RecentSignInNeeded(Exception):
    """The session may do this, but was signed in to too long ago: its person is asked to confirm who they are.

    No `DomainError`: no form shows it, and no view answers it. `foundation.signing_in` leads to the page that asks, and
    the API answers 403.
    """

    code = "recent_sign_in_needed"
    detail = (
        "You signed in too long ago for this. Confirm who you are at /accounts/reauthenticate/, then send it again. "
        "Requests with a token are not asked for this."
    )


class SecondFactorNeeded(Exception):
    """The person's role needs a second factor, which they have not set up. Handled as `RecentSignInNeeded` is."""

    code = "second_factor_needed"
    detail = "Your role needs a second factor. Set one up at /accounts/2fa/, then send this again."


class Missing(DomainError):
    """What was named does not exist (404)."""

    status, title, code = 404, "Not found", "not_found"


class Conflict(DomainError):
    """It cannot be done in the present state (409)."""

    status, title, code = 409, "Conflict", "conflict"


class Stale(DomainError):
    """Somebody else changed it first (412)."""

    status, title, code = 412, "Changed in the meantime", "stale"


class VersionNeeded(DomainError):
    """It would overwrite what somebody else saved, without saying that it knows that (428, RFC 6585)."""

    status, title, code = 428, "Version needed", "version_needed"


class Unavailable(DomainError):
    """Something that is needed, usually AWS, refuses or cannot be reached now (503).

    Its words are shown with the due row whose look raised it."""

    status, title, code = 503, "Temporarily unavailable", "unavailable"
