"""Sorting and filtering that say so when they are asked for something that there is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import django_filters
from django import forms
from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from foundation.errors import Invalid, Missing
from foundation.names import name_clean
from foundation.rest.strict import NO_ZONE

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


class _MomentField(IsoDateTimeField):
    """A time with its zone, that exists in UTC too."""

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            moment = parse_datetime(str(value).strip())
        except ValueError:
            moment = None
        if moment is None:
            raise forms.ValidationError("Write a time such as 2026-11-23T14:30:00Z.")
        if moment.tzinfo is None:
            raise forms.ValidationError(NO_ZONE)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise forms.ValidationError("This time is too early or too late.") from error


class MomentFilter(django_filters.IsoDateTimeFilter):
    """`?started_after=2026-11-23T14:30:00Z`: a time without a zone is a 400, as is one that is none in UTC."""

    field_class = _MomentField


class _WholeNumberField(forms.IntegerField):
    """Python's `int` reads more than ASCII digits."""

    def to_python(self, value: Any) -> int | None:
        if value and not re.fullmatch(r"-?[0-9]{1,19}", str(value)):
            raise forms.ValidationError("Write a whole number.")
        return super().to_python(value)


class WholeNumberFilter(django_filters.NumberFilter):
    """A whole number that a database's 64 bits hold."""

    field_class = _WholeNumberField

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, min_value=-(2**63), max_value=2**63 - 1, **options)

    def get_max_validator(self) -> None:
        """The field has its own."""


class _TruthField(forms.CharField):
    """`true` or `false`; scripts in Python write them with a capital letter."""

    def to_python(self, value: Any) -> Any:
        word = str(value or "").strip().lower()
        if word not in ("", "true", "false"):
            raise forms.ValidationError("Write true or false.", "invalid")
        return {"true": True, "false": False}.get(word)


@extend_schema_field({"type": "boolean"})
class TruthFilter(django_filters.Filter):
    """`?unprotected=true`."""

    field_class = _TruthField


class ChoicesFilter(django_filters.MultipleChoiceFilter):
    """`?status=running&status=paused`: any of the values."""

    repeatable = True

    def __init__(self, known: Iterable[str], **options: Any) -> None:
        told = {"help_text": "May be repeated; matches any of the values."}
        super().__init__(choices=[(each, each) for each in known], **told | options)


class NameFilter(django_filters.CharFilter):
    """`?name=Web shop`: the exact name, in its one form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"help_text": "The exact name."} | options)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return super().filter(qs, name_clean(value))


class ReferenceFilter(django_filters.CharFilter):
    """`?site=<id or name>`. `find`, which also gets who asks, raises `Missing` for what does not exist for them: a
    400 here, for the address is right."""

    def __init__(self, find: Callable[[str, Any], Model], **options: Any) -> None:
        super().__init__(**{"help_text": "Id or name."} | options)
        self.find = find

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return qs
        try:
            found = self.find(value, self.parent.request.user)
        except Missing as error:
            name = next(name for name, each in self.parent.filters.items() if each is self)
            raise Invalid.field(name, error.detail, "unknown") from error
        return self.narrow(qs, found)

    def narrow(self, qs: QuerySet[Any], found: Any) -> QuerySet[Any]:
        """Those of the row that was found."""
        return super().filter(qs, found)
