"""The audit trail in the admin: where its pages are. Nothing is added, changed or deleted here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from audit.models import Event
from audit.screens import views


@admin.register(Event)
class EventAdmin(ModelAdmin):
    actions = None

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"audit_event_{name}")

        state = self.admin_site.admin_view(views.verify_state)
        return [
            at("", views.trail, "changelist"),
            at("verify/", views.verify, "verify"),
            path("verify/state/", state, name="audit_event_verify_state"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
