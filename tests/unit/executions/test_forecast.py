"""When a plan will be over: from durations that were seen, through the engine's own packing and quotas."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.core.forecast.course import Course, CourseServer, CourseSite, CourseStep, CourseWave
from executions.core.forecast.durations import Expected, LaunchHistory, PastLaunch, Source, expected_step
from executions.core.forecast.forecast import Forecast, Span, WaveForecast, forecast, runs_for
from executions.core.forecast.run import run

AT_ONCE = Expected(0.0)
TEN_MINUTES = Expected(600.0)


def a_site(**limits: int) -> CourseSite:
    given = {"concurrent_jobs": 20, "servers_per_job": 100, "servers_in_jobs": 500, **limits}
    return CourseSite(**given, dispatch=AT_ONCE, notice=AT_ONCE)


def a_wave(position: int, after: Sequence[int] = (), servers: int = 1, expected: Expected = TEN_MINUTES) -> CourseWave:
    members = tuple(CourseServer(f"s{position}-{number}", position, 1, expected) for number in range(servers))
    return CourseWave(position, f"wave {position}", frozenset(after), critical=True, servers=members)


def a_course(*waves: CourseWave, target: float | None = None, now: float = 0, **limits: int) -> Course:
    return Course(tuple(waves), {1: a_site(**limits)}, target, now)


def ends(course: Course) -> dict[int, float]:
    return run(course, random.Random(1)).ends


# --- the graph ------------------------------------------------------------------------------------------------------


def test_a_wave_starts_when_those_it_waits_for_are_over_and_others_run_beside() -> None:
    shop = a_course(a_wave(0), a_wave(1, [0]), a_wave(2, [0], expected=Expected(900.0)), a_wave(3, [1]))
    assert ends(shop) == {0: 600, 1: 1200, 2: 1500, 3: 1800}


def test_delays_and_steps_before_and_after_are_part_of_the_way() -> None:
    check = CourseStep(Expected(30.0), 1800)
    wave = replace(a_wave(0), start_delay_seconds=60, before=(check, check), after=(check,))
    assert ends(a_course(wave)) == {0: 60 + 30 + 30 + 600 + 30}


def test_a_step_takes_no_longer_than_its_time_out() -> None:
    wave = replace(a_wave(0, servers=0), before=(CourseStep(Expected(10_000.0), 1800),))
    assert ends(a_course(wave)) == {0: 1800}


def test_the_rto_ends_with_the_last_critical_launch_and_not_with_what_comes_after() -> None:
    reports = replace(a_wave(1, expected=Expected(3000.0)), critical=False)
    web = replace(a_wave(0), after=(CourseStep(Expected(500.0), 1800),))
    found = forecast(a_course(web, reports, target=700))
    assert (found.recovered.p50, found.finish.p50, found.rto_probability) == (600, 3000, 1.0)


# --- quotas ---------------------------------------------------------------------------------------------------------


def test_servers_beyond_what_drs_takes_at_once_wait_for_those_before() -> None:
    assert ends(a_course(a_wave(0, servers=250))) == {0: 600}
    assert ends(a_course(a_wave(0, servers=250), servers_in_jobs=100)) == {0: 1800}
    assert ends(a_course(a_wave(0, servers=4), concurrent_jobs=1, servers_per_job=1)) == {0: 2400}


def test_jobs_of_others_take_their_part_of_the_room_for_as_long_as_they_take() -> None:
    course = a_course(a_wave(0), concurrent_jobs=1)
    busy = replace(course.sites[1], others=((3, Expected(200.0)),))
    assert ends(replace(course, sites={1: busy})) == {0: 800}


def test_a_wave_that_waits_for_room_is_on_the_critical_path_behind_the_one_that_has_it() -> None:
    found = run(a_course(a_wave(0), a_wave(1), a_wave(2, [1]), concurrent_jobs=1), random.Random(1))
    assert found.critical_path() == {0, 1, 2}


def test_the_critical_path_is_told_by_how_often_the_end_waited_for_a_wave() -> None:
    slow = Expected(1200.0, spread=0.05)
    found = forecast(a_course(a_wave(0), a_wave(1, [0], expected=slow), a_wave(2, [0])))
    assert [wave.critical_share for wave in found.waves] == [1.0, 1.0, 0.0]


# --- while it goes on -----------------------------------------------------------------------------------------------


def test_what_is_over_is_over_and_what_runs_has_only_the_rest_to_go() -> None:
    over = replace(a_wave(0, servers=0), over_at=650.0, ready_at=0.0, launched=1, launched_at=640.0)
    launching = CourseServer("s1-0", 1, 1, TEN_MINUTES, since=660.0, job="op")
    running = replace(a_wave(1, [0]), servers=(launching,), ready_at=650.0, is_running=True)
    assert ends(a_course(over, running, a_wave(2, [1]), now=900)) == {0: 650, 1: 1260, 2: 1860}


def test_nothing_that_is_open_ends_in_the_past() -> None:
    launching = CourseServer("s0-0", 0, 1, Expected(600.0, spread=0.1), since=0.0, job="op")
    late = replace(a_wave(0), servers=(launching,), ready_at=0.0, is_running=True)
    found = forecast(a_course(late, now=2000))
    assert 2000 <= found.finish.p5 <= found.finish.p95 <= 2600


def test_a_step_that_runs_is_forecast_by_the_rest_of_it() -> None:
    waiting = CourseStep(Expected(300.0), 1800, since=100.0)
    wave = replace(a_wave(0, servers=0), before=(waiting,), ready_at=100.0)
    assert ends(a_course(wave, now=250)) == {0: 400}
    assert ends(a_course(wave, now=1000)) == {0: 1000}


# --- failures and targets -------------------------------------------------------------------------------------------


def test_a_target_is_met_as_often_as_runs_are_in_time_and_no_wave_fails() -> None:
    even = Expected(600.0, spread=0.1)
    shop = a_wave(0, expected=even)
    chance = forecast(a_course(shop, target=600)).rto_probability
    assert chance is not None
    assert 0.4 < chance < 0.6
    fails = a_wave(0, expected=replace(even, failed_share=0.5))
    half = forecast(a_course(fails, target=6000)).rto_probability
    assert half is not None
    assert 0.4 < half < 0.6
    enough = replace(fails, minimum_success_percent=0)
    assert forecast(a_course(enough, target=6000)).rto_probability == 1.0
    assert forecast(a_course(shop)).rto_probability is None


# --- what it goes by --------------------------------------------------------------------------------------------------


def history(**servers: Sequence[float]) -> LaunchHistory:
    return LaunchHistory([PastLaunch(name, "site", took) for name, all_took in servers.items() for took in all_took])


def test_a_server_is_forecast_by_its_own_launches_then_by_servers_alike_then_by_a_guess() -> None:
    known = history(db=[2400, 2500, 2300, 2400], web=[600, 610, 590], app=[600])
    db, app, new = (known.expected(name, "site", "linux") for name in ("db", "app", "new"))
    guess = known.expected("new", "elsewhere", "windows")
    assert [one.source for one in (db, app, new, guess)] == [
        Source.HISTORY, Source.SIMILAR, Source.SIMILAR, Source.GUESS,
    ]  # fmt: skip
    assert (db.learnt_from, app.learnt_from, new.learnt_from, guess.learnt_from) == (4, 8, 8, 0)
    assert 2300 < db.seconds < 2450
    # One launch says something: between it and what is usual, nearer to it where servers differ much.
    assert 600 <= app.seconds < new.seconds
    assert guess.seconds > LaunchHistory([]).expected("new", "elsewhere", "linux").seconds


def test_a_guess_is_wider_than_what_is_known_and_says_that_it_is_one() -> None:
    waves = [a_wave(0, expected=LaunchHistory([]).expected("x", "site", "linux"))]
    guessed = forecast(a_course(*waves))
    known = history(x=[535, 540, 530, 535, 545])
    learnt = forecast(a_course(a_wave(0, expected=known.expected("x", "site", "linux"))))

    def width(one: Forecast) -> float:
        return one.finish.p95 - one.finish.p5

    assert width(guessed) > 2 * width(learnt)
    assert (guessed.based_on, learnt.based_on) == (Source.GUESS, Source.HISTORY)


def test_a_server_that_fails_often_is_expected_to_fail_and_one_that_never_did_is_not() -> None:
    launches = [PastLaunch("bad", "site", 600, launched=number % 2 == 0) for number in range(8)]
    launches += [PastLaunch("good", "site", 600) for _ in range(8)]
    known = LaunchHistory(launches)
    bad, good = known.expected("bad", "site", "linux"), known.expected("good", "site", "linux")
    assert bad.failed_share > 0.3 > good.failed_share > 0
    assert history(good=[600]).expected("good", "site", "linux").failed_share == 0
    # One that only ever failed has no duration of its own.
    only = LaunchHistory([*launches, PastLaunch("never", "site", 5, launched=False)])
    assert only.expected("never", "site", "linux").seconds == pytest.approx(good.seconds, rel=0.05)


def test_a_step_is_forecast_by_itself_then_by_its_kind_then_by_a_guess() -> None:
    itself, kind, guess = expected_step([40, 60], [5], 10), expected_step([], [5], 10), expected_step([], [], 10)
    assert [one.source for one in (itself, kind, guess)] == [Source.HISTORY, Source.SIMILAR, Source.GUESS]
    assert 45 < itself.seconds < 55
    assert (round(kind.seconds), round(guess.seconds)) == (5, 10)


# --- properties -----------------------------------------------------------------------------------------------------

durations = st.builds(Expected, st.floats(1, 5000), st.sampled_from([0.0, 0.1, 0.5]))


@st.composite
def courses(draw: st.DrawFn) -> Course:
    number = draw(st.integers(1, 5))
    waves = []
    for position in range(number):
        after = draw(st.sets(st.integers(0, position - 1))) if position else set()
        waves.append(a_wave(position, sorted(after), draw(st.integers(0, 6)), draw(durations)))
    limits = {"concurrent_jobs": draw(st.integers(1, 3)), "servers_per_job": draw(st.integers(1, 4))}
    return a_course(*waves, **limits, servers_in_jobs=draw(st.integers(4, 20)))


@given(courses(), st.integers(0, 1000))
def test_every_wave_ends_after_those_it_waits_for_and_the_last_is_the_end(course: Course, seed: int) -> None:
    found = run(course, random.Random(seed))
    assert set(found.starts) == set(found.ends) == {wave.position for wave in course.waves}
    for wave in course.waves:
        assert found.starts[wave.position] <= found.ends[wave.position]
        assert all(found.ends[other] <= found.starts[wave.position] for other in wave.depends_on)
    assert found.recovered_at <= found.finish
    last = max(found.ends, key=lambda position: found.ends[position])
    assert last in found.critical_path()


@given(courses())
def test_the_same_course_has_the_same_forecast_and_its_band_is_in_order(course: Course) -> None:
    one, again = forecast(course, runs=5), forecast(course, runs=5)
    assert one == again
    for span in (one.finish, one.recovered, *(wave.finish for wave in one.waves)):
        assert span.p5 <= span.p50 <= span.p95


@given(st.integers(1, 20), st.integers(1, 12), st.integers(0, 200))
def test_a_band_holds_most_of_what_really_happens(servers: int, drills: int, seed: int) -> None:
    """Servers alike that vary by twelve percent: a level that is far off, or a spread of nothing, would show."""
    rng = random.Random(seed)
    past = [
        PastLaunch(f"s{number}", "site", 530 * rng.uniform(0.88, 1.12))
        for number in range(servers)
        for _ in range(drills)
    ]
    known = LaunchHistory(past)
    drawn = known.expected("s0", "site", "linux")
    assert 530 * 0.85 < drawn.seconds < 530 * 1.15
    assert 0.03 < drawn.spread < 0.2


def test_an_estate_of_thousands_is_forecast_by_fewer_runs() -> None:
    assert [runs_for(servers) for servers in (0, 600, 1200, 4000)] == [200, 200, 100, 30]


# --- to the letter --------------------------------------------------------------------------------------------------


def test_all_that_a_forecast_says_of_durations_that_never_vary() -> None:
    learnt = replace(TEN_MINUTES, source=Source.SIMILAR, learnt_from=12)
    guessed = Expected(60.0, source=Source.GUESS)
    course = a_course(a_wave(0, servers=2, expected=learnt), a_wave(1, [0], expected=guessed), target=660)
    assert forecast(course, runs=4) == Forecast(
        finish=Span(660, 660, 660),
        recovered=Span(660, 660, 660),
        rto_probability=1.0,
        based_on=Source.GUESS,
        learnt_from=12,
        sources={Source.SIMILAR: 2, Source.GUESS: 1},
        waves=(
            WaveForecast(0, "wave 0", Span(0, 0, 0), Span(600, 600, 600), 1.0),
            WaveForecast(1, "wave 1", Span(600, 600, 600), Span(660, 660, 660), 1.0),
        ),
        runs=4,
    )
    nothing = forecast(a_course(a_wave(0, servers=0)))
    assert (nothing.learnt_from, nothing.sources, nothing.runs) == (0, {}, 200)


def test_the_band_is_of_the_very_runs_and_the_first_seed_is_0() -> None:
    course = a_course(a_wave(0, servers=3, expected=Expected(600.0, 0.4)))
    rng = random.Random(0)
    ended = sorted(run(course, rng).finish for _ in range(100))
    found = forecast(course, runs=100)
    assert found.finish == Span(ended[5], ended[50], ended[94])
    assert found == forecast(course, seed=0, runs=100)


def test_so_many_runs_for_so_many_servers() -> None:
    assert {servers: runs_for(servers) for servers in (0, 1, 700, 1000, 4000, 100_000)} == {
        0: 200, 1: 200, 700: 171, 1000: 120, 4000: 30, 100_000: 30,
    }  # fmt: skip


def test_a_wave_that_was_begun_goes_on_with_what_waits_and_what_launches() -> None:
    both = a_wave(0, servers=3)
    launching = tuple(replace(server, since=100.0, job="one") for server in both.servers[:2])
    begun = replace(both, is_running=True, ready_at=0, servers=(*launching, both.servers[2]))
    # Room for one job: the third waits until both of the first are known to be over.
    course = a_course(begun, now=300, concurrent_jobs=1)
    found = run(course, random.Random(1))
    assert (found.ends, found.recovered_at) == ({0: 1300}, 1300)
    # Room for three servers: the job that runs takes up two.
    course = a_course(begun, now=300, servers_in_jobs=3)
    assert run(course, random.Random(1)).ends == {0: 900}
    assert run(a_course(begun, now=300, servers_in_jobs=2), random.Random(1)).ends == {0: 1300}


def test_a_wave_that_was_begun_and_has_launched_all_has_its_steps_left() -> None:
    check = CourseStep(Expected(30.0), 1800)
    all_launched = replace(
        a_wave(0, servers=0), is_running=True, ready_at=0, launched=2, launched_at=250, after=(check,)
    )
    assert ends(a_course(all_launched, a_wave(1, [0]), now=300)) == {0: 330, 1: 930}


def test_where_a_course_stands_is_where_its_waves_begin() -> None:
    over = replace(a_wave(0, servers=0), over_at=200)
    begun = replace(a_wave(1), is_running=True)
    delayed = replace(a_wave(2), ready_at=250, start_delay_seconds=100)
    long_ready = replace(a_wave(3), ready_at=10, start_delay_seconds=100)
    found = run(a_course(over, begun, delayed, long_ready, now=300), random.Random(1))
    assert found.starts == {0: 200, 1: 300, 2: 250, 3: 10}
    assert found.ends == {0: 200, 1: 900, 2: 950, 3: 900}


def test_without_waves_there_is_no_critical_path() -> None:
    assert run(a_course(), random.Random(1)).critical_path() == set()


def test_what_is_late_ends_later_than_now() -> None:
    usual = Expected(10.0, 0.1)
    (server,) = a_wave(0, expected=usual).servers
    launching = replace(a_wave(0), is_running=True, ready_at=0, servers=(replace(server, since=0, job="one"),))
    check = replace(a_wave(1, servers=0), is_running=True, ready_at=0, after=(CourseStep(usual, 9000, since=0),))
    found = run(a_course(launching, check, now=1000), random.Random(1))
    assert all(1000 < end < 1250 for end in found.ends.values())
    assert 1000 < found.recovered_at < 1250


def test_the_site_takes_its_time_before_a_launch_and_after_it() -> None:
    site = replace(a_site(), dispatch=Expected(5.0), notice=Expected(7.0))
    found = run(replace(a_course(a_wave(0)), sites={1: site}), random.Random(1))
    assert (found.ends, found.recovered_at) == ({0: 612}, 605)


@pytest.mark.parametrize(("limits", "others"), [({"servers_in_jobs": 2}, [5]), ({"concurrent_jobs": 1}, [1, 1])])
def test_others_may_use_more_than_there_is(limits: dict[str, int], others: list[int]) -> None:
    course = a_course(a_wave(0), **limits)
    busy = replace(course.sites[1], others=tuple((size, Expected(200.0)) for size in others))
    assert ends(replace(course, sites={1: busy})) == {0: 800}


def test_waves_side_by_side_share_the_room() -> None:
    assert ends(a_course(a_wave(0, servers=60), a_wave(1, servers=60), servers_in_jobs=100)) == {0: 600, 1: 1200}


def test_a_wave_fails_below_its_minimum_and_not_at_it() -> None:
    def fails(**fields: float) -> bool:
        given = {"is_running": True, "ready_at": 0, **fields}
        wave = replace(a_wave(0, servers=0), minimum_success_percent=75, **given)
        return run(a_course(wave), random.Random(1)).failed

    assert not fails(launched=3, failed=1)
    assert fails(launched=299, failed=101)


def test_every_server_that_fails_counts() -> None:
    doomed = replace(a_wave(0, servers=4, expected=Expected(60.0, failed_share=1.0)), minimum_success_percent=50)
    assert run(a_course(doomed), random.Random(1)).failed


def test_servers_alike_are_late_together_and_others_are_not() -> None:
    alike = [a_wave(n, expected=Expected(600.0, population="1 linux", common_spread=0.5)) for n in range(2)]
    other = a_wave(2, expected=Expected(600.0, population="1 windows", common_spread=0.5))
    found = ends(a_course(*alike, other))
    assert found[0] == found[1] != 600
    assert found[2] not in (found[0], 600)
