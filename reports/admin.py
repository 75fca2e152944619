"""The findings of all executions in the admin. The pages of one report are in `screens`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from audit.screens.history import ChainHistory
from foundation.screens import badge_html
from reports import selectors
from reports.models import Finding
from reports.screens import views
from reports.screens.words import finding_badge, severity_badge
from reports.selectors import overdue
from reports.services.findings import BY_DUE


class OverdueFilter(SimpleListFilter):
    title = "due"
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("true", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        return queryset.filter(**overdue(timezone.now().date())) if self.value() == "true" else queryset


@admin.register(Finding)
class FindingAdmin(ChainHistory):
    subject_type = "execution"
    nothing_yet = "Add one on the report of an execution: what to improve, with an owner and a due date."
    list_display = ("title", "severity_shown", "status_shown", "owner", "due_shown", "execution_shown")
    list_filter = ("status", "severity", OverdueFilter, ("execution__plan", admin.RelatedOnlyFieldListFilter))
    search_fields = ("title", "owner", "description", "execution__plan_name")
    show_full_result_count = False
    list_per_page = 50
    actions = None

    def chain_of(self, object_id: str) -> tuple[str, str]:
        """Its events are in the chain of its execution."""
        finding = Finding.objects.filter(pk=object_id).first()
        return self.subject_type, str(finding.execution_id) if finding is not None else ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Finding]:
        return selectors.findings(request.user)

    def get_ordering(self, request: HttpRequest) -> Any:
        return BY_DUE

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return views.finding(request, object_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Finding | None = None) -> bool:
        return False

    @display(description="severity", ordering="severity")
    def severity_shown(self, finding: Finding) -> SafeString:
        return badge_html(severity_badge(finding))

    @display(description="status", ordering="status")
    def status_shown(self, finding: Finding) -> SafeString:
        return badge_html(finding_badge(finding, timezone.now().date()))

    @display(description="due", ordering="due_on")
    def due_shown(self, finding: Finding) -> str:
        return f"{finding.due_on:%-d %b %Y}" if finding.due_on else "no date"

    @display(description="found in", ordering="execution__requested_at")
    def execution_shown(self, finding: Finding) -> str:
        run = finding.execution
        return f"{run}, {run.requested_at:%-d %b %Y}"
