"""What the page says of what needs a person, of where time went, and beside the bars of its timeline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from executions.core.monitor.crowded import Crowd, RunningJob
from executions.core.monitor.lateness import Usual
from executions.core.monitor.timeline import Planned
from executions.core.monitor.turns import Turn
from executions.models import Approval, Execution, ServerRun, SiteWatch, StepRun, WaveRun
from executions.samples import KeptForecast
from executions.screens.monitor.needs import needs
from executions.screens.monitor.reading import MonitorRows
from executions.screens.monitor.scene import Need
from executions.screens.monitor.split import split_lines
from executions.screens.monitor.timeline import FOLD, DrawnWave, Timeline, TimelineWave, expected_waves, timeline
from executions.screens.monitor.waves import failures
from executions.screens.selectors import ExecutionRows
from executions.services.commands import COMMANDS
from executions.services.scenes import step_name
from foundation.ticking import Ticking
from foundation.wording import Tone
from protection.models import Site

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOW = START + 24 * MINUTE
EVERYTHING = frozenset(COMMANDS)


def frankfurt(**watch: Any) -> Site:
    site = Site(pk=1, name="Frankfurt", quota_concurrent_jobs=20, quota_servers_in_jobs=500)
    site._state.fields_cache["watch"] = SiteWatch(site=site, **watch) if watch else None
    return site


def execution(**fields: Any) -> Execution:
    given = {"kind": "drill", "status": "running", "plan_name": "Web shop", "requested_by_name": "dana"}
    run = Execution(**{**given, "requested_at": START, "started_at": START, **fields})
    run._state.fields_cache["forecast"] = None
    return run


def wave(pk: int = 1, **fields: Any) -> WaveRun:
    given = {"status": "running", "on_failure": "stop", "minimum_success_percent": 100, "started_at": START}
    return WaveRun(**{"pk": pk, "position": pk - 1, "name": f"Wave {pk}", **given, **fields})


def server(number: int = 1, status: str = "launched", site: Site | None = None, **fields: Any) -> ServerRun:
    given = {"source_server_id": f"s-{number}", "hostname": f"web-{number}", "position": number, "started_at": START}
    return ServerRun(pk=number, wave_id=1, site=site or frankfurt(), status=status, **{**given, **fields})


def step(pk: int = 1, **fields: Any) -> StepRun:
    given = {"name": "Go for web", "kind": "approval", "when": "before", "status": "running", "timeout_seconds": 1800}
    return StepRun(pk=pk, wave_id=1, position=0, **{"parameters": {}, "started_at": START, **given, **fields})


def rows(
    run: Execution,
    servers: Sequence[ServerRun] = (),
    steps: Sequence[StepRun] = (),
    *,
    waves: Sequence[WaveRun] | None = None,
    approvals: Sequence[Approval] = (),
    replaced: Collection[int] = (),
) -> ExecutionRows:
    return ExecutionRows(
        execution=run,
        waves=[wave()] if waves is None else waves,
        servers={1: servers},
        steps={1: steps},
        approvals=approvals,
        lapsed=frozenset(),
        late=(),
        events=(),
        event_page=1,
        event_pages=1,
        open_launches=0,
        replaced=frozenset(replaced),
    )


def needed(
    read: ExecutionRows,
    offered: Collection[str] = EVERYTHING,
    *,
    usual: Usual | None = None,
    crowds: dict[Site, Crowd] | None = None,
    turns: Sequence[Turn] = (),
    stopped_since: datetime | None = None,
) -> tuple[Need, ...]:
    launching = [one.pk for one in read.servers[1] if one.status == "launching"]
    monitor = MonitorRows(dict.fromkeys(launching, usual) if usual else {}, crowds or {}, tuple(turns), stopped_since)
    failed = failures(read.waves, read.servers, read.steps)
    return needs(read, monitor, failed, facts=read.facts(), offered=offered, now=NOW)


def labels(need: Need) -> list[str]:
    return [move.label for move in need.moves]


# --- what needs a person ------------------------------------------------------------------------------------------


def test_while_all_goes_well_nobody_is_needed() -> None:
    assert needed(rows(execution(), [server(), server(2, "launching"), server(3, "queued")])) == ()


def test_while_no_worker_runs_that_comes_first_and_only_where_one_is_missed() -> None:
    since = NOW - 3 * MINUTE
    need, _ = needed(rows(execution(status="paused")), stopped_since=since)
    assert (need.title, "rundramatiq" in need.lines[0]) == (f"No worker has run since {since:%H:%M:%S} UTC", True)
    assert needed(rows(execution(status="succeeded", finished_at=NOW)), stopped_since=since) == ()
    [need] = needed(rows(execution(status="succeeded", cleanup_status="running")), stopped_since=since)
    assert need.title.startswith("No worker has run since")


def test_an_approval_that_is_waited_for_has_its_buttons_or_says_whom_to_ask() -> None:
    waiting = execution(
        status="awaiting_approval", started_at=None, approvals_required=2, approval_expires_at=NOW + 30 * MINUTE
    )
    [need] = needed(rows(waiting))
    assert need.title == "Nothing launches until it has 2 approvals"
    assert need.lines == ("Rejected automatically in 30 min.",)
    assert labels(need) == ["Approve", "Reject"]
    [need] = needed(rows(waiting, approvals=[Approval(pk=1, approved=True)]), offered=())
    assert need.title == "Nothing launches until it has 1 more approval"
    assert (need.moves, need.ask) == ((), "Ask an approver other than dana to approve or reject it on this page.")


def test_a_step_that_waits_for_approval_says_its_name_its_wave_and_what_is_to_be_done() -> None:
    asks = step(parameters={"instructions": "Check replication first."})
    [need] = needed(rows(execution(), steps=[asks, step(2, kind="wait"), step(3, status="succeeded")]))
    assert need.title == "“Go for web” is waiting for approval"
    assert need.lines == ("Check replication first.", "Times out in 6 min.")
    assert need.wave == (0, "Wave 1")
    assert labels(need) == ["Approve Go for web", "Reject Go for web"]
    assert need.moves[0].address.endswith(f"/command/approve/?{urlencode({'step': step_name('Go for web', 'Wave 1')})}")
    assert needed(rows(execution(status="cancelled", finished_at=NOW), steps=[asks])) == ()


def test_what_failed_stands_with_the_words_of_drs_and_the_retry_is_the_first_button() -> None:
    servers = [server(n, "failed", error="No capacity.") for n in (1, 2)] + [server(3, "unknown", error="No result.")]
    run = execution(status="failed", finished_at=NOW)
    first, second = needed(rows(run, [*servers, server(4, recovery_instance_id="i-4")], [step(status="failed")]))
    assert (first.tone, first.title) == (Tone.BAD, "3 servers and 1 step failed")
    assert first.quotes == (
        ("No reason was given.", "step Go for web"),
        ("No capacity.", "web-1 and web-2"),
        ("No result.", "web-3"),
    )
    assert labels(first) == ["Retry what failed", "Retry from an earlier point", "Skip"]
    assert [move.address.rpartition("/")[2] for move in first.moves] == [
        "?wave=Wave+1",
        "?wave=Wave+1#id_point_in_time",
        "?wave=Wave+1",
    ]
    assert any("Look for instances in the EC2 console" in line for line in first.lines)
    assert any("then retry: the drill continues from there" in line for line in first.lines)
    assert second.title == "2 drill instances are running, or may be, and cost money"
    assert labels(second) == ["Clean up"]


def test_a_failed_step_alone_is_not_retried_from_another_point_in_time() -> None:
    [need] = needed(rows(execution(), steps=[step(status="failed", error="HTTP 500.")]))
    assert (need.title, need.quotes) == ("1 step failed", (("HTTP 500.", "step Go for web"),))
    assert labels(need) == ["Retry what failed", "Skip"]


def test_a_failure_that_can_stop_the_execution_says_so_while_it_runs() -> None:
    broken = [server(1, "failed", error="No capacity.")]
    [need] = needed(rows(execution(), broken))
    assert "you do not have to wait" in need.lines[0]
    assert need.lines[1].startswith("If Wave 1 ends below its minimum of 100 %, the execution stops there.")
    assert need.title == "web-1 failed"
    [need] = needed(rows(execution(), broken, waves=[wave(status="failed")]))
    assert len(need.lines) == 1
    [need] = needed(rows(execution(), broken, waves=[wave(status="failed"), wave(2, status="cancelled")]))
    assert need.lines[1].startswith("Wave 1 ended below its minimum of 100 %, so nothing more is launched.")
    [need] = needed(rows(execution(), broken, waves=[wave(on_failure="continue")]))
    assert len(need.lines) == 1


def test_who_may_not_retry_reads_whom_to_ask_and_where_nobody_can_nobody_is_named() -> None:
    broken = [server(1, "failed", error="No capacity.")]
    [need] = needed(rows(execution(), broken), offered=())
    assert need.ask == "Ask an administrator, an operator or a recovery manager to retry or skip what failed."
    [need] = needed(rows(execution(status="cancelled", finished_at=NOW), broken), offered={"cleanup"})
    assert (need.moves, need.ask) == ((), "")
    assert need.lines == ("Fix the cause before you start a new drill: this one is over.",)


def test_many_waves_with_failures_are_told_in_few_cards() -> None:
    waves = [wave(pk) for pk in range(1, 9)]
    broken = {one.pk: [server(one.pk, "failed", error="No capacity.")] for one in waves}
    found = needed(replace(rows(execution(), waves=waves), servers=broken))
    assert [need.title for need in found[-2:]] == ["web-5 failed", "3 more waves with failures: see below"]
    assert len(found) == 6


@pytest.mark.parametrize("status", ["queued", "launching"])
def test_a_site_that_cannot_be_reached_says_since_when_and_what_aws_said(status: str) -> None:
    site = frankfurt(failing_since=NOW - 4 * MINUTE, error="AccessDenied.")
    [need] = needed(rows(execution(), [server(1, status, site), server(2, status, site)]))
    assert need.title == "Frankfurt cannot be reached, for 4 min"
    assert need.quotes == (("AccessDenied.", "since 09:20:00 UTC"),)
    assert need.lines[0].startswith("2 servers are waiting for news from there.")
    assert labels(need) == ["Retry now"]
    assert needed(rows(execution(), [server(1, "launched", site)])) == (), "nothing is waited for there"


def test_what_aws_refuses_is_said_once_with_when_it_is_retried() -> None:
    refused = [server(n, "queued", error="Throttled.", not_before=NOW + MINUTE * n) for n in (1, 2)]
    [need] = needed(rows(execution(), refused))
    assert need.title == "AWS has not accepted the launch of 2 servers yet"
    assert need.quotes == (("Throttled.", "web-1 and web-2"),)
    assert need.lines == ("drsorch retries automatically at 09:25:00 UTC.",)
    assert labels(need) == ["Retry now"]


def test_jobs_of_others_that_use_the_quota_up_are_named() -> None:
    site = frankfurt()
    theirs = [RunningJob("the drill of CRM", frozenset({"s-7", "s-8"})), RunningJob("someone", frozenset({"s-9"}))]
    crowd = Crowd(tuple(theirs), 3, full=True, taken=frozenset())
    [need] = needed(rows(execution(), [server(1, "queued", site)]), crowds={site: crowd})
    assert need.title == "1 server is waiting at Frankfurt for other people's jobs"
    assert need.lines == (
        "Others launch there now: the drill of CRM (1 job, 2 servers) and someone (1 job, 1 server).",
        "The quota of Frankfurt is used up: 20 jobs at once, 500 servers in all jobs. drsorch launches as soon as "
        "there is room.",
    )
    crowd = Crowd(tuple(theirs), 3, full=False, taken=frozenset({"s-7"}))
    [need] = needed(rows(execution(), [server(7, "queued", site)]), crowds={site: crowd})
    assert need.lines[1].startswith("1 of them is in such a job, and a server can be in one only.")


def test_launches_that_take_much_longer_than_usual_are_said_in_words_that_tick() -> None:
    launching = [server(n, "launching") for n in (1, 2, 3)]
    [need] = needed(rows(execution(), launching), usual=Usual(540, 12))
    assert need.title == "3 servers have been launching for 24 min, usually 9 min"
    assert isinstance(need.title, Ticking)
    assert need.lines[0].startswith("web-1, web-2 and web-3. Learnt from 12 launches.")
    assert needed(rows(execution(), launching), usual=Usual(1200, 12)) == ()
    [need] = needed(rows(execution(), launching[:1]), usual=Usual(300, 0))
    assert need.title == "1 server has been launching for 24 min, usually about 5 min"


def test_a_paused_execution_says_by_whom_and_has_the_button_that_resumes_it() -> None:
    turns = [Turn("execution.paused", NOW - 3 * MINUTE, "omar")]
    [need] = needed(rows(execution(status="paused")), turns=turns)
    assert need.lines[0] == "By omar, 3 min ago."
    assert labels(need) == ["Resume"]


def test_a_standstill_of_drsorch_comes_before_everything_else() -> None:
    stuck = execution(raised_since=NOW, raised_times=2, raised_error="ZeroDivisionError")
    first, second = needed(rows(stuck, [server(1, "failed", error="No capacity.")]))
    assert first.title == "drsorch cannot work on it"
    assert labels(first) == ["Retry now", "End without drsorch"]
    assert second.title == "web-1 failed"


def test_drill_instances_that_run_cost_money_until_they_are_cleaned_up() -> None:
    up = [server(n, recovery_instance_id=f"i-{n}") for n in (1, 2, 3)]
    over = {"status": "succeeded", "finished_at": NOW}
    [need] = needed(rows(execution(**over), up, replaced={1}))
    assert (need.title, labels(need)) == ("2 drill instances are running and cost money", ["Clean up"])
    [need] = needed(rows(execution(**over, cleanup_status="scheduled", cleanup_due_at=NOW + 60 * MINUTE), up))
    assert (need.tone, need.lines[1]) == (Tone.NEUTRAL, "They are terminated in 1 h.")
    up[0].cleanup_error = "It is protected against termination."
    [need] = needed(rows(execution(**over, cleanup_status="failed"), up))
    assert need.title == "The clean-up failed: 3 drill instances are running and cost money"
    assert need.quotes == (("It is protected against termination.", "web-1"),)
    assert needed(rows(execution(**over), up, replaced={1, 2, 3})) == ()
    assert needed(rows(execution(**over, kind="recovery"), up)) == ()
    [need] = needed(rows(execution(**over, cleanup_after_seconds=60), up))
    assert need.lines[0].startswith("The drill was ended without drsorch, so its planned clean-up does not run and")


def test_break_glass_that_nobody_reviewed_needs_someone_else() -> None:
    over = execution(kind="recovery", status="succeeded", finished_at=NOW, break_glass=True)
    [need] = needed(rows(over))
    assert (need.title, labels(need)) == (
        "Break-glass was used: it was started without approval",
        ["Record a review"],
    )
    fewer = execution(kind="recovery", status="succeeded", finished_at=NOW, approvals_required=1, approvals_expected=2)
    [need] = needed(rows(fewer), offered=())
    assert need.title == "It needed 1 of the 2 approvals that were needed lately"
    assert need.ask == "Ask an approver other than dana to review it."
    over.reviewed_at = NOW
    assert needed(rows(over)) == ()


def test_a_step_that_cannot_be_worked_on_is_named() -> None:
    [need] = needed(rows(execution(), steps=[step(kind="http", error="Connection refused.")]))
    assert (need.title, need.quotes, labels(need)) == (
        "Step Go for web is held up",
        (("Connection refused.", ""),),
        ["Retry now"],
    )


def test_no_two_buttons_share_an_id() -> None:
    site = frankfurt(failing_since=NOW - MINUTE, error="AccessDenied.")
    servers = [server(1, "failed", error="No."), server(2, "queued", site), server(3, "queued", error="Throttled.")]
    steps = [step(), step(2, name="Another"), step(3, status="failed"), step(4, kind="http", error="Refused.")]
    found = needed(rows(execution(status="paused", raised_since=NOW, raised_error="x"), servers, steps))
    ids = [move.id for need in found for move in need.moves]
    assert len(ids) == len(set(ids)) > 9


# --- where the time went ------------------------------------------------------------------------------------------


def split(run: Execution, *more: Any, turns: Sequence[Turn] = (), now: datetime = NOW) -> dict[str, str]:
    servers = [one for one in more if isinstance(one, ServerRun)]
    steps = [one for one in more if isinstance(one, StepRun)]
    return {line.name: line.value for line in split_lines(run, servers, steps, turns, now)}


def test_where_nobody_was_waited_for_nothing_is_said() -> None:
    assert split(execution(), server(1, "launching")) == {}
    assert split(execution(status="succeeded", finished_at=NOW), server()) == {}


def test_from_the_request_on_the_time_is_split_and_what_grows_ticks() -> None:
    run = execution(started_at=START + 6 * MINUTE)
    found = split(run, server(1, "launching", started_at=START + 6 * MINUTE))
    assert found == {"From the request": "24 min", "Deciding": "6 min", "Machine": "18 min"}
    assert [name for name, value in found.items() if isinstance(value, Ticking)] == ["From the request", "Machine"]
    later = split(run, server(1, "launching", started_at=START + 6 * MINUTE), now=NOW + MINUTE)
    assert isinstance(found["Machine"], Ticking)
    assert isinstance(later["Machine"], Ticking)
    assert found["Machine"].moment == later["Machine"].moment, "it does not change by time alone"
    waiting = split(execution(started_at=None, status="awaiting_approval"))
    assert waiting == {"From the request": "24 min", "Deciding": "24 min"}


def test_approvals_pauses_and_retries_are_time_of_people_while_nothing_runs() -> None:
    turns = [
        Turn("execution.paused", START + 2 * MINUTE, "omar"),
        Turn("execution.retried", START + 3 * MINUTE, "omar"),  # it stays paused
        Turn("execution.resumed", START + 4 * MINUTE, "omar"),
        Turn("execution.failed", START + 10 * MINUTE, "drsorch"),
        Turn("execution.skipped", START + 15 * MINUTE, "omar"),
    ]
    assert split(execution(), turns=turns)["Waiting for people"] == "7 min"
    assert split(execution(), server(finished_at=START + 12 * MINUTE), turns=turns)["Waiting for people"] == "3 min"
    approval = step(started_at=START + 20 * MINUTE)
    assert split(execution(), approval, turns=turns)["Waiting for people"] == "11 min"
    over = step(status="succeeded", started_at=START + 20 * MINUTE, finished_at=START + 21 * MINUTE)
    assert split(execution(), over, turns=turns)["Waiting for people"] == "8 min"
    other = step(2, kind="http", started_at=START + 20 * MINUTE)
    assert split(execution(), approval, other, turns=turns)["Waiting for people"] == "7 min"


# --- beside the bars ----------------------------------------------------------------------------------------------


def lines(run: Execution, servers: Sequence[ServerRun], steps: Sequence[StepRun] = (), **more: Any) -> Timeline:
    found = timeline(run, more.pop("waves", [wave()]), {1: servers}, {1: steps}, **{"usual": {}, "now": NOW, **more})
    assert found is not None
    return found


def shown(line: TimelineWave) -> tuple[list[str], list[str]]:
    return [row.name for row in line.rows], [row.name for row in line.always]


def done(number: int, status: str = "launched") -> ServerRun:
    """One that has failed did so in conversion."""
    times = {"snapshot": START.isoformat(), "conversion": (START + MINUTE).isoformat(), "strange": "x"}
    phase = "conversion" if status == "failed" else ""
    return server(number, status, finished_at=START + 9 * MINUTE, phase_times=times, phase=phase)


def test_before_it_starts_there_is_no_timeline() -> None:
    assert timeline(execution(started_at=None), [wave()], {}, {}, usual={}, now=NOW) is None


def test_a_small_wave_shows_its_steps_and_servers_what_moves_first() -> None:
    servers = [done(1), server(2, "launching"), server(3, "queued", queued_at=START), server(4, "pending")]
    steps = [step(status="succeeded", finished_at=START), step(2, name="Test", when="after", kind="http")]
    [line] = lines(execution(), servers, steps).waves
    assert shown(line) == (["Go for web", "web-2", "web-3", "web-1", "Test"], [])
    assert line.open
    assert line.what == "1 of 4 launched, 1 pending, 1 queued, 1 launching"
    assert [(row.what, row.took) for row in line.rows[1:4]] == [
        ("starting", "24 min"),
        ("queued", "24 min"),
        ("launched", "9 min"),
    ]
    assert line.rows[3].spoken == "web-1: launched. snapshot 1 min, conversion 8 min"


def test_a_wave_with_many_servers_is_folded_and_what_failed_or_waits_for_a_person_is_seen_nevertheless() -> None:
    many = [done(number) for number in range(1, 300)] + [done(300, "failed")]
    [line] = lines(execution(), many, [step()]).waves
    assert not line.open
    assert shown(line)[1] == ["Go for web", "web-300"]
    assert [row.what for row in line.always] == ["waiting for approval", "failed in conversion"]
    assert len(line.rows) == 25
    assert line.rest == "And 274 more servers: see the wave below."
    assert line.what == "299 of 300 launched, 1 failed"
    [line] = lines(execution(), [done(number, "failed") for number in range(30)]).waves
    assert (len(line.always), line.rest) == (25, "And 5 more failed: see the wave below.")
    [line] = lines(execution(), [done(number) for number in range(FOLD)]).waves
    assert (line.open, line.what) == (True, "8 servers launched")
    [line] = lines(execution(), [done(1)], waves=[wave(status="succeeded", finished_at=NOW)]).waves
    assert not line.open
    [line] = lines(execution(), [server(1, "pending")], waves=[wave(status="pending", started_at=None)]).waves
    assert (line.open, line.what, line.rows) == (False, "1 server", ())


def test_the_frame_has_room_for_what_is_usual_for_the_target_if_it_is_near_and_for_what_was_planned() -> None:
    launching = [server(1, "launching")]
    assert lines(execution(), launching, now=START + MINUTE).frame.end == START + 12 * MINUTE  # ten and some room
    usual = {1: Usual(1200, 3)}
    assert lines(execution(), launching, now=START + MINUTE, usual=usual).frame.end == START + 25 * MINUTE
    near = lines(execution(rto_target_seconds=1800), launching, now=START + MINUTE, usual=usual)
    assert (near.frame.end, near.target) == (START + 30 * MINUTE, 100.0)
    assert lines(execution(rto_target_seconds=36_000), launching, now=START + MINUTE).target is None
    planned = {0: Planned(START, START + 30 * MINUTE, START + 50 * MINUTE)}
    assert lines(execution(), launching, now=START + MINUTE, planned=planned).frame.end == START + 50 * MINUTE
    over = lines(execution(status="succeeded", finished_at=START + 10 * MINUTE), [done(1)])
    assert (over.frame.end, over.running) == (START + 10 * MINUTE, False)


def forecast_of(waves: Sequence[tuple[str, float, float, float]], critical: float = 0.9) -> dict[str, Any]:
    return {
        "finish": {"p95_seconds": 6000},
        "waves": [
            {
                "name": name,
                "start": {"p50_seconds": start},
                "finish": {"p50_seconds": p50, "p95_seconds": p95},
                "critical_share": critical if number == 0 else 0.1,
            }
            for number, (name, start, p50, p95) in enumerate(waves)
        ],
    }


def test_a_wave_is_expected_by_the_latest_forecast_and_one_that_is_over_by_that_of_the_beginning() -> None:
    run = execution()
    over, later = wave(1, status="succeeded", finished_at=NOW), wave(2, status="pending")
    assert expected_waves(run, [over, later]) == ({}, set())
    first = forecast_of([("Wave 1", 0, 600, 900), ("Wave 2", 600, 1200, 1500)])
    latest = forecast_of([("Wave 1", 0, 1440, 1440), ("Wave 2", 1461, 2999, 2990), ("Wave 3", 0, 0, 0)])
    run.forecast = KeptForecast(execution=run, at_start=first, latest=latest)
    planned, critical = expected_waves(run, [over, later, wave(4)])
    assert planned == {
        0: Planned(START, START + 10 * MINUTE, START + 15 * MINUTE),
        # In steps of a hundredth of the whole, a minute: what differs by less is drawn as it was.
        1: Planned(START + 24 * MINUTE, START + 50 * MINUTE, START + 50 * MINUTE),
    }
    assert critical == {0}
    run.status = "succeeded"
    assert expected_waves(run, [later])[0] == {
        1: Planned(START + 10 * MINUTE, START + 20 * MINUTE, START + 25 * MINUTE)
    }
    run.forecast = KeptForecast(execution=run)
    assert expected_waves(run, [over, later]) == ({}, set())


def test_time_alone_changes_nothing_of_what_the_timeline_is_renewed_by() -> None:
    first = lines(execution(), [server(1, "launching"), done(2)])
    later = lines(execution(), [server(1, "launching"), done(2)], now=NOW + MINUTE)
    assert (first.shows(), first.frame) == (later.shows(), later.frame)
    [before], [after] = first.waves, later.waves
    assert before.spans == after.spans
    assert [row.spans for row in before.rows] == [row.spans for row in after.rows]
    assert DrawnWave(first, before).bars != DrawnWave(later, after).bars, "it is drawn up to now"


def test_bars_are_drawn_with_what_was_expected_below_them_and_names_cannot_become_markup() -> None:
    planned = {0: Planned(START, START + 12 * MINUTE, START + 24 * MINUTE)}
    found = lines(
        execution(), [done(1)], waves=[wave(name="<b>")], planned=planned, critical={0}, now=START + 6 * MINUTE
    )
    drawn = DrawnWave(found, found.waves[0]).bars
    assert found.expects
    assert found.waves[0].critical
    assert '<rect data-doing="expected" x="0%" y="17" width="48%" height="4"/>' in drawn
    assert '<rect data-doing="latest" x="48%" y="17" width="48%" height="4"/>' in drawn
    assert '<rect data-doing="running" x="0%" y="1" width="24%" height="14" rx="2" data-grows/>' in drawn
    assert 'class="is-wide">running</text>' not in drawn
    assert "<b>" not in drawn
    assert "Expected to end at 09:12:00 UTC, at 09:24:00 at the latest" in drawn
    pending = lines(execution(), [], waves=[wave(status="pending", started_at=None)])
    assert DrawnWave(pending, pending.waves[0]).bars == ""
