"""What follows for the servers of a call that AWS refused and that certainly did nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drs.errors import Denied, DrsError, NotFound, NotInitialised, QuotaExceeded, Rejected, ServerBusy

#: Another try changes nothing about these; about quotas and busy servers it does, in time.
_FINAL = (Rejected, NotFound, Denied, NotInitialised)
_NO_ROOM = (ServerBusy, QuotaExceeded)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`unrecoverable`: source server ids for which another try cannot help. `one_job_each`: DRS refused the call for
    one of its servers and did not say for which, so each is asked for by itself. `no_room`: somebody's job is in the
    way."""

    unrecoverable: tuple[str, ...] = ()
    one_job_each: bool = False
    no_room: bool = False


def refusal_of(error: DrsError, sources: Sequence[str]) -> Refusal:
    """Read AWS's refusal of a call for these source servers."""
    if isinstance(error, _NO_ROOM):
        return Refusal(no_room=True)
    if not isinstance(error, _FINAL):
        return Refusal()
    if error.resource_id is not None and error.resource_id in sources:
        return Refusal(unrecoverable=(error.resource_id,))
    if isinstance(error, Rejected | NotFound) and len(sources) > 1:
        return Refusal(one_job_each=True)
    return Refusal(unrecoverable=tuple(sources))
