"""Sorting that says so when it is asked for something it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

if TYPE_CHECKING:  # DRF's settings import this module before its views are ready
    from rest_framework.views import APIView


class Ordering(OrderingFilter):
    """`?ordering=-started_at,name`, by the view's `ordering_fields`; anything else is a 400 that names them."""

    ordering_description = "Fields to sort by, separated by commas; a minus sorts downwards."

    def remove_invalid_fields(
        self, queryset: QuerySet[Any], fields: Iterable[str], view: APIView, request: Request
    ) -> list[str]:
        known = [name for name, _ in self.get_valid_fields(queryset, view, {"request": request})]
        asked = list(fields)
        for field in asked:
            if field.removeprefix("-") not in known:
                choice = f"One of {', '.join(known)}" if known else "This list has one order only"
                raise ValidationError({self.ordering_param: f"Cannot sort by {field}. {choice}."})
        return asked
