"""From where a change comes: whatever says nothing is drsorch's own work, and every saying ends."""

from __future__ import annotations

import getpass

import pytest

from audit import origin
from audit.origin import Actor, Origin, Via, acting_as, coming_from, command, current

OURS = Origin(Via.ENGINE, Actor("drsorch", None), {})
DANA = Origin(Via.API, Actor("dana", 7), {"address": "192.0.2.7"})


def test_what_says_nothing_is_drsorchs_own_work() -> None:
    assert current() == OURS


def test_inside_it_comes_from_there_and_after_it_from_where_it_came_before() -> None:
    with coming_from(lambda: DANA):
        assert current() is DANA
        with coming_from(lambda: OURS):
            assert current() == OURS
        assert current() is DANA
        with pytest.raises(RuntimeError), coming_from(lambda: OURS):
            raise RuntimeError
        assert current() is DANA
    assert current() == OURS


def test_it_is_asked_each_time_as_somebody_may_have_signed_in_meanwhile() -> None:
    said = [OURS, DANA]
    with coming_from(lambda: said[-1]):
        assert current() is DANA
        said.pop()
        assert current() is OURS


def test_somebody_else_acts_through_the_same_door() -> None:
    with coming_from(lambda: DANA):
        with acting_as(Actor("omar", 8)):
            assert current() == Origin(Via.API, Actor("omar", 8), DANA.details)
        assert current() is DANA


def test_a_command_says_its_name_and_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    told = Origin(Via.COMMAND, Actor("command line", None), {"command": "x" * 100, "account": "root"})
    assert command("x" * 101)() == told


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_an_account_that_is_not_known_is_left_blank(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def unknown() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert command("migrate")().details == {"command": "migrate", "account": ""}


def test_no_user_is_called_as_these_are() -> None:
    assert (origin.ENGINE, origin.COMMAND_LINE, origin.NOT_SIGNED_IN) == ("drsorch", "command line", "not signed in")
