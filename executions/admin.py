"""Executions in the admin: a list to look through, and the live page. Nothing is edited here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from access.policy import limits_nothing
from audit.screens.history import ChainHistory
from executions.models import Execution
from executions.screens import views
from executions.screens.history import views as history
from executions.screens.history.columns import answers, chosen
from executions.screens.history.forms import HistoryForm
from executions.screens.history.listing import FirstOfMany, HistoryList
from executions.screens.selectors import executions_matching
from executions.screens.targets import rpo_meter, rto_meter
from executions.screens.words import between, cleanup_badge, duration, execution_badge, kind_badge, loud_badges
from foundation.screens import badge_html, measure_html
from foundation.wording import clock, listing, short


@admin.register(Execution)
class ExecutionAdmin(ChainHistory):
    subject_type = "execution"
    # Narrowed by a form of its own, and not by a date hierarchy: that reads the year and month of every row.
    search_fields = ("plan_name", "requested_by_name", "reason")
    search_help_text = (
        "Part of a plan, a person, a reason or a server that DRS lists; the beginning of any other server"
    )
    show_full_result_count = False
    list_per_page = 50
    list_display_links = ("plan_shown",)
    actions = None
    list_before_template = "admin/executions/history/_above.html"

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"executions_execution_{name}")

        return [
            at("<uuid:execution_id>/live/", views.fragment, "live"),
            at("<uuid:execution_id>/command/<slug:name>/", views.command, "command"),
            at("csv/", partial(history.export, model_admin=self), "csv"),
            at("people/", history.people, "people"),
            at("filters/", history.save, "save_filter"),
            at("filters/<int:number>/delete/", history.delete, "delete_filter"),
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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[HistoryList]:
        return HistoryList

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **kwargs: Any) -> Paginator:
        narrowed = any(request.GET.get(name) for name in (*HistoryForm.filters_known, "q"))
        narrowed = narrowed or not limits_nothing(request.user, "executions.view_execution")
        return (FirstOfMany if narrowed else Paginator)(queryset, per_page, *args, **kwargs)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return ("plan_shown", *(f"{name}_shown" for name in chosen(request.GET.getlist("columns"))))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Execution], search_term: str
    ) -> tuple[QuerySet[Execution], bool]:
        return executions_matching(queryset, search_term), False

    @display(description="plan", ordering="plan_name")
    def plan_shown(self, execution: Execution) -> SafeString:
        return format_html(
            '<span class="dr-wide">{} · revision {}</span>', execution.plan_name, execution.plan_revision
        )

    @display(description="kind", ordering="kind")
    def kind_shown(self, execution: Execution) -> SafeString:
        badges = [kind_badge(execution.kind), *loud_badges(execution)]
        return format_html_join(" ", "{}", [(badge_html(badge),) for badge in badges])

    @display(description="result", ordering="status")
    def status_shown(self, execution: Execution) -> SafeString:
        badges = [execution_badge(execution.status), cleanup_badge(execution.cleanup_status)]
        return format_html_join(" ", "{}", [(badge_html(badge),) for badge in badges if badge is not None])

    @display(description="requested by", ordering="requested_by_name")
    def requested_by_shown(self, execution: Execution) -> str:
        return execution.requested_by_name

    @display(description="requested (UTC)", ordering="requested_at")
    def requested_at_shown(self, execution: Execution) -> SafeString | str:
        return _moment(execution.requested_at)

    @display(description="approved by")
    def approved_by_shown(self, execution: Any) -> str:
        return answers(execution, execution.achieved)

    @display(description="started (UTC)", ordering="started_at")
    def started_shown(self, execution: Execution) -> SafeString | str:
        return _moment(execution.started_at) or "not started"

    @display(description="took")
    def took_shown(self, execution: Execution) -> str:
        return duration(between(execution.started_at, execution.finished_at or timezone.now()))

    @display(description="RTO (target)", ordering="rto_actual_seconds")
    def rto_shown(self, execution: Execution) -> SafeString:
        return measure_html(rto_meter(execution, timezone.now()))

    @display(description="RPO (target)", ordering="rpo_actual_seconds")
    def rpo_shown(self, execution: Execution) -> SafeString:
        return measure_html(rpo_meter(execution))

    @display(description="servers launched")
    def servers_shown(self, execution: Any) -> str:
        return f"{execution.achieved.launched} of {execution.achieved.servers}"

    @display(description="outcome")
    def outcome_shown(self, execution: Execution) -> SafeString | str:
        return _sentence(execution.outcome)

    @display(description="reason")
    def reason_shown(self, execution: Execution) -> SafeString | str:
        return _sentence(execution.reason)

    @display(description="clean-up", ordering="cleanup_status")
    def cleanup_shown(self, execution: Execution) -> SafeString | str:
        badge = cleanup_badge(execution.cleanup_status)
        return badge_html(badge) if badge is not None else "–"

    @display(description="sites")
    def sites_shown(self, execution: Any) -> str:
        return listing(execution.achieved.sites)

    @display(description="reviewed by", ordering="reviewed_by_name")
    def reviewed_by_shown(self, execution: Execution) -> str:
        if execution.reviewed_by_name:
            return execution.reviewed_by_name
        return "no one yet" if execution.needs_review else "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Execution]:
        return Execution.objects.visible_to(request.user).order_by("-requested_at")


def _moment(at: datetime | None) -> SafeString | str:
    return format_html('<span class="dr-moment">{}</span>', clock(at)) if at else ""


def _sentence(text: str) -> SafeString | str:
    return format_html('<span class="dr-sentence">{}</span>', short(text)) if text else "–"
