"""What the forms of all screens share: they show a service's errors, and look like the admin's own forms."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.http import QueryDict
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from foundation.durations import exact, parse
from foundation.errors import DomainError, FieldError

DURATION_HELP = "For example 15 min or 1 h 30 min; a number alone means seconds."

if TYPE_CHECKING:
    _Form = forms.BaseForm
else:
    _Form = object


#: So many errors of one kind are shown at a field: a plan of 300 servers can have one of each.
_SAID = 5
#: The code of an error that says no more than that something is wrong.
_ANY = FieldError("", "").code


class DomainErrorsMixin(_Form):
    """A form that shows a service's errors at its fields."""

    def add_domain_error(self, error: DomainError) -> None:
        """Errors at paths that are no field of the form, and the summary if there are none at all, go to its top. Of
        many of one kind, which their code tells, the first are shown, and how many more there are."""
        if not error.errors:
            self.add_error(None, error.detail)
        said: Counter[tuple[str | None, str]] = Counter()
        for each in error.errors:
            name = each.attr.partition(".")[0]
            field = name if name in self.fields else None
            said[field, each.code] += 1
            if each.code == _ANY or said[field, each.code] <= _SAID:
                self.add_error(field, each.detail)
        for (field, code), number in said.items():
            if code != _ANY and number > _SAID:
                self.add_error(field, f"The same applies to {number - _SAID} more.")


def offer(form: forms.BaseForm, field: str, choices: Any) -> None:
    """Have one choose among these; a callable is asked whenever the field is shown."""
    cast("forms.ChoiceField", form.fields[field]).choices = choices


def sent(form: forms.BaseForm, field: str) -> list[str]:
    """All that was sent for a field that takes several values."""
    return cast("QueryDict", form.data).getlist(field) if form.is_bound else []


def show_instead(form: forms.BaseForm, values: Mapping[str, str]) -> None:
    """Have the form hold these in place of what was sent."""
    data = form.data = cast("QueryDict", form.data).copy()
    for name, value in values.items():
        data[name] = value


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
            raise forms.ValidationError(f"“{text}” is not a valid duration. Write it like 15 min or 1 h 30 min.")
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
            raise forms.ValidationError(f"This is not valid JSON: {error}.") from error


class LongTextField(forms.CharField):
    """A text of several lines."""

    def __init__(self, *, rows: int = 2, **options: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget({"rows": rows}), **options)

    def to_python(self, value: Any) -> str:
        # Browsers send it with the line ends of another age.
        return str(super().to_python(value)).replace("\r\n", "\n")


class LinesField(forms.CharField):
    """Texts, one to a line; empty is []."""

    def __init__(self, *, rows: int = 2, **options: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget({"rows": rows, "spellcheck": "false"}), **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]


class MomentField(forms.DateTimeField):
    """A date and a time, in UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            widget=UnfoldAdminTextInputWidget({"type": "datetime-local", "step": "1"}),
            error_messages={"invalid": "Enter a date and time, such as 2026-11-23T14:30."},
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else f"{value:%Y-%m-%dT%H:%M:%S}"


def json_or_none(text: str) -> Any:
    """What the text says as JSON; None for what is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def text(label: str, *, required: bool = False, attrs: Mapping[str, str] = {}, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=UnfoldAdminTextInputWidget(dict(attrs)), required=required, **options)


def lines(label: str, *, rows: int = 2, **options: Any) -> forms.CharField:
    return LongTextField(label=label, rows=rows, required=False, **options)


def duration(label: str, *, help_text: str = DURATION_HELP, **options: Any) -> DurationField:
    return DurationField(label=label, help_text=help_text, required=False, **options)


def choice(label: str, choices: Iterable[tuple[str, str]], **attrs: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=list(choices), widget=UnfoldAdminSelectWidget(dict(attrs)))


def choice_or_none(label: str, choices: Iterable[tuple[str, str]], *, none: str) -> forms.ChoiceField:
    """One of the choices, or an empty text, which is called `none`."""
    every = [("", none), *choices]
    return forms.ChoiceField(label=label, choices=every, widget=UnfoldAdminSelectWidget(), required=False)


def radios(label: str, choices: Iterable[tuple[str, str]], *, initial: str, **attrs: str) -> forms.ChoiceField:
    """One of a few choices, all of them to be seen."""
    widget = UnfoldAdminRadioSelectWidget(attrs=dict(attrs))
    return forms.ChoiceField(label=label, choices=list(choices), initial=initial, widget=widget)


def ticks(label: str, **options: Any) -> forms.MultipleChoiceField:
    """Any number of choices."""
    widget = UnfoldAdminCheckboxSelectMultipleWidget()
    return forms.MultipleChoiceField(label=label, widget=widget, required=False, **options)


def tick(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, widget=UnfoldBooleanWidget(), required=False)
