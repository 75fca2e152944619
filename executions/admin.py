"""Executions in the admin: a list to look through, and the live page. Nothing is edited here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from executions.filters import CleanupFilter, TargetsFilter
from executions.models import Execution
from executions.screens import views
from executions.screens.selectors import executions_matching
from executions.screens.targets import rpo_meter, rto_meter
from executions.screens.words import between, cleanup_badge, duration, execution_badge, kind_badge, loud_badges
from foundation.screens import badge_html, measure_html
from foundation.wording import clock


@admin.register(Execution)
class ExecutionAdmin(ModelAdmin):
    list_display = ("plan_shown", "kind_shown", "status_shown", "requested", "started", "took", "rto", "rpo")
    # Not a date hierarchy: it reads the year and month of every row.
    list_filter = (
        "kind",
        "status",
        TargetsFilter,
        CleanupFilter,
        "break_glass",
        "plan",
        ("requested_at", admin.DateFieldListFilter),
    )
    search_fields = ("plan_name", "requested_by_name", "reason")
    search_help_text = (
        "Part of a plan, a person, a reason or a server that DRS lists; the beginning of any other server"
    )
    show_full_result_count = False
    list_per_page = 50
    list_display_links = ("plan_shown",)
    actions = None
    list_before_template = "admin/executions/_list_intro.html"

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path(
                "<uuid:execution_id>/live/",
                site.admin_view(views.fragment),
                name="executions_execution_live",
            ),
            path(
                "<uuid:execution_id>/command/<slug:name>/",
                site.admin_view(views.command),
                name="executions_execution_command",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return views.page(request, object_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Execution | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Execution | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Execution], search_term: str
    ) -> tuple[QuerySet[Execution], bool]:
        return executions_matching(queryset, search_term), False

    @display(description="plan", ordering="plan_name")
    def plan_shown(self, execution: Execution) -> str:
        return f"{execution.plan_name} · revision {execution.plan_revision}"

    @display(description="kind", ordering="kind")
    def kind_shown(self, execution: Execution) -> SafeString:
        badges = [kind_badge(execution.kind), *loud_badges(execution)]
        return format_html_join(" ", "{}", [(badge_html(badge),) for badge in badges])

    @display(description="status", ordering="status")
    def status_shown(self, execution: Execution) -> SafeString:
        badges = [execution_badge(execution.status), cleanup_badge(execution.cleanup_status)]
        return format_html_join(" ", "{}", [(badge_html(badge),) for badge in badges if badge is not None])

    @display(description="requested by", ordering="requested_by_name")
    def requested(self, execution: Execution) -> str:
        return execution.requested_by_name

    @display(description="started (UTC)", ordering="started_at")
    def started(self, execution: Execution) -> str:
        return clock(execution.started_at) or "not started"

    @display(description="took")
    def took(self, execution: Execution) -> str:
        return duration(between(execution.started_at, execution.finished_at or timezone.now()))

    @display(description="RTO (target)", ordering="rto_actual_seconds")
    def rto(self, execution: Execution) -> SafeString:
        return measure_html(rto_meter(execution, timezone.now()))

    @display(description="RPO (target)", ordering="rpo_actual_seconds")
    def rpo(self, execution: Execution) -> SafeString:
        return measure_html(rpo_meter(execution))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Execution]:
        return super().get_queryset(request).order_by("-requested_at")
