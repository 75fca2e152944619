"""What a kind of step says of itself: what it is called, what it has to be told, what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plans.core.fields import Fields
from plans.core.steps.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Kind:
    #: As a person calls it.
    words: str
    parameters: tuple[Parameter, ...]
    #: The one thing that tells it from another step of its kind, in a few words. What is stored may be of a time when
    #: a parameter was not asked for yet.
    about: Callable[[Mapping[str, Any]], str] = lambda stored: ""

    def read(self, fields: Fields) -> dict[str, Any]:
        """The parameters as they are kept, defaults filled in; errors are noted in `fields`."""
        read = {parameter.name: parameter.read(fields) for parameter in self.parameters}
        fields.finish()
        return {name: value for name, value in read.items() if value is not None}

    def schema(self) -> dict[str, Any]:
        """The parameters as JSON Schema."""
        return {
            "type": "object",
            "title": self.words,
            "properties": {parameter.name: parameter.schema() for parameter in self.parameters},
            "required": [parameter.name for parameter in self.parameters if parameter.required],
            "additionalProperties": False,
        }
