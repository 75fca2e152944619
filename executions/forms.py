"""What people type on the execution pages. Rules are in `services`; a form only turns text into values, and shows at
its field what a service said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.utils import timezone

from executions.core.states import Kind
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


class StartForm(forms.Form):
    """Start a drill or a recovery. `shown_at` is when the page was first shown, signed."""

    shown_at = forms.CharField(widget=forms.HiddenInput)
    moment = forms.ChoiceField(
        choices=[(_LATEST, "The latest state"), (_AT, "The newest recovery snapshots at or before a point in time")],
        initial=_LATEST,
        widget=forms.RadioSelect,
        label="Recover to",
    )
    point_in_time = forms.DateTimeField(
        required=False,
        label="Point in time (UTC)",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
        error_messages={"invalid": "Write a date and a time, such as 2026-11-23T14:30."},
    )
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

    def __init__(self, *args: Any, kind: Kind, may_break_glass: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        unused = ["confirm", "break_glass"] if kind is Kind.DRILL else ["cleanup_after_seconds"]
        if not may_break_glass:
            unused.append("break_glass")
        for name in unused:
            self.fields.pop(name, None)
        if kind is Kind.RECOVERY:
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

    def take(self, error: DomainError) -> None:
        """Show what a service said at the fields it names, the rest above the form."""
        if not error.errors:
            self.add_error(None, error.detail)
        for one in error.errors:
            self.add_error(one.attr if one.attr in self.fields else None, one.detail)


class VerbForm(forms.Form):
    comment = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), label="Comment"
    )
