"""The pure parts of the simulator: timelines, snapshots, pages, scenarios, faults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drs.errors import OutcomeUnknown
from drs.port import Endpoint, LaunchTarget
from drs.simulator import scenarios
from drs.simulator.errors import ScenarioError, WireError
from drs.simulator.faults import KINDS, SERVER_FAULTS, Faults
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.jobs import Course, Durations, Effect, Step, launch_timeline, termination_timeline
from drs.simulator.operations.paging import page
from drs.simulator.snapshots import snapshots
from drs.simulator.state import Server
from drs.simulator.world import World

NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)

courses = st.lists(
    st.builds(
        Course,
        server_id=st.uuids().map(str),
        is_windows=st.booleans(),
        has_instance=st.booleans(),
        skips_conversion=st.booleans(),
        uses_chosen_snapshot=st.booleans(),
        fault=st.sampled_from(["", "", "", *SERVER_FAULTS]),
        options=st.fixed_dictionaries({
            "phase": st.sampled_from(["snapshot", "conversion", "launch"]), "previous_usable": st.booleans(),
            "launched": st.booleans(), "raw_error": st.just("broken"),
        }),
    ),
    min_size=1, max_size=6, unique_by=lambda course: course.server_id,
)  # fmt: skip
ENDS = {Effect.SERVER_LAUNCHED, Effect.SERVER_LAUNCHED_UNSAID, Effect.SERVER_FAILED, Effect.INSTANCE_TERMINATED}


def events(steps: list[Step], server_id: str | None = None) -> list[str]:
    return [step.event for step in steps if step.event and (server_id is None or step.server_id == server_id)]


@given(courses, st.integers())
def test_a_launchs_timeline_is_ordered_and_ends_exactly_if_no_server_is_stuck(these: list[Course], seed: int) -> None:
    steps = launch_timeline(these, Durations(), str(seed))
    assert [step.after for step in steps] == sorted(step.after for step in steps)
    assert steps[0].event == "JOB_START"
    stuck = any(
        course.fault == "stuck_job"
        and not (course.options["phase"] == "snapshot" and course.uses_chosen_snapshot)
        and not (course.options["phase"] == "conversion" and course.skips_conversion)
        for course in these
    )
    ended = steps[-1].event == "JOB_END"
    assert ended or any(course.fault == "stuck_job" for course in these)
    assert not (ended and stuck)
    assert steps == launch_timeline(these, Durations(), str(seed))


@given(courses, st.integers())
def test_each_server_ends_at_most_once_and_nothing_follows(these: list[Course], seed: int) -> None:
    steps = launch_timeline(these, Durations(), str(seed))
    for course in these:
        own = [step for step in steps if step.server_id == course.server_id]
        ends = [index for index, step in enumerate(own) if step.effect in ENDS]
        assert ends in ([], [len(own) - 1])
        if course.fault in ("", "failed_launch"):
            assert ends
        if course.has_instance:
            assert own[0].event == "CLEANUP_START"


@given(courses, st.integers())
def test_a_terminations_timeline(these: list[Course], seed: int) -> None:
    steps = termination_timeline(these, Durations(), str(seed))
    for course in these:
        begun, *rest = events(steps, course.server_id)
        assert begun == "CLEANUP_START"
        assert rest == {"failed_cleanup": ["CLEANUP_FAIL"], "stuck_job": []}.get(course.fault, ["CLEANUP_END"])
    assert (steps[-1].event == "JOB_END") is not any(course.fault == "stuck_job" for course in these)


def test_a_fast_launch_converts_nothing() -> None:
    steps = launch_timeline([Course("s", skips_conversion=True)], Durations(), "1")
    assert events(steps, "s") == ["SNAPSHOT_START", "SNAPSHOT_END", "LAUNCH_START", "LAUNCH_END"]


def a_server(**changes: Any) -> Server:
    (plan, *_) = scenarios.load("small").regions
    server = next(iter(scenarios.servers(plan, 1, NOW)))
    for name, value in changes.items():
        setattr(server, name, value)
    return server


@given(st.timedeltas(timedelta(), timedelta(days=40)), st.floats(0, 10 * 86400))
@settings(deadline=None)
def test_snapshots_are_of_the_past_and_never_ahead_of_replication(after: timedelta, lag: float) -> None:
    server, now = a_server(lag_seconds=lag), NOW + after
    found = snapshots(server, now)
    moments = [snapshot.taken_at for snapshot in found]
    assert moments == sorted(moments)
    assert len({snapshot.id for snapshot in found}) == len(found)
    assert all(now - timedelta(days=7, seconds=1) <= moment <= now - timedelta(seconds=lag) for moment in moments)
    if lag == 0:
        assert now - moments[-1] < timedelta(minutes=11)


@given(
    st.sets(st.integers(0, 200)).map(sorted),
    st.sets(st.integers(0, 200)),
    st.integers(1, 20),
    st.none() | st.integers(1, 50),
)
def test_pages_give_every_item_once_even_if_others_vanish_meanwhile(
    items: list[int], vanishing: set[int], size: int, asked: int | None
) -> None:
    seen: list[int] = []
    left = list(items)
    params: dict[str, Any] = {"maxResults": asked} if asked else {}
    while True:
        answer = page(
            "List", params, left, position=lambda item: item, render=lambda item: {"id": item}, default_size=size
        )
        assert len(answer["items"]) <= min(size, asked or size)
        seen += [item["id"] for item in answer["items"]]
        left = [item for item in left if item not in vanishing]
        if "nextToken" not in answer:
            break
        params = {**params, "nextToken": answer["nextToken"]}
    assert seen == sorted(set(seen))
    assert set(items) - vanishing <= set(seen) <= set(items)


@pytest.mark.parametrize("name", scenarios.bundled_names())
def test_bundled_scenarios_make_worlds(name: str) -> None:
    world = World(name, now=lambda: NOW)
    ids = [server_id for region in world.regions() for server_id in region.servers]
    assert len(set(ids)) == len(ids) > 0
    assert all("{" not in server.hostname for region in world.regions() for server in region.servers.values())


def test_the_demo_is_two_sites_with_sixty_servers_of_three_applications() -> None:
    world = World("demo", now=lambda: NOW)
    assert {region.name: len(region.servers) for region in world.regions()} == {"eu-central-1": 36, "eu-west-1": 24}
    servers = [server for region in world.regions() for server in region.servers.values()]
    assert {server.tags["App"] for server in servers} == {"shop", "crm", "payroll"}
    assert {server.tags["Tier"] for server in servers if server.tags["App"] == "shop"} == {
        "db", "app", "reports", "web",
    }  # fmt: skip
    assert {server.is_windows for server in servers} == {True, False}
    assert {"STALLED", "BACKLOG", "CONTINUOUS"} == {server.replication_state for server in servers}


def test_a_scenarios_faults_are_in_force_from_the_start() -> None:
    account = {"account_id": "111122223333", "regions": [{"region": "eu-west-1", "servers": [{"hostname": "a"}]}]}
    world = World(scenarios.parse({"accounts": [account], "faults": [{"name": "throttle"}]}), now=lambda: NOW)
    with pytest.raises(WireError, match="Rate exceeded"):
        world.call("111122223333", "eu-west-1", "DescribeJobs", {})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"accounts": [{"account_id": "111122223333", "regions": [{"region": "x", "colour": 1}]}]}, "A region"),
        ({"accounts": [{"account_id": "111122223333"}], "page_size": 0}, "page_size must be"),
        ({"accounts": [{"account_id": "111122223333"}], "quotas": {"jobs": 1}}, "Quotas has unknown members: jobs"),
        ({"accounts": [{"account_id": "111122223333"}], "durations": []}, "Durations must be an object"),
        ({"accounts": [{"account_id": "111122223333", "roles": [{"external_id": "x"}]}]}, "A role lacks its name"),
        ({"accounts": [{"account_id": "111122223333", "regions": [{}]}]}, "A region lacks its region"),
    ],
)  # fmt: skip
def test_a_scenario_that_makes_no_sense_is_a_sentence(document: Any, says: str) -> None:
    with pytest.raises(ScenarioError, match=f"^{says}"):
        scenarios.parse(document)


@pytest.mark.parametrize(
    ("group", "says"),
    [({}, "needs a hostname"), ({"hostname": "a", "colour": 1}, "unknown members: colour"),
     ({"hostname": "{x}"}, "a placeholder")],
)  # fmt: skip
def test_a_group_of_servers_that_makes_no_sense_is_a_sentence(group: Any, says: str) -> None:
    account = {"account_id": "111122223333", "regions": [{"region": "eu-west-1", "servers": [group]}]}
    with pytest.raises(ScenarioError, match=says):
        World(scenarios.parse({"accounts": [account]}), now=lambda: NOW)


def test_every_kind_of_fault_can_be_put_in_force_as_it_is() -> None:
    faults = Faults(1)
    for name in KINDS:
        faults.add(name)
    assert [entry["name"] for entry in faults.described()] == list(KINDS)
    assert faults.remove() == len(KINDS)


def test_chance_is_seeded() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add("throttle", rate=0.5)
        return [faults.strike("throttle", "DescribeJobs", "1", "r") is not None for _ in range(50)]

    assert struck(1) == struck(1) != struck(2)


def test_a_fault_without_operations_leaves_the_other_services_alone() -> None:
    faults = Faults(1)
    faults.add("throttle")
    assert faults.strike("throttle", "AssumeRole", "1", "r") is None
    faults.add("throttle", operation="AssumeRole")
    assert faults.strike("throttle", "AssumeRole", "1", "r") is not None


@pytest.mark.parametrize(("fault", "accepted"), [("late_answer", True), ("hang", False)])
def test_in_one_process_nobody_waits_for_what_comes_too_late(fault: str, accepted: bool) -> None:
    world = World("small", now=lambda: NOW)
    drs = InProcessDrs(world, Endpoint("eu-central-1"))
    target = LaunchTarget(next(drs.source_servers()).source_server_id)
    world.faults.add(fault, seconds=3600)
    with pytest.raises(OutcomeUnknown):
        drs.start_recovery([target], is_drill=True, tags={})
    assert world.calls[-1].accepted is accepted
