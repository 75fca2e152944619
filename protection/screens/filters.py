"""Filters of the source server list."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from protection.core.replication import REVERSED
from protection.models import SourceServer, SourceServerQuerySet
from protection.screens.words import replication_badge


class ReplicationFilter(SimpleListFilter):
    """Replication state, by the states that there are."""

    title = "replication state"
    parameter_name = "replication_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        seen = SourceServer.objects.visible_to(request.user).order_by("replication_state")
        states = seen.values_list("replication_state", flat=True)
        return [(state, replication_badge(state).text) for state in states.distinct() if state]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SourceServer]) -> QuerySet[SourceServer]:
        return queryset.filter(replication_state=self.value()) if self.value() else queryset


class ProtectedFilter(SimpleListFilter):
    title = "protection"
    parameter_name = "protected"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "In a protection group"), ("no", "Unprotected"), ("conflict", "Selected by two groups")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SourceServer]) -> QuerySet[SourceServer]:
        servers = cast("SourceServerQuerySet", queryset)
        shown = {"yes": servers.protected, "no": servers.unprotected, "conflict": servers.contested}
        return shown.get(str(self.value()), queryset.all)()


class DirectionFilter(SimpleListFilter):
    title = "direction"
    parameter_name = "direction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failover", "To the recovery site"), ("failback", "Replicating back")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SourceServer]) -> QuerySet[SourceServer]:
        if self.value() == "failback":
            return queryset.filter(replication_direction=REVERSED)
        return queryset.exclude(replication_direction=REVERSED) if self.value() else queryset


class GoneFilter(SimpleListFilter):
    title = "presence"
    parameter_name = "gone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Listed by DRS"), ("yes", "Missing from DRS")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SourceServer]) -> QuerySet[SourceServer]:
        servers = cast("SourceServerQuerySet", queryset)
        return {"yes": servers.missing, "no": servers.present}.get(str(self.value()), queryset.all)()
