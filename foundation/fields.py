"""Columns that more than one app has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from foundation.names import MAX_NAME, name_clean, name_problem

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


def validate_name(name: str) -> None:
    if problem := name_problem(name):
        raise ValidationError(problem)


class NameField(_CharField):
    """A name by the rule of `foundation.names`; validating it also gives it its one form."""

    default_validators = [validate_name]  # as Django writes it

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_length": MAX_NAME} | options)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return name_clean(text) if isinstance(text, str) else text
