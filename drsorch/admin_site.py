"""The admin site: Unfold's, with the dashboard as its landing page and the pages that belong to no one model."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from executions import views


class ControlRoom(UnfoldAdminSite):  # type: ignore[misc]
    index_title = "Dashboard"

    def extra_urls(self) -> list[URLPattern]:
        return [
            path("executions/start/<int:plan_id>/", self.admin_view(views.start), name="executions_start"),
            path("executions/running/", views.live(self.admin_view(views.running)), name="executions_running"),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = views.dashboard_context(request)
        response: HttpResponse = super().index(request, extra_context={**shown, **(extra_context or {})})
        return response
