"""How an event reads: its sentence, the reason that was given, the fields that changed, its colour."""

from __future__ import annotations

import re
from typing import Any

import pytest

from audit.event_types import EventType
from audit.models import Event
from audit.sentences import SENTENCES, changed_fields, field_words, reason_of, sentence_of, tone_of
from foundation.wording import Tone


def event(type: str, subject: str = "", **detail: Any) -> Event:
    return Event(type=type, subject=subject, detail=detail)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (event(EventType.ATTEMPT_WRONG_PASSWORD, "dana"), "Wrong user name or password: dana."),
        (
            event(EventType.ATTEMPT_BAD_TOKEN, method="GET", path="/api/v1/plans/"),
            "GET /api/v1/plans/ was refused: the token is not valid.",
        ),
        (event(EventType.ATTEMPT_REFUSED, method="GET"), "GET … was refused."),
        (
            event(EventType.AUDIT_DAILY_HEAD, "1 May", chains=["one"], events=["a", "b", "c"]),
            "The day until 1 May was signed: one, 3 events.",
        ),
        (
            event(EventType.SETTINGS_CHANGED, process="web", before={"DEBUG": True}, after={"DEBUG": False, "a_b": 1}),
            "The web process started with other settings: DEBUG and a b.",
        ),
        (event("no.such_type"), "No: such type"),
        (event("no.such_type", "Web shop"), "No: such type · Web shop"),
    ],
)
def test_an_event_reads_as_a_sentence(told: Event, sentence: str) -> None:
    assert sentence_of(told) == sentence


@pytest.mark.parametrize(
    ("template", "detail", "sentence"),
    [
        ("{servers} launched.", {"servers": 1}, "1 server launched."),
        ("{servers} launched.", {"servers": 3}, "3 servers launched."),
        ("{servers} launched.", {"servers": ["db-1"]}, "db-1 launched."),
        ("{servers} launched.", {"servers": []}, "0 servers launched."),
        ("{servers} launched.", {"servers": "all"}, "all launched."),
        ("It needs {approvals}.", {"approvals": 2}, "It needs 2 approvals."),
        ("{tries} tried.", {"tries": 3}, "3 tried."),
        ("{x} came as {y}.", {"x": "It"}, "It came."),
        ("{x} came as {y}.", {"x": "It", "y": "i-1"}, "It came as i-1."),
    ],
)
def test_the_detail_fills_a_sentence_in(
    monkeypatch: pytest.MonkeyPatch, template: str, detail: dict[str, Any], sentence: str
) -> None:
    monkeypatch.setitem(SENTENCES, "some.type", template)
    assert sentence_of(event("some.type", "Web shop", **detail)) == sentence


def test_the_first_reason_that_was_given_is_the_reason() -> None:
    order = ["why", "reason", "comment", "outcome"]
    for place, first in enumerate(order):
        given = {key: key for key in order[place:]}
        assert reason_of(event("x", **given, **dict.fromkeys(order[:place], ""))) == first
    assert reason_of(event("x", why=3)) == "3"
    assert reason_of(event("x", other="y")) == ""


def test_the_fields_that_changed_are_those_of_both_sides_once() -> None:
    both = event("x", before={"name": 1, "region": 2}, after={"region": 3, "role": 4})
    assert changed_fields(both) == ["name", "region", "role"]
    assert changed_fields(event("x", after={"role": 4}, more=1)) == ["role"]
    assert changed_fields(event("x", before="text", after=None)) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("name", "name"),
        ("launch_timeout_seconds", "launch timeout"),
        ("rto_target_seconds", "RTO target"),
        ("role_arn", "role ARN"),
        ("waves.App.rpo", "waves › App › RPO"),
        ("DRSORCH_SECRET_KEY", "DRSORCH_SECRET_KEY"),
        ("steps.url.every_seconds", "steps › URL › every"),
    ],
)
def test_a_field_is_called_as_people_call_it(name: str, words: str) -> None:
    assert field_words(name) == words


@pytest.mark.parametrize(
    ("type", "tone"),
    [
        ("execution.succeeded", Tone.GOOD),
        ("server.launched", Tone.GOOD),
        ("a.b.failed", Tone.BAD),
        ("execution.paused", Tone.WARN),
        ("site.created", Tone.NEUTRAL),
        ("failed", Tone.BAD),
    ],
)
def test_the_colour_is_of_what_became_of_it(type: str, tone: Tone) -> None:
    assert tone_of(event(type)) is tone


@pytest.mark.parametrize("type", SENTENCES)
def test_no_sentence_counts_one_as_several(type: str) -> None:
    words = dict.fromkeys(re.findall(r"{(\w+)}", SENTENCES[type]), "it")
    detail = {**words, "approvals": 1, "servers": 1, "more": 1}
    sentence = sentence_of(Event(type=type, subject="it", detail=detail))
    assert not re.search(r"\b1 (more )?[a-z]+s\b", sentence)
