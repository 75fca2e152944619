"""Where everything is."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views import defaults
from django.views.generic import RedirectView

from drsorch.observing.health import healthz, readyz
from drsorch.observing.metrics import metrics
from foundation.rest.problems import problem_response, server_error
from reports.screens.verify import verify

admin.autodiscover()
# One way in for everybody: allauth's page, with its rate limits and second factors.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign] # as allauth documents it


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that Django refused before any view: a problem for a script, a page for a person."""
    why = ""
    if isinstance(exception, TooManyFieldsSent):
        why = f"A form may have at most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields, and this one has more."
    elif isinstance(exception, RequestDataTooBig):
        why = f"A form may have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes, and this one has more."
    if request.path.startswith("/api/"):
        return problem_response(
            400, "bad_request", "The request was refused: drsorch does not accept its host name or its format."
        )
    if why:
        return render(
            request, "400.html", {"why": f"{why} Nothing was saved. Go back and select or type less."}, status=400
        )
    return defaults.bad_request(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    """A bug; Django has logged it."""
    return server_error() if request.path.startswith("/api/") else defaults.server_error(request)


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("accounts/", include("access.urls")),
    path("api/", include("drsorch.api")),
    path("verify/", verify, name="verify"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
