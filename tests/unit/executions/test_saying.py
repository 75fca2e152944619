"""The title of an execution's page, and what it announces, from rows that were never saved."""

from __future__ import annotations

from typing import Any

import pytest

from executions.models import StepRun
from executions.screens.monitor.waves import failures
from executions.screens.renewal.saying import say
from tests.unit.executions.test_presentation import START, execution, server, wave


def told(rows: Any = (), *, steps: Any = (), may_approve: bool = False, **fields: Any) -> Any:
    waves = [wave(1, name="App")]
    of_wave, servers = {1: list(steps)}, {1: list(rows)}
    found = failures(waves, servers, of_wave)
    return say(execution(**fields), waves, of_wave, found, "7 of 8 servers launched.", may_approve=may_approve)


GO = StepRun(pk=7, wave_id=1, name="Go", kind="approval", status="running", started_at=START)
FAILED = server(1, status="failed", error="Out of disk.")


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (told(), "Web shop drill"),
        (told(status="awaiting_approval", kind="recovery"), "(!) Waiting for approval: Web shop recovery"),
        (told(status="awaiting_approval", may_approve=True), "(!) Approve: Web shop drill"),
        (told(steps=[GO], may_approve=True), "(!) Approve: Web shop drill"),
        (told([FAILED], steps=[GO]), "(!) Waiting for approval: Web shop drill"),
        (told([FAILED]), "(!) Failures: Web shop drill"),
        (told([FAILED], status="partially_succeeded"), "Partially succeeded: Web shop drill"),
        (told(raised_since=START), "(!) Failures: Web shop drill"),
    ],
)
def test_the_title_says_what_needs_a_person(found: Any, title: str) -> None:
    assert found.title == title


def test_each_thing_has_a_key_of_its_own_and_says_what_it_is() -> None:
    found = told([FAILED, server(2)], steps=[GO]).said
    assert [one.text for one in found] == [
        "Drill of Web shop: step Go of wave App is waiting for approval.",
        "Drill of Web shop: failed in wave App: web-1. Out of disk.",
    ]
    assert found[0].key == "step 7"
    assert told([FAILED, server(2, status="failed", error="Out of disk.")]).said[0].key != found[1].key
    assert told().said == ()


def test_the_end_is_said_in_a_sentence() -> None:
    [one] = told(status="failed", finished_at=START).said
    assert one.text == "Drill of Web shop: failed. 7 of 8 servers launched."


def test_an_execution_that_waits_has_the_key_that_the_inbox_gives_it() -> None:
    row = execution(status="awaiting_approval")
    [one] = say(row, [], {}, (), "", may_approve=False).said
    assert one.key == f"execution {row.pk}"
