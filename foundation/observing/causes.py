"""What caused the work that is being done: the request of a person or a script, carried from web to actor to AWS call.

It is kept beside the work, in structlog's context variables, so that every line of the log says it too.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Final

from structlog import contextvars

#: What passes from one process to the next.
CARRIED: Final = ("request_id", "traceparent")
#: Characters that a caller's request id may have, as many as the audit trail keeps.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=/+@-]{0,127}", re.ASCII)
#: https://www.w3.org/TR/trace-context/#traceparent-header-field-values, of version 00; of a later one, what it has too.
_TRACEPARENT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_MORE: Final = re.compile("-[!-~]*")
_LONGEST_TRACEPARENT: Final = 200


def request_id_of(said: str) -> str:
    """The id that a caller gave its request, or a new one if it gave none or one that drsorch does not take."""
    return said if _REQUEST_ID.fullmatch(said) else str(uuid.uuid4())


def traceparent_of(said: str) -> str:
    """The W3C trace context that a caller sent, or that of a new trace, which nobody samples."""
    found = _TRACEPARENT.match(said) if len(said) <= _LONGEST_TRACEPARENT else None
    if found and (found.end() == len(said) or (found[1] != "00" and _MORE.fullmatch(said, found.end()))):
        return said
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def begin(**values: Any) -> None:
    """Work begins in this thread that has nothing to do with what it did before."""
    contextvars.clear_contextvars()
    contextvars.bind_contextvars(**{name: value for name, value in values.items() if value})


def end() -> None:
    contextvars.clear_contextvars()


def carried() -> dict[str, str]:
    """What a message, or a row, keeps of the cause of the work that is being done."""
    known = contextvars.get_contextvars()
    return {name: str(known[name]) for name in CARRIED if known.get(name)}


def taken(said: object) -> dict[str, str]:
    """What was kept, as far as it is understood: messages and rows may be an older version's."""
    kept = said if isinstance(said, Mapping) else {}
    return {name: str(kept[name])[:_LONGEST_TRACEPARENT] for name in CARRIED if kept.get(name)}
