"""Every answer, whoever gives it, names its request and is one line of JSON without any secret."""

from __future__ import annotations

import base64
import logging
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from audit.models import Event
from drsorch.environment import BY_NAME, read, secret_texts
from drsorch.observing import logging as ours
from drsorch.observing.requests import OneLine
from foundation.version import VERSION
from tests.logs import logged

pytestmark = pytest.mark.any_database
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
HEADERS = {"X-Request-ID": "pipeline-42", "traceparent": TRACE}
#: Path -> status: by drsorch's own views, by its middleware, and by Django where no view was found or reached.
ANSWERS = [
    ("/admin/", {}, 302),
    ("/accounts/login/", {}, 200),
    ("/api/v1/me/", {}, 401),
    ("/api/v1/schema/", {}, 200),
    ("/api/nothing", {}, 404),
    ("/nothing", {}, 404),
    ("/admin/", {"host": "evil.example"}, 400),
    ("/api/v1/me/", {"host": "evil.example"}, 400),
    ("/static/admin/css/base.css", {}, 200),
    ("/static/nothing.css", {}, 404),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "headers", "status"), ANSWERS)
def test_every_answer_names_its_request_and_is_one_line(path: str, headers: dict[str, str], status: int) -> None:
    with logged() as lines:
        answer = Client(raise_request_exception=False).get(path, headers={**HEADERS, **headers})
        answer.close()
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (status, "pipeline-42")
    assert answer.headers["traceparent"] == TRACE
    [line] = lines.all()
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", path, status)
    assert (line["request_id"], line["trace_id"], line["version"]) == ("pipeline-42", TRACE[3:35], VERSION)
    assert line["ms"] >= 0
    assert line["bytes"] > 0 or status == 302


def test_an_id_that_is_not_taken_is_answered_with_another_one(db: None) -> None:
    answer = Client().get("/accounts/login/", headers={"X-Request-ID": "a b", "traceparent": "x"})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", answer.headers["traceparent"])


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_has_a_line_only_when_it_is_unwell(db: None, path: str) -> None:
    def answered(status: int) -> Any:
        with logged() as lines:
            OneLine(lambda request: HttpResponse(status=status))(RequestFactory().get(path))
        return lines.all()

    assert answered(200) == []
    assert len(answered(503)) == 1


def test_a_bug_is_one_line_with_its_traceback(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("drsorch.observing.health.JsonResponse", fail)
    with logged() as lines:
        answer = Client(raise_request_exception=False).get("/healthz", headers=HEADERS)
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, "pipeline-42")
    [line] = lines.all()
    assert (line["event"], line["level"], line["status"]) == ("request", "error", 500)
    assert "RuntimeError: a bug of ours" in line["exception"]
    assert "drsorch/observing/health.py" in line["exception"]


def test_the_reason_of_djangos_own_refusal_is_in_the_line(db: None) -> None:
    with logged() as lines:
        Client().get("/admin/", headers={"host": "evil.example"})
    assert "evil.example" in lines.one("request")["reason"]


def test_the_line_says_who_asked_and_with_which_token(dana: User) -> None:
    token = _token(dana)
    browser = Client()
    browser.force_login(dana, backend="django.contrib.auth.backends.ModelBackend")
    with logged() as lines:
        Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"})
        browser.get("/admin/")
    by_token, by_session = lines.all("request")
    assert (by_token["user"], by_token["token"]) == ("dana", "pipeline")
    assert (by_session["user"], by_session["token"]) == ("dana", None)


def test_a_stream_is_one_line_when_it_is_over() -> None:
    streaming = OneLine(lambda request: StreamingHttpResponse([b"four", b"five!"]))
    with logged() as lines:
        answer: Any = streaming(RequestFactory().get("/x.csv", headers=HEADERS))
        assert lines.all() == []
        assert b"".join(answer) == b"fourfive!"
        for close in answer._resource_closers:
            close()
    line = lines.one("request")
    assert (line["bytes"], line["request_id"]) == (9, "pipeline-42")
    assert structlog.contextvars.get_contextvars() == {}


def test_an_event_keeps_the_request_that_caused_it(dana: User, api: Callable[..., Any]) -> None:
    assert api(dana).post("/api/v1/tokens/", {"name": "x"}, headers=HEADERS).status_code == 201
    event = Event.objects.filter(subject_type="token").latest("pk")
    assert (event.origin["request_id"], event.origin["trace_id"]) == ("pipeline-42", TRACE[3:35])


# --- secrets ------------------------------------------------------------------------------------------------------


def _token(user: User) -> str:
    import io

    out = io.StringIO()
    call_command("issue_token", user.username, "--name", "pipeline", stdout=out)
    return out.getvalue().strip()


def _basic(token: str) -> str:
    return base64.b64encode(f"dana:{token}".encode()).decode()


