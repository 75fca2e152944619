"""What was sent and would not be used is refused: unknown query parameters, a body where none is taken, a text where a
number belongs (ADR 0035). A misspelt `?dry_run` must not save, nor a misspelt filter answer the whole list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from foundation.errors import FieldError, Invalid
from foundation.wording import short

if TYPE_CHECKING:  # DRF's settings import this module before its views are ready
    from rest_framework.views import APIView

UNKNOWN: Final = "unknown"
_BODILESS_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


# --- The query ------------------------------------------------------------------------------------------------------
def refuse_unknown_query(view: APIView, request: Request) -> None:
    """Raise `Invalid` for every query parameter that this view would not look at, naming those known; and for one that
    is there twice, of which it would look at the last alone."""
    known = list(dict.fromkeys(_known_parameters(view)))
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        choice = f"Known here: {', '.join(known)}." if known else "None is known here."
        raise Invalid.of([
            FieldError(name, f"Unknown query parameter “{short(name, 60)}”. {choice}", UNKNOWN) for name in unknown
        ])  # fmt: skip
    filters = getattr(getattr(view, "filterset_class", None), "base_filters", {})
    again = [name for name, values in request.query_params.lists() if len(values) > 1]
    if again := [name for name in again if not getattr(filters.get(name), "repeatable", False)]:
        raise Invalid.of([
            FieldError(name, f"Send “{name}” once: only one value would be used.", "twice") for name in again
        ])  # fmt: skip


def _known_parameters(view: APIView) -> Iterator[str]:
    yield from getattr(view, "query_parameters", ())
    if not getattr(view, "paged", False) and getattr(view, "action", None) != "list":
        return
    backends: Sequence[Any] = getattr(view, "filter_backends", None) or ()
    filters, ordering = getattr(view, "filterset_class", None), getattr(view, "ordering_fields", None)
    if filters is not None and backends:
        yield from filters.base_filters
    for backend in backends:
        if issubclass(backend, OrderingFilter) and ordering:
            yield backend.ordering_param
    pages = getattr(view, "paginator", None)
    if pages is not None:
        yield from (pages.page_size_query_param, pages.cursor_query_param)


# --- The body -------------------------------------------------------------------------------------------------------
def refuse_body(view: APIView, request: Request) -> None:
    """Raise `Invalid` for a body with members where the view takes none, and whatever reading it raises."""
    action = getattr(view, "action", None) or (request.method or "").lower()
    if request.method not in _BODILESS_METHODS and action not in getattr(view, "without_body", ()):
        return
    if request._request.body.strip() in {b"", b"{}"}:
        return
    if request.data or not isinstance(request.data, Mapping):
        raise Invalid(f"{request.method} takes no body here: send none, or {{}}.", code="unexpected_body")


# --- Members --------------------------------------------------------------------------------------------------------
def wrong_types(field: Any, value: Any) -> Any:  # noqa: PLR0911 # one for each type
    """What DRF would take for another type than it is, as DRF nests its errors; None if all is as it should be."""
    if value is None:
        return None
    match field:
        case serializers.ListField() if isinstance(value, list):
            return _each(field.child, dict(enumerate(value)))
        case serializers.DictField() if isinstance(value, Mapping):
            return _each(field.child, value)
        case serializers.BooleanField() if not isinstance(value, bool):
            return [f"Write true or false, without quotes, not {said(value)}."]
        case serializers.IntegerField() if isinstance(value, bool) or not isinstance(value, int):
            return [f"Write a whole number, without quotes, not {said(value)}."]
        case serializers.DateTimeField():
            return _moment(value)
        case serializers.CharField() if getattr(field, "takes_ids", False) and type(value) is int:
            return None
        case serializers.CharField() | serializers.ChoiceField() if not isinstance(value, str):
            zero = " A number loses a zero at its beginning." if type(value) is int else ""
            return [f"Write text, in quotes, not {said(value)}.{zero}"]
    return None


def _each(child: Any, values: Mapping[Any, Any]) -> Any:
    return {key: wrong for key, value in values.items() if (wrong := wrong_types(child, value)) is not None} or None


def _moment(value: Any) -> list[str] | None:
    if not isinstance(value, str):
        return [f"Write a time, in quotes, such as 2026-11-23T14:30:00Z, not {said(value)}."]
    try:
        moment: datetime | None = parse_datetime(value)
    except ValueError:
        return None  # DRF's own sentence
    if moment is not None and moment.tzinfo is None:
        return [NO_ZONE]
    return None


NO_ZONE: Final = "The time has no zone. Add Z for UTC, or an offset such as +02:00."


def said(value: object) -> str:
    """The value as it stood in JSON, cut short."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "an object"
        case list():
            return "a list"
        case str():
            return f"“{short(value, 60)}”"
        case _:
            return short(str(value), 60)
