"""Filters of the list of executions."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest

from executions.core.states import CleanupStatus
from executions.models import Execution
from executions.screens.words import cleanup_badge


def _within(name: str) -> Q:
    return Q(**{f"{name}_actual_seconds__lte": F(f"{name}_target_seconds")})


def _missed(name: str) -> Q:
    return Q(**{f"{name}_actual_seconds__gt": F(f"{name}_target_seconds")})


def _unknown(name: str) -> Q:
    return Q(**{f"{name}_actual_seconds": None}) | Q(**{f"{name}_target_seconds": None})


class TargetsFilter(SimpleListFilter):
    """By whether what was measured met its target; without a target, or a measurement, neither."""

    title = "RTO and RPO"
    parameter_name = "targets"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("met", "Targets met"), ("missed", "A target missed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Execution]) -> QuerySet[Execution]:
        match self.value():
            case "missed":
                return queryset.filter(_missed("rto") | _missed("rpo"))
            case "met":
                both = (_within(name) | _unknown(name) for name in ("rto", "rpo"))
                return queryset.filter(_within("rto") | _within("rpo"), *both)
        return queryset


class CleanupFilter(SimpleListFilter):
    """By what became of the clean-up."""

    title = "clean-up"
    parameter_name = "cleanup_status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        badges = [(status.value, cleanup_badge(status)) for status in CleanupStatus]
        return [(status, badge.text) for status, badge in badges if badge is not None]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Execution]) -> QuerySet[Execution]:
        return queryset.filter(cleanup_status=self.value()) if self.value() else queryset
