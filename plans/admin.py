"""Recovery plans in the admin: the list, and where the screens of one plan are. The screens are in `screens`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.decorators import display

from foundation.durations import exact
from foundation.screens import badge_html
from foundation.service_admin import OwnAdmin
from plans.models import Plan
from plans.screens import board_views, views
from plans.screens.filters import ArchiveFilter
from plans.screens.words import ARCHIVED, recovery_badge


@admin.register(Plan)
class PlanAdmin(OwnAdmin):
    list_display = ["name", "state_shown", "waves_shown", "servers_shown", "rto_shown", "rpo_shown", "revision_shown"]
    list_filter = [ArchiveFilter]
    search_fields = ["name", "description"]
    ordering = ["name"]
    list_per_page = 50
    # Deleting many at once would pass by the service.
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        return Plan.objects.visible_to(request.user).with_counts().with_newest_revision()

    @display(description="State", ordering="recovered_at", empty_value="–")
    def state_shown(self, plan: Plan) -> SafeString | None:
        badge = ARCHIVED if plan.archived_at else recovery_badge(plan)
        return badge_html(badge) if badge else None

    @display(description="Waves", ordering="wave_count")
    def waves_shown(self, plan: Any) -> int:
        return int(plan.wave_count)

    @display(description="Servers", ordering="server_count")
    def servers_shown(self, plan: Any) -> int:
        return int(plan.server_count)

    @display(description="RTO target", ordering="rto_target_seconds", empty_value="none")
    def rto_shown(self, plan: Plan) -> str | None:
        return None if plan.rto_target_seconds is None else exact(plan.rto_target_seconds)

    @display(description="RPO target", ordering="rpo_target_seconds", empty_value="none")
    def rpo_shown(self, plan: Plan) -> str | None:
        return None if plan.rpo_target_seconds is None else exact(plan.rpo_target_seconds)

    @display(description="Last revision", ordering="saved_at")
    def revision_shown(self, plan: Any) -> str:
        return f"{plan.version}, by {plan.saved_by_name}, {date(localtime(plan.saved_at), 'j M Y H:i')} UTC"

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"plans_plan_{name}")

        return [
            at("", self.changelist_view, "changelist"),
            at("add/", views.add, "add"),
            at("<int:plan_id>/change/", views.page, "change"),
            at("<int:plan_id>/board/", board_views.body, "board"),
            at("<int:plan_id>/board/changes/", board_views.changes, "board_changes"),
            at("<int:plan_id>/settings/", views.settings, "settings"),
            at("<int:plan_id>/wave/", views.wave, "wave"),
            at("<int:plan_id>/history/", views.revisions, "history"),
            at("<int:plan_id>/compare/", views.compare, "compare"),
            at("<int:plan_id>/revisions/<int:number>/restore/", views.restore, "restore"),
            at("<int:plan_id>/agree/", views.agree, "agree"),
            at("import/", views.import_text, "import"),
            at("<int:plan_id>/import/", views.import_text, "import_into"),
            at("<int:plan_id>/runbook/", views.runbook, "runbook"),
            at("<int:plan_id>/yaml/", views.export, "yaml"),
            at("<int:plan_id>/copy/", views.copy, "copy"),
            at("<int:plan_id>/archive/", views.archive, "archive"),
            at("<int:plan_id>/delete/", views.delete, "delete"),
        ]
