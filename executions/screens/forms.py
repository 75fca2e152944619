"""What people type on the execution pages. Rules are in `services`; a form only turns text into values, and shows at
its field what a service said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.utils import timezone

from executions.core.states import ExecutionKind
from executions.screens.parts import WaveParts
from foundation.errors import DomainError

_LATEST, _AT = "latest", "at"
_HOUR = 3600
_CLEANUPS = [
    ("", "Leave them running until somebody terminates them"),
    (str(0), "Terminate them as soon as the drill is over"),
    (str(_HOUR), "Terminate them 1 hour after the drill"),
    (str(4 * _HOUR), "Terminate them 4 hours after the drill"),
    (str(24 * _HOUR), "Terminate them 1 day after the drill"),
]


def _signer() -> Signer:
    return Signer(salt="executions.start")


def point_in_time_field() -> forms.DateTimeField:
    return forms.DateTimeField(
        required=False,
        label="Point in time (UTC)",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
        error_messages={"invalid": "Write a date and a time, such as 2026-11-23T14:30."},
    )


class DomainErrors(forms.Form):
    """A form that shows at its fields what a service said."""

    def take(self, error: DomainError) -> None:
        """What names none of the fields stands above the form."""
        if not error.errors:
            self.add_error(None, error.detail)
        for one in error.errors:
            self.add_error(one.attr if one.attr in self.fields else None, one.detail)


class StartForm(DomainErrors):
    """Start a drill or a recovery. `shown_at` is when the page was first shown, signed."""

    shown_at = forms.CharField(widget=forms.HiddenInput)
    moment = forms.ChoiceField(
        choices=[(_LATEST, "The latest state"), (_AT, "The newest recovery snapshots at or before a point in time")],
        initial=_LATEST,
        widget=forms.RadioSelect(attrs={"x-model": "moment"}),
        label="Recover to",
    )
    point_in_time = point_in_time_field()
    cleanup_after_seconds = forms.TypedChoiceField(
        required=False, choices=_CLEANUPS, coerce=int, empty_value=None, label="Drill instances"
    )
    reason = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), label="Reason")
    confirm = forms.CharField(
        required=False,
        strip=False,
        label="The plan's name",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    break_glass = forms.BooleanField(required=False, label="Break the glass")

    def __init__(self, *args: Any, kind: ExecutionKind, may_break_glass: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        unused = ["confirm", "break_glass"] if kind is ExecutionKind.DRILL else ["cleanup_after_seconds"]
        if not may_break_glass:
            unused.append("break_glass")
        for name in unused:
            self.fields.pop(name, None)
        if kind is ExecutionKind.RECOVERY:
            self.fields["reason"].help_text = "Kept in the record, and shown to who approves."
        self.initial.setdefault("shown_at", _signer().sign(timezone.now().isoformat()))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("moment") == _AT and values.get("point_in_time") is None and "point_in_time" not in self.errors:
            self.add_error("point_in_time", "Write the point in time, or choose the latest state.")
        return values

    def first_shown_at(self) -> datetime | None:
        """None if the form did not come from a page of ours."""
        try:
            return datetime.fromisoformat(_signer().unsign(self.cleaned_data["shown_at"]))
        except BadSignature:
            return None

    def asked(self) -> dict[str, Any]:
        """What `execution_start` takes."""
        values = dict(self.cleaned_data)
        values.pop("shown_at")
        at = values.pop("point_in_time") if values.pop("moment") == _AT else None
        return {**values, "point_in_time": at.astimezone(UTC) if at else None}


class CommandForm(DomainErrors):
    """What is asked before a command is carried out."""

    comment = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), label="Comment"
    )

    def asked(self) -> dict[str, Any]:
        """What the command's service takes."""
        return {"comment": self.cleaned_data["comment"]}


_WHOLE, _SERVERS, _STEP = "whole", "servers", "step:"


class WaveCommandForm(CommandForm):
    """The same for a command on a wave, or to servers or a step of it."""

    part = forms.ChoiceField(widget=forms.RadioSelect, initial=_WHOLE, label="What")
    servers = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Servers")
    point_in_time = point_in_time_field()

    def __init__(self, *args: Any, parts: WaveParts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = parts
        choices = [(_WHOLE, parts.whole)]
        if parts.servers:
            choices.append((_SERVERS, "Only the servers ticked below"))
        choices += [(f"{_STEP}{name}", f"Only step {name}") for name in parts.steps]
        self.fields["part"].choices = choices  # type: ignore[attr-defined]
        self.fields["servers"].choices = parts.servers  # type: ignore[attr-defined]
        if not parts.servers:
            del self.fields["servers"]
        if not parts.from_snapshot:
            del self.fields["point_in_time"]
        self.order_fields(["part", "servers", "point_in_time", "comment"])

    def asked(self) -> dict[str, Any]:
        values = self.cleaned_data
        part = values["part"]
        asked = {**super().asked(), "wave": self.parts.wave, "servers": None, "step": None}
        if part == _SERVERS:
            asked["servers"] = values["servers"]
        elif part.startswith(_STEP):
            asked["step"] = part.removeprefix(_STEP)
        if values.get("point_in_time"):
            asked["point_in_time"] = values["point_in_time"]
        return asked
