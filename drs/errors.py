"""Every way a call to DRS, or to what steps run on, can fail, in the words the rest of drsorch decides by.

The classes say what may have happened *on the other side*, because that is what a caller needs:
`OutcomeUnknown` may have launched servers or run a script; every other one certainly did nothing.
"""

from __future__ import annotations

from drs import foreign


class DrsError(Exception):
    """Base. `str(error)` is a sentence fit for a person."""

    #: AWS's id of the request that it refused, by which its support finds it; empty if none came.
    aws_request_id = ""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        resource_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        #: AWS's own words are in it: they pass the door here, whoever wrote the sentence around them.
        self.message = foreign.text(message)
        super().__init__(self.message)
        #: The service's own error code, for example `ConflictException`; empty if none came.
        self.code = foreign.line(code, 64)
        #: What the service named as the culprit, for example a source server id.
        self.resource_id = foreign.identity(resource_id) if resource_id is not None else None
        #: At most an hour: what a header asks for beyond that is not waited for.
        self.retry_after_seconds = min(retry_after_seconds, 3600.0) if retry_after_seconds is not None else None


class Throttled(DrsError):
    """Too many calls (429). Nothing was done; ask again later."""


class Rejected(DrsError):
    """DRS understood the request and refused it; `code` says why."""


class ServerBusy(Rejected):
    """409 ConflictException: a source server is in an unfinished job. One busy server is taken to reject the whole call
    (docs/drs.md 3.5)."""


class QuotaExceeded(Rejected):
    """402 ServiceQuotaExceededException: jobs or servers in jobs are at the account's limit."""


class InstancesNotReady(Rejected):
    """Systems Manager does not know an instance named: its agent has not registered, or never will."""


class Denied(DrsError):
    """Credentials are missing, wrong or expired, IAM refuses the action, or the opt-in Region is switched off."""

    #: True if the credentials themselves were refused, or there are none; newer ones may be at hand.
    is_about_credentials = False


class NotFound(DrsError):
    """The resource named in the request does not exist there."""


class NotInitialised(DrsError):
    """DRS has not been initialised in this account and Region (UninitializedAccountException)."""


class Unreachable(DrsError):
    """No usable answer, and certainly nothing done: no connection, or silence after a call that only reads."""


class OutcomeUnknown(DrsError):
    """The request was sent and no clear answer came: read time-out, reset, 5xx. It may have been carried out."""

    #: True if the service itself answered that it failed: what it did of the request, it has done. Silence, and what a
    #: gateway in front of the service says (502, 504), prove nothing: the request may be carried out later.
    is_over = False


#: What ends by itself: asking again later may well succeed, and nothing needs to be changed for that.
#: Not `OutcomeUnknown`: it may have been carried out, so whoever gets it has to look before asking again. A call that
#: only reads never raises it (`drs.failures`).
TRANSIENT = (Throttled, Unreachable, ServerBusy, QuotaExceeded, InstancesNotReady)
