"""What the serializers of every app share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model
from rest_framework import serializers

from foundation.errors import FieldError, Invalid, Missing


class StrictSerializer(serializers.Serializer[Any]):
    """Unknown fields are refused."""

    # A misspelt `point_in_time` must not launch the latest state, nor a misspelt `expires_in_seconds` give a token that
    # never expires. Read-only fields are known, so that what was read can be sent back.

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [str(key) for key in data if key not in self.fields]):
            known = ", ".join(self.fields)
            raise Invalid.of([FieldError(key, f"Unknown field “{key}”. Known fields: {known}.") for key in unknown])
        return super().to_internal_value(data)


class ReferenceField(serializers.CharField):
    """An object by id or name, returned as its name. `find` raises `Missing` for what does not exist."""

    def __init__(self, find: Callable[[str], Model], **options: Any) -> None:
        super().__init__(**{"help_text": "Id or name; returned as the name."} | options)
        self.find = find

    def to_internal_value(self, data: Any) -> Model:  # type: ignore[override] # a CharField in the schema only
        try:
            return self.find(super().to_internal_value(data))
        except Missing as error:
            raise serializers.ValidationError(error.detail, "unknown") from error
