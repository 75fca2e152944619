"""The admin site: Unfold's, with the dashboard as its landing page and the pages that belong to no one model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from dashboard import views as dashboard
from executions.screens.views import start


class AdminSite(UnfoldAdminSite):
    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        # Unfold's Alpine evaluates expressions, and its colours and widths are styles of their elements.
        relaxed = csp_update({"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]})
        return relaxed(super().admin_view(view, cacheable))

    def extra_urls(self) -> list[URLPattern]:
        return [
            path("executions/start/<int:plan_id>/", self.admin_view(start), name="executions_start"),
            path("dashboard/running/", self.admin_view(dashboard.running), name="dashboard_running"),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return dashboard.page(request)
