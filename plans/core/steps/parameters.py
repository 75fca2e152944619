"""What a step may have to be told: how a parameter is read from a document, and what it looks like as JSON Schema."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plans.core.fields import MAX_SECONDS, MAX_TEXT, Fields, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(ABC):
    name: str
    #: What the form calls it.
    label: str
    #: For whoever fills the form in, or sends a document.
    help: str = ""
    #: Without it the step is refused.
    required: bool = False

    @abstractmethod
    def read(self, fields: Fields) -> Any:
        """The value to keep; None to leave the parameter out. Errors are noted in `fields`."""

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {**self._schema(), **({"description": self.help} if self.help else {})}

    @abstractmethod
    def _schema(self) -> dict[str, Any]:
        """Its type and limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Parameter):
    """A text, on one line if it is required; left out if it is empty."""

    limit: int = MAX_TEXT
    #: Blanks around it are not meant.
    trimmed: bool = False
    #: A box of several lines in the form.
    several_lines: bool = False
    #: What is wrong with it, to be continued by “, not <what was sent>”; empty if nothing is.
    problem: Callable[[str], str] = lambda text: ""

    def read(self, fields: Fields) -> str | None:
        text = fields.text(self.name, required=self.required, limit=self.limit)
        if self.trimmed:
            text = text.strip()
        if text and (problem := self.problem(text)):
            fields.error(self.name, f"{fields.subject}: {self.name} {problem}, not {shown(text)}.")
        return text or ("" if self.required else None)

    def _schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.limit, **({"minLength": 1} if self.required else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Parameter):
    """A whole number from `low` to `high`; it is required unless there is a default."""

    low: int
    high: int
    default: int | None = None
    unit: str = ""

    def read(self, fields: Fields) -> int:
        return fields.whole(self.name, low=self.low, high=self.high, default=self.default, unit=self.unit)

    def _schema(self) -> dict[str, Any]:
        default = {} if self.default is None else {"default": self.default}
        return {"type": "integer", "minimum": self.low, "maximum": self.high, **default}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds(Whole):
    low: int = 1
    high: int = MAX_SECONDS
    unit: str = " of seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts(Parameter):
    """A list of texts, none of them blank; left out if it is empty. `like` shows one."""

    like: str

    def read(self, fields: Fields) -> list[str] | None:
        sent = fields.items(self.name)
        if all(isinstance(text, str) and text.strip() for text in sent):
            return [text.strip() for text in sent] or None
        fields.error(self.name, f"{fields.subject}: {self.name} must be a list of texts, like {self.like}.")
        return None

    def _schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "minLength": 1}}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsByName(Parameter):
    """Lists of texts by name, as SSM takes them for each parameter of a document."""

    def read(self, fields: Fields) -> dict[str, list[str]]:
        sent = fields.take(self.name, {})
        if isinstance(sent, Mapping) and all(
            isinstance(key, str) and isinstance(texts, list) and all(isinstance(text, str) for text in texts)
            for key, texts in sent.items()
        ):
            return {key: list(texts) for key, texts in sent.items()}
        fields.error(
            self.name, f'{fields.subject}: {self.name} must be lists of texts by name, like {{"Key": ["value"]}}.'
        )
        return {}

    def _schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything(Parameter):
    """Any JSON object."""

    def read(self, fields: Fields) -> dict[str, Any]:
        sent = fields.take(self.name, {})
        if isinstance(sent, Mapping):
            return dict(sent)
        fields.error(self.name, f"{fields.subject}: {self.name} must be an object, not {shown(sent)}.")
        return {}

    def _schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": True}
