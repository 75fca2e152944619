"""What a refusal of AWS means for the servers of the call."""

from __future__ import annotations

import pytest

from drs.errors import (
    Denied,
    DrsError,
    NotFound,
    NotInitialised,
    QuotaExceeded,
    Rejected,
    ServerBusy,
    Throttled,
    Unreachable,
)
from executions.core.refusals import Refusal, refusal_of

WEB, APP = "s-11111111111111111", "s-22222222222222222"


@pytest.mark.parametrize("error", [ServerBusy("busy", resource_id=WEB), QuotaExceeded("full")])
def test_what_has_no_room_now_waits_for_it(error: DrsError) -> None:
    assert refusal_of(error, [WEB, APP]) == Refusal(no_room=True)


@pytest.mark.parametrize("error", [Throttled("slow down"), Unreachable("no connection")])
def test_what_ends_by_itself_is_tried_again(error: DrsError) -> None:
    assert refusal_of(error, [WEB, APP]) == Refusal()


@pytest.mark.parametrize("kind", [Rejected, NotFound, Denied, NotInitialised])
def test_the_server_that_is_named_fails_alone(kind: type[DrsError]) -> None:
    assert refusal_of(kind("no", resource_id=APP), [WEB, APP]) == Refusal(unrecoverable=(APP,))


@pytest.mark.parametrize("kind", [Rejected, NotFound])
def test_where_drs_names_nobody_each_server_is_asked_for_by_itself(kind: type[DrsError]) -> None:
    assert refusal_of(kind("no", resource_id="s-99999999999999999"), [WEB, APP]) == Refusal(one_job_each=True)
    assert refusal_of(kind("no"), [WEB]) == Refusal(unrecoverable=(WEB,))


@pytest.mark.parametrize("kind", [Denied, NotInitialised])
def test_what_holds_for_the_whole_account_fails_all(kind: type[DrsError]) -> None:
    assert refusal_of(kind("no"), [WEB, APP]) == Refusal(unrecoverable=(WEB, APP))
