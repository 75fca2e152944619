"""The API's router: every app's `ROUTES` under /api/v1/, its schema, its documentation."""

from __future__ import annotations

from typing import Any, ClassVar

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path, reverse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import APIRootView, DefaultRouter
from rest_framework.viewsets import GenericViewSet

import access.api
import access.proposals.api
import audit.api
import executions.api.views
import plans.api
import plans.bundles.api
import protection.api
import reports.api.findings
from executions.api.drs_events import DrsEventView
from executions.api.forecasts import PlanForecastView
from foundation.rest.problems import problem_response
from foundation.rest.views import ApiView
from reports.api.comparing import CompareView
from reports.api.dossier import FindingsOfExecutionViewSet, NotesViewSet, SignOffsViewSet, ValidatedView
from reports.api.register import RegisterView
from reports.api.report import ReportView
from reports.rendering.html import STYLE_SOURCE


class Root(ApiView, APIRootView):
    """Everything there is, by what it is called."""

    permissions: ClassVar[dict[str, str | None]] = {"get": None}
    schema = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = super().get(request, *args, **kwargs)
        for name, address in {"events/drs": "events-drs", **{one: one for one in _BESIDE}}.items():
            answer.data[name] = request.build_absolute_uri(reverse(address))
        return answer


class FormatByQuery(DefaultContentNegotiation):
    """`?format=json` besides the Accept header."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return super().select_renderer(request, renderers, request.query_params.get("format") or format_suffix)


class SchemaView(ApiView, SpectacularAPIView):
    """The OpenAPI document. It contains no one's data, so it is open to all."""

    query_parameters = ("format", "lang")
    content_negotiation_class = FormatByQuery


#: Addresses that are no list of the router.
_BESIDE = ("register", "me", "schema", "docs")


class DocsView(ApiView, SpectacularSwaggerSplitView):
    """What is in the OpenAPI document, to read and to try. Open to all, as that is."""

    query_parameters = ("script", "lang")
    url_name = "schema"


class Router(DefaultRouter):
    APIRootView = Root
    include_format_suffixes = False


router = Router()
for routes in (
    protection.api.ROUTES,
    plans.api.ROUTES,
    executions.api.views.ROUTES,
    access.api.ROUTES,
    access.proposals.api.ROUTES,
    audit.api.ROUTES,
    reports.api.findings.ROUTES,
):
    for prefix, viewset, basename in routes:
        router.register(prefix, viewset, basename)


@csrf_exempt
def not_found(request: HttpRequest) -> HttpResponse:
    """Any path under /api/ that nothing else answers."""
    hint = "" if request.path.endswith("/") else " API paths end with a slash."
    return problem_response(404, "not_found", f"There is nothing at {request.path}.{hint} See /api/v1/docs/.")


def _listed(viewset: type[GenericViewSet[Any]]) -> Any:
    """A list that is added to."""
    return viewset.as_view({"get": "list", "post": "create"})


# Swagger UI styles its elements one by one.
docs = csp_update({"style-src": [UNSAFE_INLINE]})(DocsView.as_view())

# As HTML it has its one style in it, so that it is whole when it is kept.
report = csp_update({"style-src": [STYLE_SOURCE]})(ReportView.as_view())

urlpatterns = [
    path("v1/schema/", SchemaView.as_view(), name="schema"),
    path("v1/docs/", docs, name="docs"),
    path("v1/events/drs/", DrsEventView.as_view(), name="events-drs"),
    path("v1/plans/<str:id>/forecast/", PlanForecastView.as_view(), name="plan-forecast"),
    path("v1/executions/<str:id>/report/", report, name="execution-report"),
    path("v1/executions/<str:id>/validated/", ValidatedView.as_view(), name="execution-validated"),
    path("v1/executions/<str:id>/notes/", _listed(NotesViewSet), name="execution-notes"),
    path("v1/executions/<str:id>/findings/", _listed(FindingsOfExecutionViewSet), name="execution-findings"),
    path("v1/executions/<str:id>/sign-offs/", _listed(SignOffsViewSet), name="execution-sign-offs"),
    path("v1/executions/<str:id>/compare/<str:other>/", CompareView.as_view(), name="execution-compare"),
    path("v1/bundle/", plans.bundles.api.BundleView.as_view(), name="bundle"),
    path("v1/bundle/diff/", plans.bundles.api.BundleDiffView.as_view(), name="bundle-diff"),
    path("v1/bundle/schema/", plans.bundles.api.BundleSchemaView.as_view(), name="bundle-schema"),
    path("v1/register/", RegisterView.as_view(), name="register"),
    path("v1/me/", access.api.MeView.as_view(), name="me"),
    path("v1/", include(router.urls)),
    re_path(r"^", not_found),
]
