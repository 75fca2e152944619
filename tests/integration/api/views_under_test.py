"""Two small views with the API's own base, mounted beside the real API: what the conventions are tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

import drsorch.urls
from foundation.rest.views import ApiView

handler400, handler500 = drsorch.urls.handler400, drsorch.urls.handler500


class Work(ApiView):
    """A POST does `Work.job(request)` and counts; a test says what the job is."""

    permissions: ClassVar[dict[str, str | None]] = {"post": None, "put": "executions.start_recovery"}
    query_parameters = ("x",)
    done: ClassVar[list[Any]] = []
    job: ClassVar[Callable[[Request], Any]]

    def post(self, request: Request) -> Response:
        Work.done.append(request.data)
        answer = Work.job(request)
        return Response(answer, status=201, headers={"Location": "/api/v1/work/7/", "ETag": '"3"'})

    def put(self, request: Request) -> Response:
        return Response({})

    def delete(self, request: Request) -> Response:
        raise AssertionError("no permission is named for it, so nobody gets here")


urlpatterns = [
    path("api/v1/work/", Work.as_view()),
    *drsorch.urls.urlpatterns,
]
