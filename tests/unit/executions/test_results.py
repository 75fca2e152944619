"""What a job and its log say of a server, and what is made of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drs.port import JobLogItem
from executions.core.actions import ServerOutcome
from executions.core.facts import JobFacts, ServerProgress
from executions.core.results import new_details, outcome_of, progress_of
from executions.core.states import ServerStatus
from tests.unit.executions.pure_world import START, server

SOURCE = server(1).source_server_id
AT = START + timedelta(minutes=9)


def item(event: str, **values: object) -> JobLogItem:
    return JobLogItem(**{"at": START, "event": event, "source_server_id": SOURCE, **values})


def seen(*items: JobLogItem) -> ServerProgress:
    return progress_of(items)[SOURCE]


@pytest.mark.parametrize(
    ("event", "phase"),
    [
        ("CLEANUP_START", "cleanup"),
        ("CLEANUP_END", "cleanup"),
        ("SNAPSHOT_START", "snapshot"),
        ("SNAPSHOT_END", "snapshot"),
        ("USING_PREVIOUS_SNAPSHOT", "snapshot"),
        ("CONVERSION_START", "conversion"),
        ("CONVERSION_END", "conversion"),
        ("LAUNCH_START", "launch"),
        ("LAUNCH_END", "post_launch"),
        ("SOMETHING_NEW", ""),
    ],
)
def test_the_phase_that_an_event_shows(event: str, phase: str) -> None:
    ended_at = START if event == "LAUNCH_END" else None
    begun = {phase: START} if phase else {}
    assert seen(item(event)) == ServerProgress(phase=phase, ended_at=ended_at, phase_times=begun)


def test_a_phase_begins_with_its_first_event_that_has_a_time() -> None:
    found = seen(
        item("SNAPSHOT_START", at=None),
        item("SNAPSHOT_END"),
        item("USING_PREVIOUS_SNAPSHOT", at=AT),
        item("LAUNCH_END", at=AT),
    )
    assert found.phase_times == {"snapshot": START, "post_launch": AT}


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ("CLEANUP_FAIL", "the clean-up of its earlier instance failed"),
        ("SNAPSHOT_FAIL", "its snapshot failed"),
        ("USING_PREVIOUS_SNAPSHOT_FAILED", "no earlier snapshot could be used either"),
        ("CONVERSION_FAIL", "its conversion failed"),
        ("LAUNCH_FAILED", "its launch failed"),
        ("SERVER_SKIPPED", "DRS skipped it"),
        ("JOB_CANCEL", "the job was cancelled"),
    ],
)
def test_the_error_that_an_event_is(event: str, error: str) -> None:
    assert seen(item(event)).error == error


def test_what_drs_says_of_an_error_wins_over_the_event_before_or_after_it() -> None:
    said = item("SNAPSHOT_FAIL", raw_error="No space")
    assert seen(said, item("LAUNCH_FAILED")).error == "No space"
    assert seen(item("LAUNCH_FAILED"), said).error == "No space"
    assert seen(item("SNAPSHOT_FAIL"), item("LAUNCH_FAILED")).error == "its snapshot failed"


def test_a_log_is_read_server_by_server() -> None:
    other = server(2).source_server_id
    found = progress_of(
        [
            item("JOB_START", source_server_id=None),
            item("SNAPSHOT_START"),
            item("CONVERSION_START", source_server_id=other),
            item("LAUNCH_END", target_instance_id="i-1", at=AT),
        ]
    )
    assert found == {
        SOURCE: ServerProgress(
            phase="post_launch",
            instance_id="i-1",
            ended_at=AT,
            phase_times={"snapshot": START, "post_launch": AT},
        ),
        other: ServerProgress(phase="conversion", phase_times={"conversion": START}),
    }


def job(progress: ServerProgress | None, *, finished: bool = True, examined: bool = True) -> JobFacts:
    return JobFacts(
        job_id="drsjob-1",
        type="LAUNCH",
        initiated_by="START_DRILL",
        finished=finished,
        examined=examined,
        complete=True,
        operation_key="key-1",
        created_at=START,
        first_seen_at=START,
        servers={} if progress is None else {SOURCE: progress},
    )


PHASES = {"snapshot": START, "post_launch": AT}
LAUNCHED = ServerProgress("LAUNCHED", "post_launch", "", "i-1", AT, START - timedelta(minutes=1), ("10.0.0.1",), PHASES)


def test_a_launched_server_has_all_that_its_job_tells() -> None:
    assert outcome_of(server(1), job(LAUNCHED)) == ServerOutcome(
        server=1,
        to=ServerStatus.LAUNCHED,
        error="",
        instance_id="i-1",
        ended_at=AT,
        recovery_point_at=START - timedelta(minutes=1),
        private_ips=("10.0.0.1",),
        phase_times=PHASES,
    )


@pytest.mark.parametrize(("finished", "examined"), [(False, False), (True, False), (False, True)])
def test_a_launch_counts_when_its_job_is_over_and_was_examined(finished: bool, examined: bool) -> None:
    assert outcome_of(server(1), job(LAUNCHED, finished=finished, examined=examined)) is None


def error_of(progress: ServerProgress | None, **values: bool) -> tuple[ServerStatus, str] | None:
    found = outcome_of(server(1), job(progress, **values))
    return None if found is None else (found.to, found.error)


def test_a_failure_counts_as_soon_as_its_reason_is_known() -> None:
    why = (ServerStatus.FAILED, "DRS could not launch it: No space (job drsjob-1).")
    assert error_of(ServerProgress("FAILED", error="No space"), finished=False, examined=False) == why


def test_a_failure_without_a_reason_waits_for_the_end() -> None:
    failed = ServerProgress("FAILED")
    for over in ({"finished": False}, {"examined": False}):
        assert error_of(failed, **over) is None
    why = "DRS could not launch it: DRS gives no reason in the job's log (job drsjob-1)."
    assert error_of(failed) == (ServerStatus.FAILED, why)


@pytest.mark.parametrize(
    ("progress", "reports", "found"),
    [
        (None, "nothing", "No instance launched by this job was found."),
        (ServerProgress("PENDING"), "PENDING", "No instance launched by this job was found."),
        (
            ServerProgress("IN_PROGRESS", instance_id="i-9"),
            "IN_PROGRESS",
            "Instance i-9 exists; check it before you rely on it.",
        ),
    ],
)
def test_what_a_finished_job_does_not_call_launched_is_unknown(
    progress: ServerProgress | None, reports: str, found: str
) -> None:
    why = f"Job drsjob-1 finished but reports {reports} for this server, so it does not count as launched. {found}"
    assert error_of(progress) == (ServerStatus.UNKNOWN, why)


def test_what_becomes_known_later_is_noted_once() -> None:
    bare = server(1, status=ServerStatus.LAUNCHED)
    found = new_details(bare, job(LAUNCHED))
    assert found == ServerOutcome(
        server=1,
        to=ServerStatus.LAUNCHED,
        instance_id="i-1",
        recovery_point_at=LAUNCHED.recovery_point_at,
        private_ips=("10.0.0.1",),
    )
    noted = replace(bare, recovery_instance_id="i-1", recovery_point_at=LAUNCHED.recovery_point_at)
    assert new_details(noted, job(LAUNCHED)) is None
    assert new_details(bare, job(None)) is None
    assert new_details(bare, job(ServerProgress("LAUNCHED"))) is None


def test_either_thing_that_is_new_is_noted_and_what_is_known_stays() -> None:
    known = server(1, status=ServerStatus.LAUNCHED, recovery_instance_id="i-0", recovery_point_at=START)
    only_point = new_details(replace(known, recovery_point_at=None), job(LAUNCHED))
    only_instance = new_details(replace(known, recovery_instance_id=""), job(LAUNCHED))
    assert only_point is not None
    assert only_instance is not None
    assert (only_point.instance_id, only_point.recovery_point_at) == ("i-0", LAUNCHED.recovery_point_at)
    assert (only_instance.instance_id, only_instance.recovery_point_at) == ("i-1", START)
