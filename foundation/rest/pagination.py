"""Cursor pages that show every row exactly once, whatever they are sorted by.

DRF's `CursorPagination` compares the first sort field alone and turns null into the text "None", so pages sorted by a
nullable or often equal column skip or repeat rows. This one compares the whole sort key, ends it with the primary key,
and sorts nulls last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, Model, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import OrderBy
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:  # DRF's settings import this module before its views are ready
    from rest_framework.views import APIView

_INVALID = "This cursor does not belong to this list. Start again without it."


@dataclass(frozen=True, slots=True)
class SortField:
    """One part of the sort key. Nulls come last, and first when the list is read backwards."""

    name: str
    descending: bool
    nullable: bool

    def order(self, backwards: bool) -> OrderBy:
        field = F(self.name)
        descending = self.descending != backwards
        if not self.nullable:
            return field.desc() if descending else field.asc()
        nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
        return field.desc(**nulls) if descending else field.asc(**nulls)

    def equals(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def beyond(self, value: Any, backwards: bool) -> Q | None:
        """What comes after `value` in reading direction; None if nothing can."""
        if value is None:
            return Q(**{f"{self.name}__isnull": False}) if backwards else None
        comparison = "lt" if self.descending != backwards else "gt"
        beyond = Q(**{f"{self.name}__{comparison}": value})
        if self.nullable and not backwards:
            beyond |= Q(**{f"{self.name}__isnull": True})
        return beyond

    def value(self, row: Model) -> Any:
        value: Any = row
        for part in self.name.split(LOOKUP_SEP):
            value = getattr(value, part, None)
        if isinstance(value, date):
            return value.isoformat()
        return value if value is None or isinstance(value, (bool, int, float)) else str(value)


class CursorPages(CursorPagination):
    """`{next, previous, results}`; `page_size` from 1 to 500 (default 100), `cursor` as given by the links."""

    page_size_query_param = "page_size"
    max_page_size = 500
    page_size_query_description = "Rows per page, at most 500."
    cursor_query_description = "The cursor in `next` or `previous`."

    def paginate_queryset(  # type: ignore[override] # rows of the database only
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.base_url = request.build_absolute_uri()
        self.request = request
        size = self.get_page_size(request)
        self.key = self._sort_key(queryset)
        position, backwards = self._position(request)

        rows = queryset.order_by(*(field.order(backwards) for field in self.key))
        if position is not None:
            rows = rows.filter(self._beyond(position, backwards))
        found = list(rows[: size + 1])
        more, self.page = len(found) > size, found[:size]
        if backwards:
            self.page.reverse()
        # Reading on from a position means that the row it names lies behind.
        self.has_next = position is not None if backwards else more
        self.has_previous = more if backwards else position is not None
        return self.page

    def get_page_size(self, request: Request) -> int:
        raw = request.query_params.get(self.page_size_query_param)
        if not raw:
            return int(self.page_size or 100)
        if not (raw.isascii() and raw.isdecimal() and len(raw) <= 3 and 1 <= int(raw) <= self.max_page_size):
            raise ValidationError({
                self.page_size_query_param: f"Write a whole number from 1 to {self.max_page_size}."
            })  # fmt: skip
        return int(raw)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """DRF's, with the limits of `page_size`."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return parameters

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        """DRF's says `nullable`, which OpenAPI 3.1 does not know."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "The next page; null on the last."},
                "previous": {**link, "description": "The page before this; null on the first."},
                "results": schema,
            },
        }

    def get_next_link(self) -> str | None:
        return self._link(self.page[-1], backwards=False) if self.has_next and self.page else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page[0], backwards=True) if self.has_previous and self.page else None

    def _sort_key(self, queryset: QuerySet[Any]) -> list[SortField]:
        """The order the view's filters gave the rows, or the model's own; then the primary key, which no two share."""
        names: Sequence[Any] = queryset.query.order_by or queryset.model._meta.ordering
        names = [name for name in names if isinstance(name, str)]
        key = [_sort_field(queryset, name) for name in names]
        if not any(field.name in ("pk", queryset.model._meta.pk.name) for field in key):
            key.append(
                SortField(queryset.model._meta.pk.name, descending=bool(key) and key[-1].descending, nullable=False)
            )
        return key

    def _beyond(self, position: Sequence[Any], backwards: bool) -> Q:
        condition, same = Q(pk__in=[]), Q()
        for field, value in zip(self.key, position, strict=True):
            beyond = field.beyond(value, backwards)
            if beyond is not None:
                condition |= same & beyond
            same &= field.equals(value)
        first, value = self.key[0], position[0]
        if value is not None and not first.nullable:
            # Follows from the condition; said by itself, an index is entered here and not read from its beginning.
            comparison = "lte" if first.descending != backwards else "gte"
            condition &= Q(**{f"{first.name}__{comparison}": value})
        return condition

    def _position(self, request: Request) -> tuple[list[Any] | None, bool]:
        raw = request.query_params.get(self.cursor_query_param)
        if not raw:
            return None, False
        try:
            cursor = _signer().unsign_object(raw)
            position, backwards = cursor["at"], cursor["back"]
            fits = cursor["by"] == self._signature() and isinstance(position, list) and len(position) == len(self.key)
        except (signing.BadSignature, ValueError, KeyError, TypeError) as error:
            raise ValidationError({self.cursor_query_param: _INVALID}) from error
        if not fits:
            raise ValidationError({self.cursor_query_param: _INVALID})
        return position, backwards

    def _link(self, row: Any, *, backwards: bool) -> str:
        cursor = {"by": self._signature(), "at": [field.value(row) for field in self.key], "back": backwards}
        return replace_query_param(self.base_url or "", self.cursor_query_param, _signer().sign_object(cursor))

    def _signature(self) -> str:
        return ",".join(f"{'-' if field.descending else ''}{field.name}" for field in self.key)


def _signer() -> signing.Signer:
    """What a link of ours holds is a value of its column: a cursor that did not come from one is refused unread."""
    return signing.Signer(salt=__name__)


def _sort_field(queryset: QuerySet[Any], name: str) -> SortField:
    descending, bare = name.startswith("-"), name.removeprefix("-")
    return SortField(bare, descending, nullable=_nullable(queryset.model, bare))


def _nullable(model: type[Model], name: str) -> bool:
    """True unless the path leads through columns that are never null; annotations may be anything."""
    if name == "pk":
        return False
    for part in name.split(LOOKUP_SEP):
        try:
            field: Any = model._meta.get_field(part)
        except FieldDoesNotExist:
            return True
        if field.null:
            return True
        model = field.related_model or model
    return False
