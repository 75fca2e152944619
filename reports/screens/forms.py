"""What people type into the evidence of an execution. Rules are in `services`; their errors come back to the fields."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from foundation.forms import DomainErrorsMixin, MomentField, choice, lines, offer, radios, show_instead, text
from reports.core.notes import GENERAL, TOPICS
from reports.models import FindingStatus, Severity, SignOffRole

_RECORDED = "Recorded in the audit trail."


def _day(label: str, **options: Any) -> forms.CharField:
    """A day as it is typed; the service reads it."""
    return forms.CharField(label=label, required=False, widget=UnfoldAdminTextInputWidget({"type": "date"}), **options)


class NoteForm(DomainErrorsMixin, forms.Form):
    text = lines("Note", rows=4, help_text=f"{_RECORDED} A note cannot be changed or deleted.")
    topic = choice("About", [(name, words.capitalize()) for name, words in TOPICS.items()])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["topic"].required = False
        self.initial.setdefault("topic", GENERAL)

    def asked(self) -> dict[str, Any]:
        return {"text": self.cleaned_data["text"], "topic": self.cleaned_data["topic"] or GENERAL}


class ValidatedForm(DomainErrorsMixin, forms.Form):
    at = MomentField(
        required=False,
        label="Since (UTC)",
        help_text="When the application worked again. Left empty, it is now.",
    )
    comment = lines("How it was checked", rows=3, help_text=_RECORDED)


class FindingForm(DomainErrorsMixin, forms.Form):
    """A new finding, or one that is changed: then with its status and what became of it."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    title = text("Title", required=True, help_text="What was found, in one line.")
    severity = choice("Severity", [(one.value, one.value) for one in Severity])
    owner = text("Owner", help_text="The person or team that sees to it.")
    due_on = _day("Due")
    description = lines("Description", rows=3)
    action = lines("Action", rows=3, help_text="What is to be done about it.")
    ticket_url = text("Link to the ticket", help_text="https://…")
    status = radios(
        "Status",
        [
            (FindingStatus.OPEN.value, "Open"),
            (FindingStatus.CLOSED.value, "Closed: it was fixed"),
            (FindingStatus.ACCEPTED.value, "Accepted: nothing will be done about it"),
        ],
        initial=FindingStatus.OPEN.value,
    )
    resolution = lines("Resolution", rows=3, help_text="How it was fixed, or why it is accepted.")
    retest_execution = choice("Retested by", [])
    reported_on = _day("Reported to management")

    #: Fields that only a finding that exists has.
    _LATER = ("status", "resolution", "retest_execution", "reported_on", "version")

    def __init__(self, *args: Any, retests: list[tuple[str, str]] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if retests is None:
            self.initial.setdefault("severity", Severity.MEDIUM.value)
            for name in self._LATER:
                del self.fields[name]
        else:
            offer(self, "retest_execution", [("", "Not yet"), *retests])
            self.fields["retest_execution"].required = False

    def asked(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}

    def overtaken(self, now: dict[str, Any]) -> list[tuple[str, str]]:
        """What others have saved and this form says otherwise, by label. Saved again, the form replaces it."""
        found = []
        for name, value in now.items():
            is_, typed = str(value or ""), str(self.cleaned_data.get(name) or "")
            if name != "version" and is_ != typed:
                found.append((str(self.fields[name].label), is_))
        show_instead(self, {"version": str(now["version"])})
        return found


class SignOffForm(DomainErrorsMixin, forms.Form):
    #: Of the report that the page showed.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    role = radios(
        "As",
        [
            (SignOffRole.OWNER.value, "Owner of what was recovered"),
            (SignOffRole.REVIEWER.value, "Independent reviewer: you did not request the execution"),
        ],
        initial=SignOffRole.OWNER.value,
    )
    statement = lines("Statement", rows=3, help_text=_RECORDED)


class FileForm(forms.Form):
    """The file to verify."""

    file = forms.FileField(
        label="PDF or JSON of a report",
        widget=forms.ClearableFileInput({"accept": ".pdf,.json,application/pdf,application/json"}),
        error_messages={"required": "Choose a file, or drop one here.", "empty": "The file is empty."},
    )
