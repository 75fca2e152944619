"""What a launch would delete, and what a person has to name before it does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs.port import RecoveryInstance, SourceServer
from executions.core.stake import (
    Replaced,
    Wanted,
    at_stake,
    named,
    names_of_nothing,
    replaced_by_launch,
    replaced_of,
    sentence,
    summary,
    unacknowledged,
)
from tests.factories.protection import seen_at_aws

AT = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
DB = Wanted(1, "s-00000000000000001", "shop-db-01")
JOB, OTHER_JOB = "drsjob-00000000000000001", "drsjob-00000000000000002"
STATES = ("PENDING", "RUNNING", "STOPPING", "STOPPED", "SHUTTING-DOWN", "TERMINATED", "NOT_FOUND", "HIBERNATING")
GONE = ("SHUTTING-DOWN", "TERMINATED", "NOT_FOUND")


def instance(identity: str = "i-1", *, job: str | None = JOB, drill: bool = False, state: str = "RUNNING") -> Any:
    return RecoveryInstance(identity, DB.source_server_id, job, drill, state, None)


def server(kind: str = "", status: str = "NOT_STARTED", *, job: str | None = JOB, live: str | None = None) -> Any:
    return seen_at_aws(
        1,
        last_launch_type=kind,
        last_launch_status=status,
        last_launch_job_id=job if kind else None,
        last_launch_at=AT if kind else None,
        recovery_instance_id=live,
    )


def stake(
    instances: list[RecoveryInstance], source: SourceServer | None, launched: dict[str, str] | None = None
) -> list[str]:
    """Names of what may be production."""
    return [one.name for one in at_stake(replaced_by_launch(DB, instances, source, launched or {}))]


RECOVERED = server("RECOVERY", "LAUNCHED")


def test_a_server_that_was_never_launched_has_nothing_at_stake() -> None:
    assert replaced_by_launch(DB, [], server(), {}) == []


def test_a_live_recovery_instance_is_at_stake_and_a_drill_instance_is_not() -> None:
    assert stake([instance()], RECOVERED) == ["i-1"]
    assert stake([instance(drill=True)], server("DRILL", "LAUNCHED")) == []
    (drilled,) = replaced_by_launch(DB, [instance(drill=True)], server("DRILL", "LAUNCHED"), {})
    assert (drilled.name, drilled.is_drill) == ("i-1", True), "it is replaced all the same"


def test_every_live_recovery_instance_of_a_server_counts() -> None:
    assert stake([instance("i-1"), instance("i-2", job=OTHER_JOB)], RECOVERED) == ["i-1", "i-2"]


def test_an_instance_of_an_unknown_state_lives() -> None:
    assert [stake([instance(state=state)], RECOVERED) for state in STATES] == [
        [] if state in GONE else ["i-1"] for state in STATES
    ]


def test_one_that_was_deleted_from_drs_goes_by_its_source_server() -> None:
    (found,) = replaced_by_launch(DB, [], RECOVERED, {})
    assert (found.name, found.is_listed, found.is_drill) == (DB.source_server_id, False, False)
    assert DB.source_server_id in sentence(found)


def test_one_that_was_deleted_from_drs_goes_by_its_id_where_drsorch_launched_it() -> None:
    (found,) = replaced_by_launch(DB, [], RECOVERED, {JOB: "i-7", OTHER_JOB: "i-6"})
    assert found.name == "i-7"
    assert found.names == {"i-7", DB.source_server_id}


def test_one_of_which_only_its_source_server_is_known_has_neither_id_nor_job() -> None:
    assert replaced_by_launch(DB, [], server("RECOVERY", "LAUNCHED", job=None), {}) == [
        Replaced(1, DB.source_server_id, "shop-db-01", "", is_drill=False, is_listed=False, job_id="", launched_at=AT)
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("i-1", JOB, AT), ("i-1", OTHER_JOB, None), True),
        (("i-1", JOB, AT), ("i-2", JOB, AT), False),
        (("i-1", JOB, AT), ("", JOB, None), True),
        (("i-1", JOB, AT), ("", OTHER_JOB, AT), False),
        (("i-1", JOB, AT), ("", "", AT), False),
        (("", "", AT), ("", "", AT), True),
        (("i-1", "", AT), ("", "", AT), True),
        (("", "", AT), ("", "", AT + timedelta(seconds=1)), False),
        (("", "", None), ("", "", None), True),
        (("", "", None), ("", "", AT), False),
        (("i-1", "", None), ("", "", None), False),
    ],
)
def test_two_looks_see_one_instance_or_two(
    one: tuple[str, str, datetime | None], other: tuple[str, str, datetime | None], same: bool
) -> None:
    first, second = (
        Replaced(1, "s-1", "db", instance_id, is_drill=False, is_listed=False, job_id=job_id, launched_at=at)
        for instance_id, job_id, at in (one, other)
    )
    assert first.is_same(second) is second.is_same(first) is same
    assert not first.is_same(replace(second, site=2))
    assert not first.is_same(replace(second, source_server_id="s-2"))


def test_a_drill_beside_one_that_was_deleted_from_drs_does_not_hide_it() -> None:
    assert stake([instance("i-2", job=OTHER_JOB, drill=True)], RECOVERED) == [DB.source_server_id]


@pytest.mark.parametrize(
    ("kind", "status", "counts"),
    [
        ("RECOVERY", "LAUNCHED", True),
        ("RECOVERY", "TERMINATED", False),
        ("RECOVERY", "FAILED", False),
        ("RECOVERY", "PENDING", False),
        ("RECOVERY", "IN_PROGRESS", False),
        ("RECOVERY", "NOT_STARTED", False),
        ("RECOVERY", "HIBERNATING", True),
        ("RECOVERY", "", True),
        ("REHEARSAL", "LAUNCHED", True),
        ("", "LAUNCHED", True),
        ("", "SUCCEEDED", False),
        ("DRILL", "LAUNCHED", False),
        ("DRILL", "HIBERNATING", False),
    ],
)
def test_what_the_last_launch_says_where_no_instance_is_listed(kind: str, status: str, counts: bool) -> None:
    assert bool(stake([], server(kind, status))) is counts


def test_a_launch_that_drs_never_decided_has_an_instance_if_one_was_seen() -> None:
    undecided = server("RECOVERY", "PENDING")
    assert stake([], undecided, {JOB: "i-3"}) == ["i-3"]
    assert stake([], undecided, {OTHER_JOB: "i-3"}) == []


def test_an_instance_that_is_seen_to_be_gone_accounts_for_its_launch_only() -> None:
    for state in GONE:
        assert stake([instance(state=state)], RECOVERED) == []
        assert stake([instance(state=state, job=OTHER_JOB)], RECOVERED) == [DB.source_server_id]


def test_a_listed_instance_without_its_job_accounts_for_the_launch() -> None:
    assert stake([instance(job=None)], RECOVERED) == ["i-1"]
    assert stake([instance(job=None)], server("RECOVERY", "LAUNCHED", job=None, live="i-1")) == ["i-1"]
    assert stake([instance(job=None, state="TERMINATED")], RECOVERED) == []


def test_a_server_that_is_gone_from_drs_is_judged_by_its_instances() -> None:
    assert stake([instance()], None) == ["i-1"]
    assert stake([], None) == []


# --- names --------------------------------------------------------------------------------------------------------


def replaced(source: str, identity: str, **values: Any) -> Replaced:
    return Replaced(1, source, source, identity, **{"is_drill": False, "is_listed": True, "job_id": JOB, **values})


def test_a_live_instance_is_acknowledged_by_its_own_name_alone() -> None:
    one = replaced("s-1", "i-1")
    assert named([one], ["s-1"]) == []
    assert names_of_nothing([one], ["s-1", "i-1", "i-9", "i-9"]) == ["s-1", "i-9"]


def test_naming_a_drill_instance_is_no_mistake_and_acknowledges_nothing() -> None:
    drilled = replaced("s-1", "i-1", is_drill=True)
    assert names_of_nothing([drilled], ["i-1"]) == []
    assert named([drilled], ["i-1"]) == []
    assert unacknowledged([drilled], []) == []


def test_another_instance_of_the_same_server_is_not_acknowledged() -> None:
    known, new = replaced("s-1", "i-1"), replaced("s-1", "i-2", job_id=OTHER_JOB)
    assert unacknowledged([new], [known]) == [new]


def test_an_instance_that_is_deleted_from_drs_after_it_was_acknowledged_stays_acknowledged() -> None:
    listed = replaced("s-1", "i-1")
    unlisted = replaced("s-1", "", is_listed=False, launched_at=AT)
    assert unacknowledged([unlisted], [listed]) == []
    assert unacknowledged([replace(unlisted, job_id=OTHER_JOB)], [listed]) != []


def test_what_has_no_job_is_known_by_its_time() -> None:
    one = replaced("s-1", "", is_listed=False, job_id="", launched_at=AT)
    assert unacknowledged([one], [one]) == []
    assert unacknowledged([replace(one, launched_at=AT + timedelta(hours=1))], [one]) != []


def test_the_same_id_at_two_sites_is_two_servers() -> None:
    one = replaced("s-1", "", is_listed=False)
    assert unacknowledged([replace(one, site=2)], [one]) != []


def test_the_summary_is_one_sentence_and_the_remedy() -> None:
    many = [replaced(f"s-{number}", f"i-{number}") for number in range(300)]
    said = summary(many)
    assert "300 servers are running in recovery" in said
    assert len(said) < 300
    assert "1 server is running in recovery (s-1)" in summary(many[1:2])


some_replaced = st.builds(
    Replaced,
    site=st.integers(1, 2),
    source_server_id=st.sampled_from(["s-1", "s-2", "s-3"]),
    hostname=st.just("host"),
    instance_id=st.sampled_from(["", "i-1", "i-2", "i-3"]),
    is_drill=st.booleans(),
    is_listed=st.booleans(),
    job_id=st.sampled_from(["", JOB, OTHER_JOB]),
    launched_at=st.sampled_from([None, AT, AT + timedelta(hours=1)]),
    acknowledged_by=st.sampled_from(["", "dana"]),
)


@given(some_replaced, some_replaced)
def test_being_the_same_is_mutual_and_needs_something_in_common(one: Replaced, other: Replaced) -> None:
    assert one.is_same(one)
    assert one.is_same(other) is other.is_same(one)
    if one.is_same(other):
        assert (one.site, one.source_server_id) == (other.site, other.source_server_id)
        known = ("instance_id", "job_id", "launched_at")
        shared = [getattr(one, name) for name in known if getattr(one, name) == getattr(other, name)]
        assert any(shared) or shared == ["", "", None]


@given(some_replaced)
def test_a_document_is_plain_json_and_reads_back(one: Replaced) -> None:
    assert replaced_of(json.loads(json.dumps(one.document()))) == one


@given(st.lists(some_replaced), st.lists(st.sampled_from(["i-1", "i-2", "i-3", "s-1", "s-2", "s-3"])))
def test_what_is_named_and_what_is_not_are_all_that_is_at_stake(found: list[Replaced], names: list[str]) -> None:
    given_names = named(found, names)
    missing = unacknowledged(found, given_names)
    for one in at_stake(found):
        assert (one in missing) is not any(one.is_same(other) for other in given_names)
    assert all(not one.names & set(names) for one in missing), "what is named is never refused"
    assert not any(one.is_drill for one in missing)


@given(st.lists(some_replaced))
def test_naming_everything_refuses_nothing_and_naming_nothing_refuses_all_at_stake(found: list[Replaced]) -> None:
    assert unacknowledged(found, named(found, [one.name for one in found])) == []
    assert unacknowledged(found, []) == at_stake(found)
    assert names_of_nothing(found, [one.name for one in found]) == []


@given(
    st.sampled_from(STATES),
    st.booleans(),
    st.sampled_from([None, JOB, OTHER_JOB]),
    st.sampled_from(["", "DRILL", "RECOVERY", "OTHER"]),
    st.sampled_from(["", "NOT_STARTED", "PENDING", "IN_PROGRESS", "LAUNCHED", "FAILED", "TERMINATED", "OTHER"]),
)
def test_a_live_instance_of_a_recovery_is_never_overlooked(
    state: str, drill: bool, job: str | None, kind: str, status: str
) -> None:
    found = stake([instance(job=job, drill=drill, state=state)], server(kind, status))
    assert ("i-1" in found) is (not drill and state not in GONE)
    if (kind, status) == ("RECOVERY", "LAUNCHED") and job == OTHER_JOB:
        assert DB.source_server_id in found, "nor what was deleted from DRS"


# --- sentences ----------------------------------------------------------------------------------------------------


def test_each_is_told_with_how_it_is_acknowledged() -> None:
    unlisted = (
        "s-1 was recovered{} and may still be in production: DRS no longer lists that instance, but does not report "
        "it terminated, and a launch would delete it. To name it, use {}."
    )
    assert sentence(replaced("s-1", "i-1")) == (
        "s-1 is running in recovery as i-1, and a launch would delete that instance."
    )
    assert sentence(replaced("s-1", "i-1", is_listed=False)) == unlisted.format(" as i-1", "i-1")
    assert sentence(replaced("s-1", "", is_listed=False)) == unlisted.format("", "s-1")


@pytest.mark.parametrize(
    ("servers", "instances", "told"),
    [
        (1, 1, "1 server is running in recovery (s-0), and DRS would delete that instance to launch again. "),
        (1, 2, "1 server is running in recovery (s-0), and DRS would delete these 2 instances to launch again. "),
        (3, 3, "3 servers are running in recovery (s-0, s-1 and s-2), and DRS would delete these 3 instances to launch "
               "again. "),
        (4, 5, "4 servers are running in recovery (s-0, s-1, s-2 and 1 more), and DRS would delete these 5 instances "
               "to launch again. "),
    ],
)  # fmt: skip
def test_all_at_stake_is_told_in_one_sentence(servers: int, instances: int, told: str) -> None:
    stake_ = [replaced(f"s-{number % servers}", f"i-{number}") for number in range(instances)][::-1]
    assert summary(stake_) == told + ("Fail back or terminate first, or name each instance that DRS may delete.")


def test_what_a_launch_replaces_is_told_whole() -> None:
    listed = Replaced(1, DB.source_server_id, "shop-db-01", "i-1", False, True, JOB, AT, "")
    assert replaced_by_launch(DB, [instance()], RECOVERED, {}) == [listed]
    other = replace(listed, job_id=OTHER_JOB, launched_at=None)
    lost = replace(listed, instance_id="i-9", is_listed=False)
    assert replaced_by_launch(DB, [instance(job=OTHER_JOB)], RECOVERED, {JOB: "i-9"}) == [other, lost]
    assert replaced_by_launch(DB, [instance(job=None, drill=True)], None, {}) == [
        replace(listed, job_id="", launched_at=None, is_drill=True)
    ]
    assert lost.document() == {
        "site": 1,
        "source_server_id": DB.source_server_id,
        "hostname": "shop-db-01",
        "instance_id": "i-9",
        "is_drill": False,
        "is_listed": False,
        "job_id": JOB,
        "launched_at": "2026-03-03T09:00:00+00:00",
        "acknowledged_by": "",
    }
    assert (listed.names, lost.names) == ({"i-1"}, {"i-9", DB.source_server_id})
