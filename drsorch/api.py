"""The API's router: every app's `ROUTES` under /api/v1/, its schema, its documentation."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import APIRootView, DefaultRouter

from access.api import MeView
from foundation.rest.problems import problem_response
from foundation.rest.views import ApiViewMixin


@extend_schema(exclude=True)
class Root(ApiViewMixin, APIRootView):
    """The lists that there are."""

    permissions: ClassVar[dict[str, str | None]] = {"get": None}
    schema = None


class SchemaView(ApiViewMixin, SpectacularAPIView):
    pass


class Router(DefaultRouter):
    APIRootView = Root
    include_format_suffixes = False


router = Router()
for app in ("protection", "plans", "executions", "access"):
    if find_spec(f"{app}.api"):
        for prefix, viewset, basename in getattr(import_module(f"{app}.api"), "ROUTES", []):
            router.register(prefix, viewset, basename)


def not_found(request: HttpRequest, **_: Any) -> HttpResponse:
    """Any path under /api/ that nothing else answers."""
    hint = "" if request.path.endswith("/") else " Paths of the API end with a slash."
    return problem_response(404, "not_found", f"There is nothing at {request.path}.{hint} See /api/v1/docs/.")


not_found.csrf_exempt = True  # type: ignore[attr-defined]

urlpatterns = [
    path("v1/schema/", SchemaView.as_view(), name="schema"),
    path("v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("v1/me/", MeView.as_view(), name="me"),
    path("v1/", include(router.urls)),
    re_path(r"^", not_found),
]
