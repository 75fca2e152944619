"""Two runs beside each other: a run differs in nothing from itself, and swapping the two mirrors what differs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.canonical import plain
from executions.core.monitor.timeline import Doing
from reports.core.comparing import compare
from reports.core.elapsed import elapsed_frame, place_after, wave_bars

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def at(seconds: int | None, start: datetime = START) -> str | None:
    return None if seconds is None else plain(start + timedelta(seconds=seconds))


def took(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start


def wave(name: str, start: int | None, end: int | None, **fields: Any) -> dict[str, Any]:
    known = {"status": "succeeded", "ready_at": at(start), "servers": 2, "launched": 2}
    return {
        "name": name, "started_at": at(start), "finished_at": at(end), "seconds": took(start, end), **known, **fields,
    }  # fmt: skip


def server(name: str, start: int | None = 0, end: int | None = 500, **fields: Any) -> dict[str, Any]:
    known = {"wave": "App", "site": "Frankfurt", "status": "launched", "attempts": 1, "error": None}
    return {
        "hostname": name, "source_server_id": f"s-{name}", "started_at": at(start), "finished_at": at(end),
        "launch_seconds": took(start, end), "recovery_point_age_seconds": 60, **known, **fields,
    }  # fmt: skip


def step(name: str, start: int | None = 0, end: int | None = 30, **fields: Any) -> dict[str, Any]:
    known = {"wave": "App", "kind": "http_check", "status": "succeeded", "attempts": 1, "error": None}
    return {
        "name": name, "started_at": at(start), "finished_at": at(end), "seconds": took(start, end), **known, **fields,
    }  # fmt: skip


def document(rto: int | None = 1500, ended: int | None = 1500, **fields: Any) -> dict[str, Any]:
    """What `compare` reads of a report."""
    held = {"target_seconds": 3600, "actual_seconds": rto, "met": None if rto is None else rto <= 3600}
    none = {"target_seconds": None, "actual_seconds": None, "met": None}
    status = fields.pop("status", "succeeded")
    servers = fields.pop("servers", [])
    spent = dict.fromkeys(("deciding_seconds", "waiting_for_people_seconds", "machine_seconds"), 5)
    return {
        "made_at": at(2000),
        "identity": {
            "execution_id": "e-1", "kind": "drill", "status": status, "is_over": ended is not None, "plan": "Web shop",
            "plan_revision": 1, "environment": [{"site": "Frankfurt", "region": "eu-central-1"}], "tool_version": "1",
            **fields.pop("identity", {}),
        },
        "why": {"reason": None, "point_in_time": None, "scenario_type": None, **fields.pop("why", {})},
        "people": {
            "requested_by": "dana", "approvals": [], "acted": [], "observers": None, "sign_offs": [],
            "approvals_required": 0, "break_glass": False, "business_owner": None, **fields.pop("people", {}),
        },
        "timeline": {
            "requested_at": at(-60), "started_at": at(0), "ended_at": at(ended), "spent": spent,
            "waves": fields.pop("waves", []),
        },
        "objectives": {"rto": held, "rto_validated": none, "rpo": none, "mtpd": none},
        "result": {"outcome": None, "servers": {"total": len(servers), "launched": len(servers)}, "steps_failed": 0},
        "deviations": [{"kind": kind} for kind in fields.pop("deviations", [])],
        "findings": [],
        "cleanup": {"planned_after_seconds": None},
        "servers": servers,
        "steps": fields.pop("steps", []),
        **fields,
    }  # fmt: skip


# --- properties ---------------------------------------------------------------------------------------------------

_MAYBE = st.none() | st.integers(0, 5000)
_TIMES = st.tuples(_MAYBE, _MAYBE).map(lambda pair: pair if None in pair else tuple(sorted(pair)))
_NAMES = st.sampled_from(["Databases", "App", "Web", "Reports"])
_STATUSES = st.sampled_from(["launched", "failed", "unknown"])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    waves = [wave(name, *draw(_TIMES)) for name in draw(st.lists(_NAMES, unique=True, max_size=4))]
    servers = [
        server(name, *draw(_TIMES), status=draw(_STATUSES), attempts=draw(st.integers(0, 3)), wave=draw(_NAMES))
        for name in draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    ]
    steps = [step(name, *draw(_TIMES)) for name in draw(st.lists(_NAMES, unique=True, max_size=2))]
    return document(
        draw(_MAYBE),
        draw(_MAYBE),
        waves=waves,
        servers=servers,
        steps=steps,
        deviations=draw(st.lists(st.sampled_from(["retry", "skip"]), max_size=4)),
        people={"requested_by": draw(st.sampled_from(["dana", "omar"]))},
        identity={"plan_revision": draw(st.integers(1, 3))},
    )


def differences(found: Any) -> list[Any]:
    """Every difference in it, wherever it stands."""
    match found:
        case dict():
            own = [found["difference"]] if "difference" in found else []
            numbers = [each for one in own for each in (one.values() if isinstance(one, dict) else [one])]
            return [*numbers, *(each for key, one in found.items() if key != "difference" for each in differences(one))]
        case list():
            return [each for one in found for each in differences(one)]
        case _:
            return []


@given(documents())
def test_a_run_differs_in_nothing_from_itself(one: dict[str, Any]) -> None:
    found = compare(one, one)
    assert {difference for difference in differences(found) if difference} == set()
    assert not any(pair["differs"] for part in ("waves", "servers", "steps", "people") for pair in found[part])
    assert (found["settings"], found["plan_changes"]) == ([], [])
    assert found["verdict"]["sentence"] in ("Both took as long.", "How long they took cannot be compared.")


def _mirrored(found: Any) -> Any:
    """With one and other swapped, and differences turned around."""
    match found:
        case {"one": one, "other": other, **rest}:
            turned = {key: _turned(value) if key == "difference" else _mirrored(value) for key, value in rest.items()}
            return {**turned, "one": _mirrored(other), "other": _mirrored(one)}
        case dict():
            return {key: _turned(value) if key == "difference" else _mirrored(value) for key, value in found.items()}
        case list():
            return [_mirrored(each) for each in found]
        case _:
            return found


def _turned(difference: Any) -> Any:
    if isinstance(difference, dict):
        return {name: _turned(value) for name, value in difference.items()}
    return None if difference is None else -difference


def _sorted(found: dict[str, Any]) -> dict[str, Any]:
    """Apart from their order, and from the sentence."""
    parts = {part: sorted(found[part], key=repr) for part in ("waves", "servers", "steps", "people", "settings")}
    verdict = {name: value for name, value in found["verdict"].items() if name != "sentence"}
    return {**found, **parts, "verdict": verdict}


_OPPOSITES = {"faster": "slower", "less": "more"}
_OPPOSITES |= {after: before for before, after in _OPPOSITES.items()}


@given(documents(), documents())
def test_swapping_the_runs_mirrors_what_differs(one: dict[str, Any], other: dict[str, Any]) -> None:
    found, swapped = compare(one, other), compare(other, one)
    assert _sorted(_order(_mirrored(found))) == _sorted(_order(swapped))
    said = re.split(r"\b", found["verdict"]["sentence"])
    assert "".join(_OPPOSITES.get(word, word) for word in said) == swapped["verdict"]["sentence"]


def _order(found: Any) -> Any:
    """Keys in one order, so that two documents can be sorted alike."""
    match found:
        case dict():
            return {key: _order(found[key]) for key in sorted(found)}
        case list():
            return [_order(each) for each in found]
        case _:
            return found


# --- examples -----------------------------------------------------------------------------------------------------


def verdict(one: dict[str, Any], other: dict[str, Any]) -> str:
    return str(compare(one, other)["verdict"]["sentence"])


def test_faster_by_the_wave_that_gained_most() -> None:
    one = document(1140, waves=[wave("Databases", 0, 300), wave("App", 300, 1140)])
    other = document(1500, waves=[wave("Databases", 0, 540), wave("App", 540, 1500)])
    assert verdict(one, other) == "6 min faster: Databases took 4 min less."
    assert verdict(other, one) == "6 min slower: Databases took 4 min more."


def test_no_wave_is_named_that_went_the_other_way() -> None:
    one, other = document(1440, waves=[wave("App", 0, 1000)]), document(1500, waves=[wave("App", 0, 900)])
    assert verdict(one, other) == "1 min faster."


def test_without_an_rto_the_whole_runs_are_compared() -> None:
    found = compare(document(None, 900), document(1500, 960))["verdict"]
    assert (found["by"], found["difference"], found["sentence"]) == ("run", -60, "1 min faster.")


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("failed", "succeeded", "This run failed; the other succeeded. Both took as long."),
        ("cancelled", "failed", "This run was cancelled; the other failed. Both took as long."),
    ],
)
def test_another_end_is_said_first(one: str, other: str, said: str) -> None:
    assert verdict(document(status=one), document(status=other)) == said


def test_a_run_that_goes_on_is_compared_as_it_stands() -> None:
    found = compare(document(None, None, status="running", waves=[wave("App", 60, None, status="running")]), document())
    assert found["verdict"]["sentence"] == (
        "This run is not over; the other succeeded. How long they took cannot be compared."
    )
    assert found["one"]["now_after_seconds"] == 2000
    assert found["other"]["now_after_seconds"] is None


def test_a_wave_with_its_times_from_the_start() -> None:
    one = document(waves=[wave("App", 60, 360), wave("Web", 360, 400)])
    other = document(waves=[wave("Old", 0, 10), wave("App", 90, 420)])
    app, web, old = compare(one, other)["waves"]
    assert (app["one"]["started_after_seconds"], app["other"]["finished_after_seconds"]) == (60, 420)
    assert app["difference"] == {
        "ready_after_seconds": -30, "started_after_seconds": -30, "finished_after_seconds": -60, "seconds": -30,
    }  # fmt: skip
    assert (web["name"], web["other"], web["differs"]) == ("Web", None, ["presence"])
    assert (old["name"], old["one"], old["differs"]) == ("Old", None, ["presence"])


@pytest.mark.parametrize(
    ("seconds", "differs"),
    [(540, []), (559, []), (560, ["seconds"]), (440, ["seconds"]), (441, [])],
)
def test_how_long_a_launch_took_counts_from_a_minute_on(seconds: int, differs: list[str]) -> None:
    found = compare(document(servers=[server("a", 0, seconds)]), document(servers=[server("a", 0, 500)]))
    assert found["servers"][0]["differs"] == differs


@pytest.mark.parametrize(("seconds", "differs"), [(4500, ["seconds"]), (4501, [])])
def test_and_from_a_tenth_on(seconds: int, differs: list[str]) -> None:
    found = compare(document(servers=[server("a", 0, 5000)]), document(servers=[server("a", 0, seconds)]))
    assert found["servers"][0]["differs"] == differs


def test_what_took_longest_more_or_less_comes_first() -> None:
    ours = [server("a", 0, 600), server("b", 0, 900), server("c", 0, 100)]
    theirs = [server(name) for name in "abc"]
    found = compare(document(servers=ours), document(servers=theirs))["servers"]
    assert [(pair["name"], pair["difference"]["seconds"]) for pair in found] == [("b", 400), ("c", -400), ("a", 100)]


def test_servers_that_differ_most_come_first() -> None:
    slow, failed, twice = server("slow", 0, 900), server("failed", status="failed"), server("twice", attempts=2)
    ours = [server("same"), slow, failed, server("new"), twice]
    theirs = [server("gone"), server("same"), server("slow"), server("failed"), server("twice")]
    found = compare(document(servers=ours), document(servers=theirs))["servers"]
    assert [(pair["name"], pair["differs"]) for pair in found] == [
        ("failed", ["status"]), ("gone", ["presence"]), ("new", ["presence"]), ("twice", ["attempts"]),
        ("slow", ["seconds"]), ("same", []),
    ]  # fmt: skip


def test_a_server_is_found_again_under_another_name() -> None:
    renamed = server("db-1") | {"hostname": "db-one"}
    found = compare(document(servers=[renamed]), document(servers=[server("db-1")]))["servers"]
    assert [(pair["name"], pair["differs"]) for pair in found] == [("db-one", [])]


def test_who_and_with_what() -> None:
    approved = {"approvals": [{"by": "ravi", "approved": True}, {"by": "rita", "approved": False}], "break_glass": True}
    one = document(people={**approved, "requested_by": "omar"}, identity={"plan_revision": 4, "kind": "recovery"})
    found = compare(one, document(), [{"path": "name", "before": "a", "after": "b"}])
    assert [(each["did"], each["one"], each["other"], each["differs"]) for each in found["people"]] == [
        ("requested", ["omar"], ["dana"], True),
        ("approved", ["ravi"], [], True),
        ("rejected", ["rita"], [], True),
    ]
    assert [(each["name"], each["one"], each["other"]) for each in found["settings"]] == [
        ("kind", "recovery", "drill"),
        ("plan_revision", 4, 1),
        ("break_glass", True, False),
    ]
    assert found["plan_changes"] == [{"path": "name", "before": "a", "after": "b"}]


def test_the_same_people_in_another_order_are_the_same() -> None:
    ravi, rita = {"by": "ravi", "approved": True}, {"by": "rita", "approved": True}
    one, other = document(people={"approvals": [ravi, rita, ravi]}), document(people={"approvals": [rita, ravi]})
    approved = next(each for each in compare(one, other)["people"] if each["did"] == "approved")
    assert (approved["one"], approved["other"], approved["differs"]) == (["ravi", "rita"], ["rita", "ravi"], False)


def test_who_signed_before_a_retry_signed_another_run() -> None:
    early, late = {"by": "dana", "before_retry": True}, {"by": "ravi", "before_retry": False}
    one, other = document(people={"sign_offs": [early, late]}), document(people={"sign_offs": [late]})
    [signed] = [each for each in compare(one, other)["people"] if each["did"] == "signed_off"]
    assert (signed["one"], signed["differs"]) == (["ravi"], False)


def test_deviations_are_counted_by_kind() -> None:
    found = compare(document(deviations=["retry", "retry", "skip"]), document(deviations=["retry", "pause"]))
    assert [(each["kind"], each["one"], each["other"], each["difference"]) for each in found["deviations"]] == [
        ("pause", 0, 1, -1), ("retry", 2, 1, 1), ("skip", 1, 0, 1),
    ]  # fmt: skip
    assert found["numbers"]["deviations"] == {"one": 3, "other": 2, "difference": 1}


# --- on one axis --------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(documents(), documents())
def test_every_bar_is_within_the_frame(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = compare(one, other)
    frame = elapsed_frame(found)
    for pair in found["waves"]:
        for side in ("one", "other"):
            for bar in wave_bars(frame, pair[side], found[side]["now_after_seconds"]):
                assert 0 <= bar.x <= bar.x + bar.width <= 100.01


def test_both_runs_begin_at_the_left_edge_and_the_axis_counts_from_there() -> None:
    one = document(waves=[wave("App", 0, 600, ready_at=None)])
    other = document(ended=3000, waves=[wave("App", 0, 1200, ready_at=None)])
    found = compare(one, other)
    frame = elapsed_frame(found)
    texts = [mark.text for mark in frame.marks()]
    assert (texts[0], texts[-1]) == ("0", "1 h")  # the target, which is not far beyond
    bars = [wave_bars(frame, found["waves"][0][side], None)[0] for side in ("one", "other")]
    assert [(bar.doing, bar.x) for bar in bars] == [(Doing.SUCCEEDED, 0), (Doing.SUCCEEDED, 0)]
    assert bars[1].width == pytest.approx(2 * bars[0].width, abs=0.01)
    assert place_after(frame, 3600) == 100


@pytest.mark.parametrize(("seconds", "last"), [(600, "10 min"), (1799, "30 min"), (1800, "1 h")])
def test_a_target_far_beyond_both_runs_is_left_out(seconds: int, last: str) -> None:
    run = document(seconds, seconds, waves=[wave("App", 0, seconds)])
    assert elapsed_frame(compare(run, run)).marks()[-1].text == last


def test_what_is_not_over_reaches_to_when_it_was_looked_at() -> None:
    one = document(None, None, status="running", waves=[wave("App", 1000, None, status="running")])
    found = compare(one, document())
    frame = elapsed_frame(found)
    bar = wave_bars(frame, found["waves"][0]["one"], found["one"]["now_after_seconds"])[-1]
    assert bar.x + bar.width == pytest.approx(place_after(frame, 2000), abs=0.01)
    assert wave_bars(frame, None, None) == ()
