"""What serializers of every app share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from foundation.errors import FieldError, Invalid


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that it does not know: a misspelt `point_in_time` must not launch the latest state, nor a
    misspelt `expires_in_seconds` give a token that never expires.

    What is only read is known, so what was read can be sent back.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [str(key) for key in data if key not in self.fields]):
            known = ", ".join(self.fields)
            raise Invalid.of([FieldError(key, f"There is no “{key}” here; known are {known}.") for key in unknown])
        return super().to_internal_value(data)
