"""Sorting and filtering that say so when they are asked for something that there is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import django_filters
from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from foundation.errors import Invalid, Missing

if TYPE_CHECKING:  # DRF's settings import this module before its views are ready
    from rest_framework.views import APIView


class Ordering(OrderingFilter):
    """`?ordering=-started_at,name`, by the view's `ordering_fields`; anything else is a 400 that names them."""

    ordering_description = "Fields to sort by, separated by commas; a leading minus reverses the order."

    def remove_invalid_fields(
        self, queryset: QuerySet[Any], fields: Iterable[str], view: APIView, request: Request
    ) -> list[str]:
        known = [name for name, _ in self.get_valid_fields(queryset, view, {"request": request})]
        asked = list(fields)
        for field in asked:
            if field.removeprefix("-") not in known:
                choice = f"Choose one of {', '.join(known)}" if known else "This list has a fixed order"
                raise ValidationError({self.ordering_param: f"Cannot sort by {field}. {choice}."})
        return asked


class ReferenceFilter(django_filters.CharFilter):
    """`?site=<id or name>`. `find` raises `Missing` for what does not exist: a 400 here, for the address is right."""

    def __init__(self, find: Callable[[str], Model], **options: Any) -> None:
        super().__init__(**{"help_text": "Id or name."} | options)
        self.find = find

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return qs
        try:
            found = self.find(value)
        except Missing as error:
            name = next(name for name, each in self.parent.filters.items() if each is self)
            raise Invalid.field(name, error.detail, "unknown") from error
        return super().filter(qs, found)
