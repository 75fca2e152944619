"""What is known of each call to AWS: one line in the log, and whoever wants to count (`OBSERVERS`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self

import structlog

log = structlog.get_logger(__name__)

OK: Final = "ok"
#: Denied, and drsorch does without it: no failure, and nothing to wake someone for.
DONE_WITHOUT: Final = "DoneWithout"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is over."""

    service: str
    operation: str
    account: str
    region: str
    seconds: float
    #: "ok", "DoneWithout", or the class of `drs.errors` that it ended with.
    outcome: str
    #: AWS's own: its code of an error, and its id of the request, by which its support finds it.
    code: str
    request_id: str
    #: How often it was sent; the SDK repeats what only reads.
    attempts: int


#: Told of every call, in the thread that made it. What one raises is logged, and nothing else.
OBSERVERS: Final[list[Callable[[Call], None]]] = []

#: Done before each page of a list, in the thread that asks for it: a list takes as long as all of its pages.
BEFORE_PAGES: Final[list[Callable[[], None]]] = []

_here = threading.local()


class Measured:
    """`with Measured(...) as call:` around one call; `call.answered` takes what AWS said. Calls nest: a call may need
    a role's session first. `optional`: where it is denied, drsorch does without it."""

    def __init__(self, service: str, operation: str, *, account: str, region: str, optional: bool = False) -> None:
        self._service, self._operation, self._account, self._region = service, operation, account, region
        self._optional = optional
        self._attempts = 0
        self._repeated: dict[str, Any] | None = None
        self._code = self._request_id = ""

    def __enter__(self) -> Self:
        self._outer = getattr(_here, "call", None)
        _here.call = self
        self._begun = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _here.call = self._outer
        seconds = time.monotonic() - self._begun
        outcome = OK if error is None else type(error).__name__
        if self._optional and outcome == "Denied":
            outcome = DONE_WITHOUT
        code = getattr(error, "code", "") or self._code
        if error is not None and self._request_id:
            error.aws_request_id = self._request_id  # type: ignore[attr-defined] # a DrsError, which is above this module
        call = Call(
            self._service, self._operation, self._account, self._region, seconds, outcome,
            code if error is not None else "", self._request_id, self._attempts,
        )  # fmt: skip
        _say(call)

    def sent(self) -> None:
        """It goes out, for the first time or again."""
        self._attempts += 1
        if self._repeated is not None:
            log.info("aws_call_repeated", attempt=self._attempts, before=self._repeated)
            self._repeated = None

    def answered(self, answer: Mapping[str, Any] | None, failure: BaseException | None) -> None:
        """What came back of one attempt: the parsed answer, or why there is none."""
        said = answer or {}
        metadata = said.get("ResponseMetadata") or {}
        headers = metadata.get("HTTPHeaders") or {}
        self._request_id = str(metadata.get("RequestId") or headers.get("x-amzn-requestid") or "")[:100]
        self._code = str((said.get("Error") or {}).get("Code") or "")[:64]
        if failure is not None or self._code:
            why = self._code or type(failure).__name__
            self._repeated = {"code": why, "aws_request_id": self._request_id}
        note_time(self._account, self._region, headers.get("date"))


def current() -> Measured | None:
    """The call that this thread is making."""
    call: Measured | None = getattr(_here, "call", None)
    return call


def begin_page() -> None:
    """Call it before each page of a list is asked for."""
    for do in BEFORE_PAGES:
        do()


def _say(call: Call) -> None:
    say = log.info if call.outcome in (OK, DONE_WITHOUT) else log.warning
    facts = {
        "service": call.service,
        "operation": call.operation,
        "account": call.account or None,
        "region": call.region or None,
        "ms": round(call.seconds * 1000, 1),
        "outcome": call.outcome,
        "code": call.code or None,
        "attempt": call.attempts,
        "aws_request_id": call.request_id or None,
    }
    say("aws_call", **facts)
    for observer in OBSERVERS:
        try:
            observer(call)
        except Exception:
            log.exception("aws_call_not_counted")


# --- AWS's clock --------------------------------------------------------------------------------------------------

_skews: dict[tuple[str, str], float] = {}


def note_time(account: str, region: str, date: str | None) -> None:
    """AWS's clock by the Date header of an answer, which has whole seconds."""
    try:
        said = parsedate_to_datetime(date or "")
    except (TypeError, ValueError):
        return
    if said.tzinfo is not None:
        _skews[account, region] = (datetime.now(UTC) - said).total_seconds()


def skew_seconds(account: str, region: str) -> float | None:
    """How far this machine's clock went before AWS's at this process's last answer; None before the first one."""
    return _skews.get((account, region))
