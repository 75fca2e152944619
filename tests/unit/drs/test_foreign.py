"""The door for what others wrote: whatever DRS, Systems Manager or Lambda say, what comes out can be kept and shown."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs import automation_port, errors, foreign, port
from drs.simulator.operations import model
from executions.engine.steps import outcome
from foundation.storable import unstorable

#: What drsorch itself says to AWS.
OURS = {port.Endpoint, port.LaunchTarget}
VALUES = [
    each
    for module in (port, automation_port, outcome)
    for _, each in inspect.getmembers(module, inspect.isclass)
    if dataclasses.is_dataclass(each) and each.__module__ == module.__name__ and each not in OURS
]
#: Values of our own lists and of these types themselves, which hold nothing that others wrote.
NO_TEXT = {bool, tuple[port.ParticipatingServer, ...], tuple[automation_port.CommandInvocation, ...], outcome.Result}
FIELDS = [(each, field.name) for each in VALUES for field in dataclasses.fields(each)]

anything = st.text(st.characters(exclude_categories=()), max_size=400) | st.sampled_from(
    ["\0", "\ud800", "a\udfffb", "\u202eexe.txt", "\ufffe", "\U0001ffff", "\x1b[2J", "\r\n", "x" * 65_536]
)
moments = st.datetimes() | st.datetimes(timezones=st.just(UTC))
of_type: Mapping[Any, st.SearchStrategy[Any]] = {
    str: anything,
    int: st.integers() | st.just(10**400),
    float: st.floats(),
    datetime: moments,
    Mapping[str, str]: st.dictionaries(anything, anything, max_size=5),
    tuple[str, ...]: st.lists(anything, max_size=5).map(tuple),
}


def strategy_of(hint: Any) -> st.SearchStrategy[Any]:
    base = next((each for each in (hint, *getattr(hint, "__args__", ())) if each in of_type), None)
    return of_type[base] if base is not None else st.just(() if "tuple" in str(hint) else False)


def made(cls: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: strategy_of(hints[field.name]) for field in dataclasses.fields(cls)})


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for pair in value.items() for text in pair)
    elif isinstance(value, tuple):
        yield from (text for each in value for text in texts_in(each))


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=[f"{cls.__name__}.{name}" for cls, name in FIELDS])
def test_every_field_of_every_port_type_names_its_door(cls: type, name: str) -> None:
    bare, hint = get_type_hints(cls)[name], get_type_hints(cls, include_extras=True)[name]
    assert foreign.door_of(hint) is not None or bare in NO_TEXT or (cls, name) == (port.RecoverySnapshot, "taken_at")
    assert issubclass(cls, foreign.LetIn)


@given(st.sampled_from(VALUES).flatmap(made))
def test_whatever_they_say_can_be_kept_and_is_no_longer_than_it_may_be(value: Any) -> None:
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        for text in texts_in(found):
            assert unstorable(text) == ""
            assert not set(text) & set("\x1b\u202e\u2066\ufffe\x7f")
            assert len(text) <= foreign.TEXT
        if isinstance(found, int):
            assert found <= foreign.BIG
        if isinstance(found, datetime) and field.name != "taken_at":
            assert foreign.EARLIEST <= found <= foreign.LATEST


@given(anything)
def test_an_errors_own_words_pass_too(said: str) -> None:
    error = errors.Rejected(said, code=said, resource_id=said)
    assert unstorable([str(error), error.message, error.code, error.resource_id]) == ""
    assert len(error.message) <= foreign.TEXT


@given(anything)
def test_what_passed_once_passes_unchanged(said: str) -> None:
    for door in (foreign.text, foreign.line, foreign.identity):
        assert door(door(said)) == door(said)


@given(anything, anything)
def test_two_ids_stay_two(one: str, other: str) -> None:
    assert (foreign.identity(one) == foreign.identity(other)) == (one == other)


def test_two_tags_whose_keys_cannot_be_kept_stay_two() -> None:
    assert sorted(foreign.tags({"Tier\0": "db", "Tier\1": "web", "k" * 300: "long"}).values()) == ["db", "long", "web"]


def test_what_is_cut_says_so() -> None:
    assert foreign.text("x" * 65_536).endswith("x … (61,576 more characters)")
    assert foreign.line("h" * 5_000) == "h" * 255 + "…"


def test_lines_of_an_output_stay_and_a_name_has_one() -> None:
    assert foreign.text("first\n\tsecond\r\n") == "first\n\tsecond\r\n"
    assert foreign.line("db-1\nweb") == "db-1\ufffdweb"


@pytest.mark.parametrize(
    "shape",
    [
        ("drs", "DataReplicationState"),
        ("drs", "LastLaunchResult"),
        ("drs", "LaunchStatus"),
        ("drs", "JobStatus"),
        ("drs", "EC2InstanceState"),
        ("drs", "ReplicationDirection"),
        ("ssm", "AutomationExecutionStatus"),
        ("ssm", "CommandStatus"),
        ("ssm", "CommandInvocationStatus"),
    ],
    ids="-".join,
)
def test_every_word_that_aws_lists_passes_unchanged(shape: tuple[str, str]) -> None:
    """Statuses and kinds are compared with what AWS calls them, so none of them may be cut."""
    service, name = shape
    words = model.service(service).shape_for(name).enum
    assert [foreign.line(word, foreign.WORD) for word in words] == list(words)


@pytest.mark.parametrize("name", ["JobLogEvent", "JobType", "InitiatedBy"])
def test_the_longer_words_pass_too(name: str) -> None:
    words = model.service("drs").shape_for(name).enum
    assert [foreign.line(word, foreign.LONG_WORD) for word in words] == list(words)
