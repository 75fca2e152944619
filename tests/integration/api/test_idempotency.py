"""`Idempotency-Key`: one key, one piece of work, one answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.exceptions import Throttled

from foundation.errors import Conflict, Invalid, Missing, NotAllowed, Stale, Unavailable
from foundation.models import IdempotentAnswer
from foundation.rest import idempotency
from protection import services
from protection.api import SiteViewSet
from protection.models import Site
from tests.factories.people import make_user

WORK = "/api/v1/work/"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def key(text: str = "k1") -> dict[str, str]:
    return {"Idempotency-Key": text}


def test_the_same_request_again_answers_the_first_result(api, vera, work):
    first = api(vera).post(WORK, {"plan": 1, "kind": "drill"}, headers=key())
    again = api(vera).post(WORK, {"kind": "drill", "plan": 1}, headers=key())
    assert len(work.done) == 1
    assert again.status_code == first.status_code == 201
    assert again.json() == first.json() == {"made": 1}
    for header in ("Location", "ETag", "Content-Type"):
        assert again.headers[header] == first.headers[header]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_without_a_key_every_request_does_its_work(api, vera, work):
    assert [api(vera).post(WORK, {}).json()["made"] for _ in range(2)] == [1, 2]


def test_another_body_with_the_same_key_is_a_conflict(api, vera, work):
    api(vera).post(WORK, {"plan": 1}, headers=key())
    refused = api(vera).post(WORK, {"plan": 2}, headers=key())
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:drsorch:problem:idempotency-key-reused"
    assert len(work.done) == 1


def test_another_path_with_the_same_key_is_a_conflict(api, vera, work):
    api(vera).post(WORK, {}, headers=key())
    assert api(vera).post(WORK + "?x=1", {}, headers=key()).status_code == 409
    assert api(vera).post("/api/v1/tokens/", {}, headers=key()).status_code == 409


def test_keys_of_different_people_have_nothing_to_do_with_each_other(api, vera, omar, work):
    api(vera).post(WORK, {"plan": 1}, headers=key())
    assert api(omar).post(WORK, {"plan": 2}, headers=key()).status_code == 201
    assert len(work.done) == 2


@pytest.mark.parametrize(
    "error",
    [
        Invalid("Not a name."),
        NotAllowed("Ask an administrator."),
        Missing("There is no such plan."),
        Conflict("Plan Web shop already has an active execution."),
        Stale("It has moved on."),
        Unavailable("AWS is down."),
        Throttled(wait=1),
        RuntimeError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_is_not_kept_and_the_same_key_asks_again(api, vera, work, error):
    def refuse(request: Any) -> Any:
        raise error

    work.job = refuse
    refused = api(vera).post(WORK, {}, headers=key())
    assert refused.status_code >= 400
    assert "Idempotency-Replayed" not in api(vera).post(WORK, {}, headers=key()).headers
    assert not IdempotentAnswer.objects.exists()
    work.job = lambda request: {"made": "now"}
    assert api(vera).post(WORK, {}, headers=key()).json() == {"made": "now"}
    assert api(vera).post(WORK, {}, headers=key()).headers["Idempotency-Replayed"] == "true"


def test_after_a_refusal_the_key_may_come_with_a_corrected_body(api, vera, work):
    def refuse(request: Any) -> Any:
        raise Invalid("Not a name.")

    work.job = refuse
    assert api(vera).post(WORK, {"plan": 1}, headers=key()).status_code == 400
    work.job = lambda request: {"made": "now"}
    assert api(vera).post(WORK, {"plan": 2}, headers=key()).status_code == 201
    assert api(vera).post(WORK, {"plan": 1}, headers=key()).status_code == 409


def test_a_stranger_leaves_no_trace(api, db, work):
    assert api().post(WORK, {}, headers=key()).status_code == 401
    assert not IdempotentAnswer.objects.exists()


def test_a_second_request_while_the_first_is_worked_on_is_told_to_wait(api, vera, work):
    meanwhile: list[Any] = []

    def slow(request: Any) -> Any:
        meanwhile.append(api(vera).post(WORK, {}, headers=key()))
        return {"made": "once"}

    work.job = slow
    assert api(vera).post(WORK, {}, headers=key()).json() == {"made": "once"}
    [second] = meanwhile
    assert second.status_code == 409
    assert second.json()["type"] == "urn:drsorch:problem:idempotency-in-progress"
    assert second.headers["Retry-After"] == "1"
    assert len(work.done) == 1


@pytest.fixture
def killed(monkeypatch):
    """`with killed():` processes die after their work, before the answer is kept: the row stays as it was."""

    @contextmanager
    def dying() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(idempotency.KeyClaim, "settle", lambda self, response: None)
            yield

    return dying


def test_a_first_attempt_that_died_blocks_for_two_minutes_only(api, vera, work, killed):
    with time_machine.travel(NOON, tick=False) as clock:
        with killed():
            api(vera).post(WORK, {}, headers=key())
        clock.move_to(NOON + timedelta(seconds=119))
        assert api(vera).post(WORK, {}, headers=key()).status_code == 409
        clock.move_to(NOON + timedelta(seconds=121))
        assert api(vera).post(WORK, {}, headers=key()).json() == {"made": 2}
        assert api(vera).post(WORK, {}, headers=key()).json() == {"made": 2}


SITE = {"name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1"}


def test_what_was_done_before_a_process_died_is_answered_and_not_done_again(api, ada, killed):
    with killed():
        lost = api(ada).post("/api/v1/sites/", SITE, headers=key())
    again = api(ada).post("/api/v1/sites/", SITE, headers=key())
    assert (again.status_code, again.json(), again["Location"]) == (201, lost.json(), lost["Location"])
    assert again["Idempotency-Replayed"] == "true"
    assert api(ada).post("/api/v1/sites/", {**SITE, "region": "eu-west-1"}, headers=key()).status_code == 409


def test_what_is_rolled_back_is_not_marked_as_done(api, ada, work, monkeypatch):
    def broken(self: Any, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr(SiteViewSet, "key_done", broken)
        assert api(ada).post("/api/v1/sites/", SITE, headers=key()).status_code == 500
    assert not Site.objects.exists()
    assert api(ada).post("/api/v1/sites/", SITE, headers=key()).status_code == 201


def test_an_attempt_that_was_overtaken_does_not_do_the_work_as_well(api, ada, monkeypatch):
    def stuck(**given: Any) -> Any:
        IdempotentAnswer.objects.update(created_at=NOON)  # as an attempt does that takes it over
        return real(**given)

    real = services.site_create
    monkeypatch.setattr(services, "site_create", stuck)
    refused = api(ada).post("/api/v1/sites/", SITE, headers=key())
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:drsorch:problem:idempotency-in-progress")
    assert not Site.objects.exists()


def test_an_attempt_that_was_overtaken_does_not_overwrite_the_newer_answer(api, vera, work):
    with time_machine.travel(NOON, tick=False) as clock:

        def stuck(request: Any) -> Any:
            work.job = lambda request: {"made": "by the second"}
            clock.move_to(NOON + timedelta(minutes=3))
            assert api(vera).post(WORK, {}, headers=key()).status_code == 201
            return {"made": "by the first"}

        work.job = stuck
        api(vera).post(WORK, {}, headers=key())
        assert api(vera).post(WORK, {}, headers=key()).json() == {"made": "by the second"}


def test_answers_are_kept_for_a_day(api, vera, work):
    with time_machine.travel(NOON, tick=False) as clock:
        api(vera).post(WORK, {}, headers=key())
        clock.move_to(NOON + timedelta(hours=23, minutes=59))
        assert api(vera).post(WORK, {}, headers=key()).json() == {"made": 1}
        clock.move_to(NOON + timedelta(hours=24, minutes=1))
        assert api(vera).post(WORK, {}, headers=key()).json() == {"made": 2}
        assert IdempotentAnswer.objects.count() == 1


@pytest.mark.parametrize("bad", ["", "x" * 256, "tab\there", "käy"])
def test_a_key_that_is_no_good_is_a_400(api, vera, work, bad):
    assert api(vera).post(WORK, {}, headers=key(bad)).status_code == 400
    assert not work.done


def test_a_token_can_be_asked_for_again_and_is_not_readable_in_the_table(api, vera):
    first = api(vera).post("/api/v1/tokens/", {"name": "ci"}, headers=key()).json()
    again = api(vera).post("/api/v1/tokens/", {"name": "ci"}, headers=key()).json()
    assert again == first
    assert first["token"] not in IdempotentAnswer.objects.get().body
    assert len(api(vera).get("/api/v1/tokens/").json()["results"]) == 1


def test_after_a_change_of_secret_key_the_work_is_not_done_twice(api, vera, work, settings):
    api(vera).post(WORK, {}, headers=key())
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret-key-that-is-long-enough-for-anything"
    unreadable = api(vera).post(WORK, {}, headers=key())
    assert unreadable.status_code == 409
    assert unreadable.json()["type"] == "urn:drsorch:problem:idempotency-answer-unreadable"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert api(vera).post(WORK, {}, headers=key()).json() == {"made": 1}
    assert len(work.done) == 1


def test_malformed_json_is_told_twice_the_same(api, db, work):
    client = api(make_user())
    answers = [client.post(WORK, b"{", content_type="application/json", headers=key()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
