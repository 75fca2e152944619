"""Fields of the plan forms: durations, numbers, lists and JSON as people type them, in Unfold's looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from foundation.durations import exact, parse

DURATION_HELP = "Such as 15 min or 1 h 30 min; a bare number is seconds."


class DurationField(forms.CharField):
    """Whole seconds, shown and typed as `1 h 30 min`. Empty is None."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return exact(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        seconds = parse(text)
        if seconds is None:
            raise forms.ValidationError(f"“{text}” is no duration. Write it like 15 min or 1 h 30 min.")
        return seconds


class NumberField(forms.IntegerField):
    """A whole number without bounds of its own: the core has them, and says so."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=UnfoldAdminTextInputWidget({"inputmode": "numeric"}), **options)


class JsonField(forms.CharField):
    """A JSON object, shown indented; empty is {}."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget({"rows": 3, "spellcheck": "false"}), **options)

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=1, ensure_ascii=False) if isinstance(value, Mapping) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return {}
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from error


class LinesField(forms.CharField):
    """Texts, one to a line; empty is []."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget({"rows": 2, "spellcheck": "false"}), **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]


def text(label: str, *, required: bool = False, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=UnfoldAdminTextInputWidget, required=required, **options)


def lines(label: str, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=UnfoldAdminTextareaWidget({"rows": 2}), required=False, **options)


def duration(label: str, *, help_text: str = DURATION_HELP, **options: Any) -> DurationField:
    return DurationField(label=label, help_text=help_text, required=False, **options)


def choice(label: str, choices: Iterable[tuple[str, str]], **attrs: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=list(choices), widget=UnfoldAdminSelectWidget(dict(attrs)))
