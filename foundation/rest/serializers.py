"""What the serializers of every app share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from foundation.errors import FieldError, Invalid, Missing
from foundation.names import name_clean
from foundation.rest.strict import UNKNOWN, wrong_types
from foundation.wording import short


class StrictSerializer(serializers.Serializer[Any]):
    """Unknown fields are refused, and values of another JSON type than their field's."""

    #: For the OpenAPI document.
    refuses_unknown = True

    # A misspelt `point_in_time` must not launch the latest state, nor a misspelt `expires_in_seconds` give a token that
    # never expires. Read-only fields are known, so that what was read can be sent back.

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [str(key) for key in data if key not in self.fields]):
            known = ", ".join(self.fields)
            told = {key: f"Unknown field “{short(key, 60)}”. Known fields: {known}." for key in unknown}
            if self.parent is not None:  # which knows where in the body this is
                raise serializers.ValidationError({key: [ErrorDetail(one, UNKNOWN)] for key, one in told.items()})
            raise Invalid.of([FieldError(key, sentence, UNKNOWN) for key, sentence in told.items()])
        wrong = self._wrong_types(data)
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **wrong}) from error
        if wrong:
            raise serializers.ValidationError(wrong)
        return value

    def _wrong_types(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            return {}
        given = {name: field for name, field in self.fields.items() if name in data and not field.read_only}
        found = {name: wrong_types(field, data[name]) for name, field in given.items()}
        return {name: wrong for name, wrong in found.items() if wrong is not None}


class NameField(serializers.CharField):
    """A name of something that exists, in its one form."""

    def to_internal_value(self, data: Any) -> str:
        return name_clean(super().to_internal_value(data))


class ReferenceField(serializers.CharField):
    """An object by id or name, returned as its name. `find`, which also gets who asks, raises `Missing` for what
    does not exist for them."""

    #: An id may be sent as the number that it is answered as.
    takes_ids = True

    def __init__(self, find: Callable[[str, Any], Model], **options: Any) -> None:
        super().__init__(**{"help_text": "Id or name; returned as the name."} | options)
        self.find = find

    def to_internal_value(self, data: Any) -> Model:  # type: ignore[override] # a CharField in the schema only
        try:
            return self.find(super().to_internal_value(data), self.context["request"].user)
        except Missing as error:
            raise serializers.ValidationError(error.detail, "unknown") from error


class KeptAtSerializer(serializers.Serializer[Any]):
    """Where something is kept in a repository, and the state that last changed it here."""

    repository = serializers.CharField()
    directory = serializers.CharField()
    ref = serializers.CharField()
    commit = serializers.CharField()


def kept_at_field() -> KeptAtSerializer:
    """For the serializer of what may be kept in a repository."""
    return KeptAtSerializer(
        read_only=True,
        allow_null=True,
        help_text="Where it is kept in git and applied from, with `bundle/`; null if it is not. A change made here is "
        "overwritten by the next apply.",
    )
