"""Where anybody may drop a report and read whether it is the one that was sealed. Nobody has to sign in for it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from rest_framework.throttling import SimpleRateThrottle

from foundation.errors import DomainError
from foundation.rest.throttling import network_of
from reports.screens.forms import FileForm
from reports.verifying import MAX_BYTES, file_verify


class _Throttle(SimpleRateThrottle):
    """By address, or subscriber (IPv6): printing a PDF to compare it with takes seconds."""

    rate = "20/min"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"verify-report:{network_of(request.META['REMOTE_ADDR'])}"


@csrf_exempt  # It changes nothing; and the file would be read for a token before anybody is slowed down.
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The page, and the verdict on a file that was dropped on it. What it shows is in the file already."""
    if request.method == "POST" and not _Throttle().allow_request(request, None):  # type: ignore[arg-type] # no view
        refusal = "Too many files from your address. Wait a minute, then try again."
        return render(request, "reports/verify.html", {"form": FileForm(), "refusal": refusal}, status=429)
    form = FileForm(request.POST or None, request.FILES or None)
    verdict, status = None, 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            file = form.cleaned_data["file"]
            if file.size > MAX_BYTES:
                form.add_error("file", f"The file has {file.size:,} bytes, more than any report: {MAX_BYTES:,}.")
            else:
                try:
                    verdict = file_verify(file.read())
                    status = 200
                except DomainError as error:
                    form.add_error(None, error.detail)
                    status = error.status
    return render(request, "reports/verify.html", {"form": form, "verdict": verdict}, status=status)
