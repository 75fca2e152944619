"""What is forecast of a plan, and of an execution as it stands."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from executions.core.facts import (
    ExecutionFacts,
    JobFacts,
    OperationFacts,
    ServerFacts,
    ServerProgress,
    Settings,
    SiteFacts,
    StepFacts,
    WaveFacts,
)
from executions.core.forecast.course import Course, CourseServer, CourseSite, CourseStep, CourseWave
from executions.core.forecast.document import document
from executions.core.forecast.durations import Expected, LaunchHistory, PastLaunch, Source, expected_step
from executions.core.forecast.forecast import Forecast, Span, WaveForecast
from executions.core.forecast.standing import (
    History,
    PastJob,
    course_of_execution,
    course_of_plan,
    platform_of,
    population_of,
)
from executions.core.states import (
    ExecutionKind,
    ExecutionStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from plans.core import Blueprint, BlueprintServer, BlueprintStep, BlueprintWave
from plans.core.purpose import NO_PURPOSE

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FRANKFURT, DUBLIN = 7, 8
#: What is expected of a launch where none was seen.
GUESSED = Expected(500.0, 0.15, "guess linux", 0.35, Source.GUESS)
NOTHING = History(LaunchHistory([], guess_seconds=500.0))
SETTINGS = Settings(poll_floor_seconds=3)
#: Of a site at which fewer than three jobs were seen.
DISPATCH, NOTICE = Expected(3.0), Expected(10.0, 0.6)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def site(key: int = FRANKFURT, *jobs: JobFacts) -> SiteFacts:
    return SiteFacts(key, concurrent_jobs=20, servers_per_job=100, servers_in_jobs=500, jobs=jobs)


def course_site(*others: tuple[int, Expected]) -> CourseSite:
    return CourseSite(20, 100, 500, DISPATCH, NOTICE, others)


# --- what was seen ------------------------------------------------------------------------------------------------


def test_servers_with_the_same_system_at_the_same_site_are_alike() -> None:
    assert platform_of("Microsoft WINDOWS Server 2022") == "windows"
    assert [platform_of(os) for os in ("Red Hat Enterprise Linux 9", "")] == ["linux", "linux"]
    assert population_of(FRANKFURT, "linux") == "7 linux"


def test_a_launch_is_expected_by_the_servers_own_site_and_system() -> None:
    seen = [PastLaunch("s-1", "7 windows", 900.0)] * 3
    history = History(LaunchHistory(seen, 500.0), systems={(FRANKFURT, "s-1"): "Windows Server", (DUBLIN, "s-1"): ""})
    known = history.launch(FRANKFURT, "s-1")
    assert (round(known.seconds), known.source, known.population) == (900, Source.HISTORY, "7 windows")
    assert history.launch(DUBLIN, "s-1") == GUESSED
    assert history.launch(FRANKFURT, "s-unknown") == GUESSED


def test_what_launches_say_of_the_next_one() -> None:
    """Two servers alike, of which one was launched three times: by the estimate that `durations` describes, worked out
    by hand. Within a server, launches vary by 0.11045; servers differ by 0.37790; usual are 622.73 s."""
    alike = "7 linux"
    launches = [PastLaunch("often", alike, seconds) for seconds in (400.0, 400.0, 500.0)]
    launches += [PastLaunch("once", alike, 900.0), PastLaunch("once", alike, 0.0)]
    launches += [PastLaunch("often", alike, 1.0, launched=False), PastLaunch("never", alike, 5.0, launched=False)]
    history = LaunchHistory([*launches, PastLaunch("elsewhere", "8 linux", 5.0, launched=False)], 600.0)

    def found(server: str) -> tuple[float, float, Source, int, float]:
        one = history.expected(server, alike, "linux")
        assert (one.population, round(one.common_spread, 5)) == (alike, 0.27286)
        return round(one.seconds, 2), round(one.spread, 5), one.source, one.learnt_from, round(one.failed_share, 5)

    assert found("often") == (435.30, 0.12709, Source.HISTORY, 3, 0.28571)
    assert found("once") == (874.29, 0.15310, Source.SIMILAR, 4, 0.25)
    assert found("never") == (622.73, 0.39371, Source.SIMILAR, 4, 0.5)
    assert found("unheard of") == (622.73, 0.39371, Source.SIMILAR, 4, 0.33333)
    assert history.expected("elsewhere", "8 linux", "windows") == Expected(
        900.0, 0.15, "guess windows", 0.35, Source.GUESS
    )


def test_a_step_is_expected_by_itself_then_by_its_kind_then_by_what_such_a_step_usually_takes() -> None:
    history = History(steps={("App", "Check"): [40.0, 40.0]}, kinds={"http_check": [90.0]})
    assert history.step("App", "Check", "http_check") == expected_step([40.0, 40.0], (), 0)
    assert history.step("Web", "Check", "http_check") == expected_step((), [90.0], 0)
    assert history.step("App", "Other", "http_check").source is Source.SIMILAR
    guesses = {kind: NOTHING.step("App", "x", kind) for kind in ("approval", "ssm_automation", "ssm_command", "lambda")}
    assert {kind: guess.seconds for kind, guess in guesses.items()} == {
        "approval": 300, "ssm_automation": 300, "ssm_command": 60, "lambda": 10,
    }  # fmt: skip
    assert {guess.source for guess in guesses.values()} == {Source.GUESS}


@pytest.mark.parametrize(
    ("past", "similar", "found"),
    [
        ([100.0, 100.0], [5.0], Expected(100.0, 0.3286, source=Source.HISTORY, learnt_from=2)),
        ([100.0, 400.0], [], Expected(200.0, 0.6295, source=Source.HISTORY, learnt_from=2)),
        ([], [50.0], Expected(50.0, 0.4243, source=Source.SIMILAR, learnt_from=1)),
        ([0.0], [], Expected(0.001, 0.4243, source=Source.HISTORY, learnt_from=1)),
        ([], [], Expected(10.0, 0.7, source=Source.GUESS)),
    ],
)
def test_the_median_of_a_step_is_what_it_took_and_the_more_it_varied_the_wider_its_spread(
    past: list[float], similar: list[float], found: Expected
) -> None:
    expected = expected_step(past, similar, 10.0)
    assert replace(expected, seconds=round(expected.seconds, 6), spread=round(expected.spread, 4)) == found


def test_what_starting_a_job_takes_is_learnt_from_three_jobs_of_the_site_and_the_quick_ones_count() -> None:
    jobs = [PastJob(FRANKFURT, dispatch, 20.0) for dispatch in (4.0, 8.0, 400.0)]
    elsewhere = PastJob(DUBLIN, 1000.0, 1000.0)
    learnt = replace(NOTHING, jobs=[*jobs, elsewhere])
    found = course_of_plan(blueprint(), {FRANKFURT: site()}, learnt, SETTINGS).sites[FRANKFURT]
    assert found == CourseSite(20, 100, 500, Expected(4.0), expected_step([20.0, 20.0, 20.0], (), 0))
    few = replace(NOTHING, jobs=[*jobs[:2], elsewhere])
    assert course_of_plan(blueprint(), {FRANKFURT: site()}, few, SETTINGS).sites[FRANKFURT] == course_site()
    slow = Settings(poll_floor_seconds=30)
    found = course_of_plan(blueprint(), {FRANKFURT: site()}, NOTHING, slow).sites[FRANKFURT]
    assert (found.dispatch, found.notice) == (Expected(30.0), Expected(30.0, 0.6))


# --- a plan -------------------------------------------------------------------------------------------------------


def step(name: str, when: str, kind: str = "http_check", **parameters: object) -> BlueprintStep:
    return BlueprintStep(name, "", "", when, kind, 1800, "stop", parameters)


def wave(position: int, *steps: BlueprintStep, on_failure: str = "stop", servers: Sequence[str] = ()) -> BlueprintWave:
    launched = tuple(BlueprintServer(FRANKFURT, source, source, "", "shop") for source in servers)
    return BlueprintWave(position, f"wave {position}", (0,) * bool(position), 80, on_failure, 60, 3600, launched, steps)


def blueprint(*waves: BlueprintWave) -> Blueprint:
    return Blueprint(1, "Web shop", 3, 3600, 900, 1, waves, NO_PURPOSE)


def test_a_plan_is_forecast_as_if_it_were_started_now() -> None:
    steps = (step("Go", "before", "approval"), step("Settle", "before", "wait", seconds=45), step("Check", "after"))
    plan = blueprint(wave(0, *steps, servers=("s-1", "s-2")), wave(1, on_failure="continue"))
    found = course_of_plan(plan, {FRANKFURT: site(), DUBLIN: site(DUBLIN)}, NOTHING, SETTINGS)
    assert found == Course(
        waves=(
            CourseWave(
                0, "wave 0", frozenset(), True, 80, 60,
                before=(CourseStep(NOTHING.step("", "", "approval"), 1800), CourseStep(Expected(45), 45)),
                after=(CourseStep(NOTHING.step("", "", "http_check"), 1800),),
                servers=(CourseServer("s-1", 0, FRANKFURT, GUESSED), CourseServer("s-2", 0, FRANKFURT, GUESSED)),
            ),
            CourseWave(1, "wave 1", frozenset({0}), False, 80, 60),
        ),
        sites={FRANKFURT: course_site(), DUBLIN: course_site()},
        rto_target_seconds=3600,
    )  # fmt: skip


def test_steps_and_servers_of_a_plan_are_expected_by_their_own_history() -> None:
    seen = [PastLaunch("s-1", "7 linux", 900.0)] * 3
    history = History(LaunchHistory(seen, 500.0), steps={("wave 0", "Check"): [40.0] * 3})
    (found,) = course_of_plan(blueprint(wave(0, step("Check", "after"), servers=("s-1",))), {}, history, SETTINGS).waves
    assert (round(found.servers[0].expected.seconds), found.servers[0].expected.source) == (900, Source.HISTORY)
    assert found.after[0].expected == expected_step([40.0] * 3, (), 0)


def test_where_no_wave_stops_the_plan_each_counts_for_the_rto() -> None:
    plan = blueprint(wave(0, on_failure="continue"), wave(1, on_failure="continue"))
    assert [one.critical for one in course_of_plan(plan, {}, NOTHING, SETTINGS).waves] == [True, True]


# --- an execution -------------------------------------------------------------------------------------------------


def server(number: int, wave: int, status: ServerStatus, **fields: object) -> ServerFacts:
    return ServerFacts(number, wave, FRANKFURT, f"s-{number}", status, **fields)


def wave_run(position: int, status: WaveStatus, **fields: object) -> WaveFacts:
    given = {"depends_on": frozenset({0} if position else set()), **fields}
    return WaveFacts(position, position, f"wave {position}", status, **given)


def job(job_id: str, seen_at: float, *, finished: bool = False, servers: int = 1) -> JobFacts:
    of = {f"x-{number}": ServerProgress() for number in range(servers)}
    return JobFacts(job_id, "LAUNCH", "START_DRILL", finished, False, False, "", None, at(seen_at), of)


def operation(job_id: str, state: OperationState) -> OperationFacts:
    return OperationFacts(
        f"key {job_id}", OperationKind.LAUNCH, FRANKFURT, state, True, frozenset(), START, START, job_id
    )


def execution(status: ExecutionStatus = ExecutionStatus.RUNNING, **fields: object) -> ExecutionFacts:
    given = {"waves": (), "servers": (), "operations": (), "sites": {}, **fields}
    return ExecutionFacts(ExecutionKind.DRILL, status, START, **given)


def standing(facts: ExecutionFacts, now: float = 700, history: History = NOTHING) -> Course:
    return course_of_execution(facts, at(now), history, SETTINGS, 3600)


def test_an_execution_is_forecast_from_where_it_stands() -> None:
    facts = execution(
        waves=(
            wave_run(0, WaveStatus.SUCCEEDED, ready_at=at(0), finished_at=at(580), minimum_success_percent=50),
            wave_run(1, WaveStatus.RUNNING, ready_at=at(581), start_delay_seconds=60),
            wave_run(2, WaveStatus.PENDING, ready_at=at(5), stops_on_failure=False),
        ),
        servers=(
            server(1, 0, ServerStatus.LAUNCHED, finished_at=at(560)),
            server(2, 0, ServerStatus.LAUNCHED, finished_at=at(400)),
            server(3, 0, ServerStatus.FAILED, finished_at=at(570)),
            server(4, 1, ServerStatus.LAUNCHING, started_at=at(600), operation="key 4", single_server_job=True),
            server(5, 1, ServerStatus.QUEUED, started_at=at(1), operation="an earlier try"),
            server(6, 1, ServerStatus.UNKNOWN),
            server(7, 1, ServerStatus.TERMINATED),
            server(8, 2, ServerStatus.PENDING),
        ),
        steps=(
            StepFacts(1, 1, 1, "Later", "before", "wait", StepStatus.PENDING, wait_seconds=45),
            StepFacts(2, 1, 0, "Go", "before", "approval", StepStatus.RUNNING, timeout_seconds=900, started_at=at(650)),
            StepFacts(5, 1, 1, "Settle", "after", "wait", StepStatus.RUNNING, wait_seconds=90, started_at=at(690)),
            StepFacts(3, 1, 0, "Check", "after", "http_check"),
            StepFacts(4, 0, 0, "Done", "after", "http_check", StepStatus.SUCCEEDED),
        ),
        operations=(operation("ours", OperationState.ACCEPTED), operation("settled", OperationState.SETTLED)),
        sites={
            FRANKFURT: site(
                FRANKFURT, job("ours", 600), job("theirs", 600, servers=3), job("stuck", -5000),
                job("over", 600, finished=True), job("settled", 700),
            )
        },
    )  # fmt: skip
    assert standing(facts) == Course(
        waves=(
            CourseWave(
                0, "wave 0", frozenset(), True, 50, 0, launched=2, failed=1, launched_at=560, ready_at=0, over_at=580
            ),
            CourseWave(
                1, "wave 1", frozenset({0}), True, 100, 60,
                before=(
                    CourseStep(NOTHING.step("", "", "approval"), 900, 650), CourseStep(Expected(45), 45, None),
                ),
                after=(CourseStep(NOTHING.step("", "", "http_check"), 1800), CourseStep(Expected(90), 90, 690)),
                servers=(
                    CourseServer("s-4", 1, FRANKFURT, GUESSED, True, 600, "key 4"),
                    CourseServer("s-5", 1, FRANKFURT, GUESSED),
                ),
                launched=1, failed=1, ready_at=581, is_running=True,
            ),
            CourseWave(
                2, "wave 2", frozenset({0}), False, 100, 0, servers=(CourseServer("s-8", 2, FRANKFURT, GUESSED),)
            ),
        ),
        sites={
            FRANKFURT: course_site(
                (3, Expected(400.0, 0.6)), (1, Expected(50.0, 0.6)), (1, Expected(500.0, 0.6))
            )
        },
        rto_target_seconds=3600,
        now=700,
    )  # fmt: skip


def test_what_lacks_a_time_counts_from_the_start_and_nothing_is_before_it() -> None:
    facts = execution(
        waves=(wave_run(0, WaveStatus.FAILED), wave_run(1, WaveStatus.RUNNING, ready_at=at(-9))),
        servers=(
            server(1, 0, ServerStatus.LAUNCHED),
            server(2, 0, ServerStatus.PENDING),
            server(3, 1, ServerStatus.LAUNCHING),
        ),
        sites={FRANKFURT: site(FRANKFURT, job("theirs", 90))},
    )
    found = standing(facts, now=-4)
    over, running = found.waves
    assert (over.over_at, over.launched_at, over.servers) == (0, 0, ())
    assert (running.ready_at, running.servers[0].since, running.servers[0].job, found.now) == (0, 0, "", 0)
    assert found.sites[FRANKFURT].others == ((1, Expected(500.0, 0.6)),)


def test_one_that_waits_for_approval_is_forecast_as_if_it_had_it() -> None:
    facts = execution(ExecutionStatus.AWAITING_APPROVAL, waves=(wave_run(0, WaveStatus.PENDING),))
    assert standing(facts, now=700).now == 0


def test_an_execution_goes_by_the_history_of_its_servers_and_of_its_steps_in_their_wave() -> None:
    seen = [PastLaunch("s-1", "7 linux", 900.0)] * 3
    history = History(LaunchHistory(seen, 500.0), steps={("wave 0", "Check"): [40.0] * 3})
    facts = execution(
        waves=(wave_run(0, WaveStatus.RUNNING, stops_on_failure=False),),
        servers=(server(1, 0, ServerStatus.QUEUED),),
        steps=(StepFacts(1, 0, 0, "Check", "after", "http_check"),),
    )
    (found,) = standing(facts, history=history).waves
    assert (round(found.servers[0].expected.seconds), found.servers[0].expected.source) == (900, Source.HISTORY)
    assert found.after[0].expected == expected_step([40.0] * 3, (), 0)
    assert found.critical, "no wave stops the execution, so each counts"


# --- as JSON ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probability", [None, 0.965])
def test_a_forecast_as_the_api_and_the_database_write_it(probability: float | None) -> None:
    ends = Span(59.6, 61.2, 70.0)
    waves = (WaveForecast(0, "Databases", Span(0.0, 0.4, 1.0), ends, 0.98765),)
    found = Forecast(ends, Span(1.0, 2.0, 3.0), probability, Source.SIMILAR, 12, {Source.SIMILAR: 4}, waves, 200)
    assert document(found) == {
        "finish": {"p5_seconds": 60, "p50_seconds": 61, "p95_seconds": 70},
        "recovered": {"p5_seconds": 1, "p50_seconds": 2, "p95_seconds": 3},
        "rto_probability": probability,
        "based_on": "similar",
        "launches_known": 12,
        "waves": [
            {
                "name": "Databases",
                "start": {"p5_seconds": 0, "p50_seconds": 0, "p95_seconds": 1},
                "finish": {"p5_seconds": 60, "p50_seconds": 61, "p95_seconds": 70},
                "critical_share": 0.988,
            }
        ],
    }


# --- one made-up duration -----------------------------------------------------------------------------------------


def test_a_duration_is_drawn_around_its_median_and_beyond_what_has_passed() -> None:
    steady = Expected(0.5)
    rng = random.Random(5)
    assert (steady.draw(rng), steady.draw(rng, 3.0), steady.draw(rng, 3.0, after=9.0)) == (0.5, 1.5, 9.0)
    varied = Expected(600.0, spread=0.4)
    assert varied.draw(random.Random(5)) == 600 * math.exp(random.Random(5).gauss(0.0, 0.4))
    assert varied.draw(random.Random(5), 2.0) == 2 * varied.draw(random.Random(5))
    late = {varied.draw(random.Random(seed), after=1e6) for seed in range(50)}
    assert len(late) == 50
    assert 1_000_000 < min(late) < 1_020_000 < 1_230_000 < max(late) < 1_250_000


def test_those_of_a_population_are_late_by_one_factor() -> None:
    rng = random.Random(5)
    assert Expected(600.0).common_factor(rng) == 1
    assert rng.random() == random.Random(5).random(), "without a spread, chance has no part in it"
    drawn = Expected(600.0, common_spread=0.5).common_factor(random.Random(5))
    assert drawn == math.exp(random.Random(5).gauss(0.0, 0.5))


def test_a_forecast_is_based_on_the_weakest_of_its_sources() -> None:
    assert Source.weakest([Source.HISTORY, Source.GUESS, Source.SIMILAR]) is Source.GUESS
    assert Source.weakest([Source.SIMILAR, Source.HISTORY]) is Source.SIMILAR
    assert Source.weakest([]) is Source.HISTORY


def test_a_launch_of_half_a_second_counts_and_one_of_none_does_not() -> None:
    history = LaunchHistory([PastLaunch("s-1", "7 linux", 0.5), PastLaunch("s-2", "8 linux", 0.0)], 500.0)
    assert history.expected("s-1", "7 linux", "linux").source is Source.SIMILAR
    assert history.expected("s-2", "8 linux", "linux").source is Source.GUESS
