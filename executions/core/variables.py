"""What a step may know of the execution it belongs to, and how it is put into its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.core.steps.variables import PATTERN


class UnknownVariable(ValueError):
    """A parameter names a variable that has no value. `str(error)` is a sentence."""


def filled_in(value: Any, variables: Mapping[str, str | Sequence[str]]) -> Any:
    """`value`, with every variable in its texts replaced. Raises `UnknownVariable`.

    In a list, a text that is one variable of several values becomes as many texts; elsewhere they are joined by commas.
    """
    if isinstance(value, str):
        return PATTERN.sub(lambda match: _text(match[1], variables), value)
    if isinstance(value, Mapping):
        return {key: filled_in(content, variables) for key, content in value.items()}
    if isinstance(value, list):
        return [text for content in value for text in _spread(content, variables)]
    return value


def _spread(value: Any, variables: Mapping[str, str | Sequence[str]]) -> list[Any]:
    whole = PATTERN.fullmatch(value.strip()) if isinstance(value, str) else None
    found = variables.get(whole[1]) if whole else None
    return list(found) if found is not None and not isinstance(found, str) else [filled_in(value, variables)]


def _text(name: str, variables: Mapping[str, str | Sequence[str]]) -> str:
    if name not in variables:
        known = ", ".join(sorted(key for key in variables if ":" not in key))
        raise UnknownVariable(f"{{{{{name}}}}} is not available here. Available: {known}.")
    found = variables[name]
    return found if isinstance(found, str) else ",".join(found)