Sending = Callable[[Client, str], Any]
#: Wherever somebody may put a token.
PLACES: dict[str, Sending] = {
    "authorization": lambda client, token: client.get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"}),
    "another scheme": lambda client, token: client.get("/api/v1/me/", headers={"Authorization": f"Token {token}"}),
    "basic": lambda client, token: client.get("/api/v1/me/", headers={"Authorization": f"Basic {_basic(token)}"}),
    "query": lambda client, token: client.get("/api/v1/me/", {"access_token": token}),
    "query of a page": lambda client, token: client.get("/admin/", {"token": token}),
    "name in a query": lambda client, token: client.get(f"/nothing?{token}"),
    "path": lambda client, token: client.get(f"/api/v1/tokens/{token}/"),
    "path of nothing": lambda client, token: client.get(f"/{token}"),
    "form": lambda client, token: client.post("/accounts/login/", {"login": "dana", "password": token}),
    "name of a user": lambda client, token: client.post("/accounts/login/", {"login": token, "password": "x"}),
    "body": lambda client, token: client.post("/api/v1/sites/", {"name": token}, content_type="application/json"),
    "cookie": lambda client, token: client.get("/admin/", headers={"Cookie": f"sessionid={token}"}),
    "host": lambda client, token: client.get("/admin/", headers={"Host": token}),
    "referer": lambda client, token: client.get("/nothing", headers={"Referer": f"https://x/?t={token}"}),
    "agent": lambda client, token: client.get("/nothing", headers={"User-Agent": token}),
    "request id": lambda client, token: client.get("/nothing", headers={"X-Request-ID": token}),
    "forwarded": lambda client, token: client.get("/nothing", headers={"X-Forwarded-For": token}),
}


@pytest.mark.django_db
@pytest.mark.parametrize("place", PLACES)
def test_a_token_never_stands_in_the_log_wherever_somebody_puts_it(dana: User, place: str) -> None:
    token = _token(dana)
    with logged("DEBUG") as lines:
        PLACES[place](Client(raise_request_exception=False), token)
    assert lines.all("request")
    assert token not in lines.text
    assert _basic(token) not in lines.text


def test_a_token_in_an_error_that_nobody_expected_does_not_stand_in_the_log(db: None) -> None:
    token = "0123456789abcdef" * 4

    def fails(request: HttpRequest) -> HttpResponse:
        structlog.get_logger("x").error("it failed", exc_info=ValueError(f"Bearer {token}"), tried={"with": [token]})
        return HttpResponse()

    with logged() as lines:
        OneLine(fails)(RequestFactory().get("/"))
    assert token not in lines.text
    assert ours.HIDDEN in lines.text


SECRET = "marker-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG"
#: Settings that are, or hold, a secret -> how it is written. Made from the table of settings.
HOLDERS = {
    "DATABASE_URL": f"postgres://drsorch:{SECRET}@db:5432/drsorch",
    "DRAMATIQ_BROKER_URL": f"redis://:{SECRET}@cache:6379/0",
    "DRSORCH_AUDIT_KEYS": f"2026-11:{SECRET}",
    **{one.name: SECRET for one in BY_NAME.values() if one.kind.secret and one.name != "DRSORCH_AUDIT_KEYS"},
}


@pytest.mark.parametrize("name", sorted(HOLDERS))
def test_a_secret_of_the_configuration_never_stands_in_the_log(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "_secrets", [])
    ours.keep_out(secret_texts(read({**{"DEBUG": "true", "ALLOWED_HOSTS": "localhost"}, name: HOLDERS[name]})))
    with logged() as lines:
        logging.getLogger("psycopg").error("connection to %s failed", HOLDERS[name])
        structlog.get_logger("drsorch").error("x", error=f"said {SECRET} aloud", exc_info=OSError(SECRET))
    assert SECRET not in lines.text
    assert lines.text.count(ours.HIDDEN) >= 3


# --- every line is JSON -------------------------------------------------------------------------------------------


def test_whoever_writes_a_line_it_is_json() -> None:
    with logged() as lines:
        logging.captureWarnings(True)
        try:
            # As they are shown outside tests, where a warning is an error.
            warnings.showwarning("old\nways", DeprecationWarning, "x.py", 1)
        finally:
            logging.captureWarnings(False)
        try:
            raise OSError("two\nlines")
        except OSError:
            logging.getLogger("gunicorn.error").exception("Worker %s\nfailed", 7)
        logging.getLogger("somebody").warning("%s and %s", "one", {"more": object()})
        structlog.get_logger("drsorch").info("odd", value=object(), text="\x00\ud800", number=float("nan"))
    assert [line["event"].split()[0] for line in lines.all()] == ["x.py:1:", "Worker", "one", "odd"]
    assert all({"timestamp", "level", "logger", "event", "version"} <= line.keys() for line in lines.all())
    assert "two\nlines" in lines.all()[1]["exception"]


def test_what_others_wrote_moves_nothing_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    formatter = dict(ours.configured("INFO")["formatters"]["drsorch"])
    del formatter["()"]
    shown = structlog.stdlib.ProcessorFormatter(**formatter)
    odd = "/x\x1b]0;title\x07\x1b[2J\n2026-11-28 [info] request path=/forged\x9b1A\u202e"
    record = logging.LogRecord("x", logging.INFO, "", 0, odd, (), None)
    record.__dict__["path"] = odd
    try:
        raise ValueError(odd)
    except ValueError:
        record.exc_info = sys.exc_info()
    line, *trace = shown.format(record).split("\n")
    assert line.count("forged") == 2, "the event and the path"
    assert trace[0].startswith("Traceback")
    text = "\n".join([line, *trace])
    assert not [each for each in ("\x1b]", "\x1b[2J", "\x07", "\x9b", "\u202e") if each in text]


@pytest.mark.parametrize("level", ours.LEVELS)
def test_the_level_is_a_setting(level: str) -> None:
    assert read({"LOG_LEVEL": level.lower()})["LOG_LEVEL"] == level
    assert ours.configured(level)["root"]["level"] == level
    assert django_settings.LOGGING["loggers"]["django.request"]["propagate"] is False
