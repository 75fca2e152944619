"""Errors: RFC 9457 problems, whatever went wrong and wherever."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError as ModelValidationError
from django.core.signals import got_request_exception
from django.db import DatabaseError
from rest_framework.exceptions import Throttled, ValidationError

from foundation.errors import Conflict, FieldError, Invalid, Missing, NotAllowed, Stale, Unavailable
from tests.integration.api.views_under_test import Work

pytestmark = pytest.mark.either_database

WORK = "/api/v1/work/"


def raising(error: Exception) -> Any:
    def job(request: Any) -> Any:
        raise error

    return job


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:drsorch:problem:")
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (NotAllowed("You may not."), 403, "permission-denied"),
        (Missing("There is no plan 'x'."), 404, "not-found"),
        (Conflict("Already running."), 409, "conflict"),
        (Stale("Somebody else changed it."), 412, "stale"),
        (Unavailable("AWS does not answer."), 503, "unavailable"),
        (Conflict("Already running.", code="already_running"), 409, "already-running"),
    ],
)
def test_what_a_service_refuses_is_a_problem_with_its_sentence(api, vera, work, error, status, type_):
    work.job = raising(error)
    body = problem(api(vera).post(WORK, {}), status)
    assert body["type"] == f"urn:drsorch:problem:{type_}"
    assert body["detail"] == str(error)
    assert "errors" not in body


def test_what_is_unavailable_says_when_to_come_back(api, vera, work):
    work.job = raising(Unavailable("AWS does not answer."))
    assert api(vera).post(WORK, {}).headers["Retry-After"] == "5"


def test_many_errors_are_summed_up_in_the_detail_of_a_conflict_and_all_are_listed(api, vera, work):
    held = [FieldError("plan", f"Server {number} is held.", "server_in_active_execution", "x") for number in range(300)]
    work.job = raising(Conflict(" ".join(error.detail for error in held), errors=held, code="server_held"))
    body = problem(api(vera).post(WORK, {}), 409)
    assert body["detail"] == "Server 0 is held. Server 1 is held. Server 2 is held. And 297 more: see errors."
    assert len(body["errors"]) == 300


@pytest.mark.parametrize(("error", "reported"), [(Unavailable("AWS does not answer."), 0), (KeyError("ours"), 1)])
def test_only_what_is_ours_to_mend_is_reported(api, vera, work, error, reported):
    """Monitors listen to Django's signal; that AWS does not answer is the caller's to know."""
    heard = []

    def hear(**_: Any) -> None:
        heard.append(1)

    got_request_exception.connect(hear)
    work.job = raising(error)
    assert api(vera).post(WORK, {}).status_code >= 500
    assert len(heard) == reported


def test_a_service_names_every_field_at_fault(api, vera, work):
    work.job = raising(Invalid.of([FieldError("waves.1.name", "Twice."), FieldError("", "A cycle.", "cycle")]))
    body = problem(api(vera).post(WORK, {}), 400)
    assert body["errors"] == [
        {"attr": "waves.1.name", "code": "invalid", "detail": "Twice."},
        {"attr": "", "code": "cycle", "detail": "A cycle."},
    ]


def test_an_invalid_whole_still_has_errors(api, vera, work):
    work.job = raising(Invalid("Nothing to do."))
    assert problem(api(vera).post(WORK, {}), 400)["errors"] == [
        {"attr": "", "code": "invalid", "detail": "Nothing to do."}
    ]


def test_nested_fields_are_dotted_paths_and_the_whole_is_empty(api, vera, work):
    work.job = raising(
        ValidationError(
            {"waves": [{}, {"name": ["Too long."], "non_field_errors": ["Odd."]}], "non_field_errors": ["All wrong."]}
        )
    )
    body = problem(api(vera).post(WORK, {}), 400)
    assert {(error["attr"], error["detail"]) for error in body["errors"]} == {
        ("waves.1.name", "Too long."),
        ("waves.1", "Odd."),
        ("", "All wrong."),
    }
    assert "waves.1.name: Too long." in body["detail"]


def test_many_errors_are_summed_up_and_all_listed(api, vera, work):
    work.job = raising(ValidationError({f"f{n}": ["Wrong."] for n in range(5)}))
    body = problem(api(vera).post(WORK, {}), 400)
    assert body["detail"] == "f0: Wrong. f1: Wrong. f2: Wrong. And 2 more: see errors."
    assert len(body["errors"]) == 5


def test_a_models_own_validation_is_a_400(api, vera, work):
    work.job = raising(ModelValidationError({"region": "A Region is written like eu-central-1."}))
    assert problem(api(vera).post(WORK, {}), 400)["errors"][0]["attr"] == "region"


def test_throttled_says_when_to_come_back_rounded_up(api, vera, work):
    work.job = raising(Throttled(wait=2.4))
    response = api(vera).post(WORK, {})
    problem(response, 429)
    assert response.headers["Retry-After"] == "3"


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_is_a_500_that_tells_nothing_of_the_inside(api, vera, work, settings, debug):
    settings.DEBUG = debug
    work.job = raising(DatabaseError("relation secret_table does not exist"))
    response = api(vera).post(WORK, {})
    body = problem(response, 500)
    assert "secret_table" not in response.content.decode()
    assert "Traceback" not in response.content.decode()
    assert body["type"] == "urn:drsorch:problem:internal"


def test_an_error_outside_of_any_view_is_a_problem_too(api, vera, work, monkeypatch):
    def explode(self: Any, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Work, "finalize_response", explode)
    response = api(vera).post(WORK, {})
    problem(response, 500)
    assert "secret" not in response.content.decode()


def test_a_host_that_is_not_ours_is_a_400_problem(api, vera):
    problem(api(vera).get("/api/v1/me/", headers={"host": "evil.example"}), 400)


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/", "/api/v2/sites/", "/api/v1/me/x/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_path_is_a_404(api, vera, path, method):
    assert path in problem(getattr(api(vera), method)(path), 404)["detail"]


def test_a_path_without_its_slash_is_told_so(api, vera):
    assert "end with a slash" in problem(api(vera).post("/api/v1/tokens", {}), 404)["detail"]


@pytest.mark.parametrize("id", ["abc", "0", "99999999999999999999999", "00000000-0000-0000-0000-000000000000"])
@pytest.mark.parametrize("list", ["sites", "protection-groups", "plans", "executions", "tokens"])
def test_an_object_that_does_not_exist_is_a_404(api, vera, list, id):
    problem(api(vera).get(f"/api/v1/{list}/{id}/"), 404)


def test_a_method_that_is_not_there_is_a_405_with_allow(api, vera):
    response = api(vera).patch("/api/v1/me/", {})
    problem(response, 405)
    assert "GET" in response.headers["Allow"]


def test_another_format_is_a_406(api, vera):
    problem(api(vera).get("/api/v1/me/", headers={"accept": "application/xml"}), 406)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_that_is_not_json_is_a_415(api, vera, content_type):
    problem(api(vera).post("/api/v1/tokens/", b"name=x", content_type=content_type), 415)


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": ',
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": "\\u0000"}',
        b'{"deep": {"\\ud800": 1}}',
        b'["\\udfff"]',
        b"[" * 100_000,
    ],
)
def test_malformed_json_is_a_400(api, vera, body):
    answer = problem(api(vera).post("/api/v1/tokens/", body, content_type="application/json"), 400)
    assert answer["type"] == "urn:drsorch:problem:malformed"
    assert answer["errors"][0]["attr"] == ""


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"true"])
def test_json_that_is_no_object_is_a_400(api, vera, body):
    problem(api(vera).post("/api/v1/tokens/", body, content_type="application/json"), 400)


def test_text_beyond_the_basic_plane_is_fine(api, vera):
    assert (
        api(vera).post("/api/v1/tokens/", b'{"name": "\\ud83d\\ude80"}', content_type="application/json").json()["name"]
        == "🚀"
    )


def test_a_body_above_the_limit_is_a_413(api, vera, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    problem(api(vera).post("/api/v1/tokens/", {"name": "x" * 1000}), 413)
