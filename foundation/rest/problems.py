"""Errors as RFC 9457 problems: `application/problem+json` with `type`, `title`, `status`, `detail` and, where fields
are at fault, `errors: [{attr, code, detail}]`. https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import HttpResponse, JsonResponse
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.settings import api_settings

from foundation.errors import (
    DomainError,
    Invalid,
    Missing,
    NotAllowed,
    RecentSignInNeeded,
    SecondFactorNeeded,
    Stale,
    Unavailable,
    VersionNeeded,
)

CONTENT_TYPE = "application/problem+json"

_INTERNAL = (
    "Something went wrong inside drsorch. The server log has the details. "
    "Check the current state before you send the request again."
)

#: Titles for people where HTTP's own phrase is not what our errors are called.
_TITLES = {
    **{error.status: error.title for error in (Invalid, NotAllowed, Missing, Stale, Unavailable, VersionNeeded)},
    401: "Not signed in",
    406: "Format not supported",
    429: "Too many requests",
    500: "Internal error",
}

_SHOWN_IN_DETAIL = 3
#: After so many seconds what was unavailable may be asked for again.
_UNAVAILABLE_SECONDS = 5


class ContentTooLarge(exceptions.APIException):
    """The body is longer than `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes."""

    status_code = 413
    default_code = "content_too_large"

    def __init__(self) -> None:
        super().__init__(f"A request body may have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.")


def exception_handler(exc: Exception, context: Any) -> Response | None:
    """DRF's `EXCEPTION_HANDLER`: every exception becomes a problem; an unforeseen one is logged with its traceback."""
    return _Handler(exc, context).run()


def problem(status: int, code: str, detail: str, errors: Sequence[dict[str, str]] | None = None) -> dict[str, Any]:
    """The body of a problem. `code` is stable and ends its `type`."""
    body: dict[str, Any] = {
        "type": f"urn:drsorch:problem:{code.replace('_', '-')}",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase.capitalize(),
        "status": status,
        "detail": detail,
    }
    if errors is not None:
        body["errors"] = list(errors)
    return body


def problem_response(status: int, code: str, detail: str) -> HttpResponse:
    """A problem where no DRF view is involved: unknown paths, errors in middleware."""
    return JsonResponse(problem(status, code, detail), status=status, content_type=CONTENT_TYPE)


def server_error() -> HttpResponse:
    """Last resort for a path of the API; Django has logged the traceback."""
    return problem_response(500, "internal", _INTERNAL)


class _DomainProblem(exceptions.APIException):
    """A domain error on its way through DRF."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.detail, error.code)
        self.status_code = error.status
        self.error = error
        # Nothing was done, so it may be sent again; who is unavailable rarely is for less.
        self.wait = _UNAVAILABLE_SECONDS if isinstance(error, Unavailable) else None


class _Handler(ExceptionHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, DomainError):
            return _DomainProblem(exc)
        if isinstance(exc, RecentSignInNeeded | SecondFactorNeeded):
            return exceptions.PermissionDenied(exc.detail, exc.code)
        if isinstance(exc, ModelValidationError):
            return exceptions.ValidationError(as_serializer_error(exc))
        if isinstance(exc, RequestDataTooBig):
            return ContentTooLarge()
        return super().convert_known_exceptions(exc)

    def should_not_handle(self, exc: Exception) -> bool:
        # A script gets a problem under DEBUG too; the traceback is in the log.
        return False

    def convert_unhandled_exceptions(self, exc: Exception) -> exceptions.APIException:
        if isinstance(exc, exceptions.APIException):
            return exc
        return exceptions.APIException(_INTERNAL, code="internal")

    def get_response(self, exc: exceptions.APIException, data: Any) -> Response:
        return Response(data, status=exc.status_code, headers=self.get_headers(exc), content_type=CONTENT_TYPE)

    def report_exception(self, exc: exceptions.APIException, response: Response) -> None:
        # What a domain error says is for the caller, also where AWS is at fault (503): nothing of ours is broken.
        if not isinstance(exc, _DomainProblem):
            super().report_exception(exc, response)

    def get_headers(self, exc: exceptions.APIException) -> dict[str, str]:
        headers: dict[str, str] = super().get_headers(exc)
        if (wait := getattr(exc, "wait", None)) is not None:
            headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return headers


class ProblemFormatter(ExceptionFormatter):
    """Turns what DRF raised into the body of a problem."""

    def run(self) -> dict[str, Any]:
        if isinstance(self.exc, _DomainProblem):
            return self._domain(self.exc.error)
        if isinstance(self.exc, (exceptions.ValidationError, exceptions.ParseError)):
            errors = [
                {"attr": _attr(error.attr), "code": error.code or "invalid", "detail": error.detail}
                for error in self.get_errors()
            ]
            code = "malformed" if isinstance(self.exc, exceptions.ParseError) else "invalid"
            return problem(400, code, _summary(errors), errors)
        codes = self.exc.get_codes()
        return problem(self.exc.status_code, codes if isinstance(codes, str) else "error", str(self.exc.detail))

    @staticmethod
    def _domain(error: DomainError) -> dict[str, Any]:
        errors = [
            {"attr": each.attr, "code": each.code, "detail": each.detail} | ({"id": each.id} if each.id else {})
            for each in error.errors
        ]
        if error.status == 400 and not errors:
            errors = [{"attr": "", "code": error.code, "detail": error.detail}]
        return problem(error.status, error.code, _brief(error), errors or None)


def _brief(error: DomainError) -> str:
    """Its sentence; of one that repeats those of many errors, the first few."""
    first = [each.detail for each in error.errors[:_SHOWN_IN_DETAIL]]
    more = len(error.errors) - len(first)
    if more < 1 or error.errors[_SHOWN_IN_DETAIL].detail not in error.detail:
        return error.detail
    head = error.detail.partition(first[0])[0]
    return f"{head}{' '.join(first)} And {more} more: see errors."


def _attr(attr: str | None) -> str:
    """A dotted path; empty for the whole, where DRF writes `non_field_errors`."""
    whole = api_settings.NON_FIELD_ERRORS_KEY
    return ".".join(part for part in (attr or "").split(".") if part != whole)


def _summary(errors: Sequence[dict[str, str]]) -> str:
    parts = [f"{error['attr']}: {error['detail']}" if error["attr"] else error["detail"] for error in errors]
    shown = " ".join(parts[:_SHOWN_IN_DETAIL])
    more = len(parts) - _SHOWN_IN_DETAIL
    return f"{shown} And {more} more: see errors." if more > 0 else shown
