"""/healthz: the process answers. /readyz: it can work, with a line for each thing it needs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse


def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})
