"""The admin site: Unfold's, with the dashboard as its landing page and the pages that belong to no one model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from access.proposals import screens as proposals
from access.screens import review, tokens
from dashboard import views as dashboard
from executions.screens.forecasts.views import plan_forecast_part
from executions.screens.inbox import views as inbox
from executions.screens.views import start
from foundation.screens import refusals_as_pages
from reports.screens import comparing, registers, runbook
from reports.screens import views as reports

#: Whose admin pages are shown.
_OURS = frozenset({"access", "audit", "executions", "plans", "protection", "reports"})


class AdminSite(UnfoldAdminSite):
    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        # Unfold's Alpine evaluates expressions, and its colours and widths are styles of their elements.
        relaxed = csp_update({"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]})
        return relaxed(refusals_as_pages(super().admin_view(view, cacheable)))

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Of pages that packages bring, none is shown: they would write past our services, policy and audit trail."""
        if admin_class is not None and admin_class.__module__.partition(".")[0] in _OURS:
            super().register(model_or_iterable, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Django lists all models with all rights for the sidebar of each page; ours is in `drsorch.unfold`."""
        return super().get_app_list(request, app_label) if app_label else []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), **inbox.header_context(request)}

    def extra_urls(self) -> list[URLPattern]:
        return [
            path("executions/start/<int:plan_id>/", self.admin_view(start), name="executions_start"),
            path(
                "executions/forecast/<int:plan_id>/",
                self.admin_view(plan_forecast_part),
                name="executions_plan_forecast",
            ),
            path("approvals/", self.admin_view(inbox.page), name="approvals"),
            path("approvals/live/", self.admin_view(inbox.fragment), name="approvals_live"),
            path("approvals/header/", self.admin_view(inbox.header), name="approvals_header"),
            *(
                path(f"reports/{route}", self.admin_view(view), name=f"reports_{name}")
                for route, view, name in (*reports.PAGES, *registers.PAGES, *comparing.PAGES, *runbook.PAGES)
            ),
            *(
                path(f"access/{route}", self.admin_view(view), name=f"access_{name}")
                for route, view, name in (*tokens.PAGES, *review.PAGES, *proposals.PAGES)
            ),
            path("dashboard/running/", self.admin_view(dashboard.running), name="dashboard_running"),
            path("dashboard/attention/", self.admin_view(dashboard.attention), name="dashboard_attention"),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Only whoever is signed in gets here (`drsorch.urls`). Django's own form would take another person's password
        from them, without a second factor and as often as they like."""
        return redirect("admin:index")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one page to change a password on: the one that counts attempts, and records them."""
        return redirect("account_change_password")

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_change_password")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return dashboard.page(request)
