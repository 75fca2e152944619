"""What AWS is told of the caller is legal whatever people and executions are called, and tells them apart."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs.identity import OURS, Caller, calling_for, current

LEGAL = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
EXECUTION = "7a0c6b1e-7d1f-4a4e-9d1c-3f1f6f6f9a10"


@pytest.mark.parametrize(
    ("caller", "session", "source"),
    [
        (Caller(), "drsorch", "drsorch"),
        (Caller("dana"), "drsorch-dana", "dana"),
        (Caller("dana@example.com"), "drsorch-dana@example.com", "dana@example.com"),
        (Caller("dana", EXECUTION), f"drsorch-{EXECUTION}-dana", f"dana@{EXECUTION}"),
        (Caller("", EXECUTION), f"drsorch-{EXECUTION}", "drsorch"),
    ],
)
def test_both_names_carry_execution_and_person(caller: Caller, session: str, source: str) -> None:
    assert (caller.session_name, caller.source_identity) == (session, source)


NAMES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=150)
EXECUTIONS = st.sampled_from(["", EXECUTION, str(uuid.UUID(int=0))])


@given(NAMES, EXECUTIONS)
def test_every_name_is_legal_and_keeps_the_execution_whole(person: str, execution: str) -> None:
    caller = Caller(person, execution)
    for name in (caller.session_name, caller.source_identity):
        assert LEGAL.fullmatch(name)
        assert not name.startswith("aws:")
    assert caller.session_name.startswith(OURS)
    assert execution in caller.session_name
    assert not person or execution in caller.source_identity


@given(NAMES, NAMES, EXECUTIONS)
def test_two_people_are_never_one(one: str, other: str, execution: str) -> None:
    same = one == other
    first, second = Caller(one, execution), Caller(other, execution)
    if one and other and OURS not in (one, other):
        assert (first.source_identity == second.source_identity) is same
        assert (first.session_name == second.session_name) is same


def test_a_caller_ends_with_its_work() -> None:
    with calling_for(Caller("dana")):
        with calling_for(Caller("omar", EXECUTION)):
            assert current().person == "omar"
        assert current().person == "dana"
    assert current() == Caller()
