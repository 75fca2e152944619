"""A plan as YAML on its screens: what a text would change is shown before it is applied."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from foundation.errors import DomainError, Invalid
from foundation.files.yaml_text import MAX_BYTES, NotYaml, read
from plans import selectors
from plans.core.differences import differences
from plans.core.document import PlanDocument, normalise
from plans.core.purpose import NO_PURPOSE
from plans.models import Plan
from plans.screens.revisions import DiffLine, diff_lines, diff_sentences

#: So many errors of a text are shown at once.
_SAID = 30
_NOTHING: PlanDocument = {
    "name": "", "description": "", "contacts": "", "rto_target_seconds": None, "rpo_target_seconds": None,
    "approvals_required": 1, **NO_PURPOSE, "waves": [],
}  # fmt: skip


class ImportForm(forms.Form):
    """The text, typed or from a file. It carries which text and which revision its difference was shown for."""

    version = forms.CharField(widget=forms.HiddenInput, required=False)
    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    text = forms.CharField(
        label="The plan as YAML",
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget({"rows": 18, "spellcheck": "false"}),
    )
    file = forms.FileField(
        label="or a file",
        required=False,
        widget=UnfoldAdminFileFieldWidget({"accept": ".yaml,.yml,application/yaml,text/yaml"}),
        help_text=f"UTF-8, at most {MAX_BYTES:,} bytes. It takes the place of the text above.",
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        file = values.get("file")
        if file is not None:
            if file.size > MAX_BYTES:
                raise forms.ValidationError(f"The file is longer than {MAX_BYTES:,} bytes.")
            try:
                values["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise forms.ValidationError("The file is not UTF-8 text.") from error
        # Browsers send a text with the line ends of another age.
        values["text"] = (values.get("text") or "").replace("\r\n", "\n")
        if not values["text"].strip():
            raise forms.ValidationError("Paste the plan, or choose a file.")
        return values


@dataclass(frozen=True, slots=True)
class Preview:
    """What a text would make of a plan."""

    document: PlanDocument
    #: Of the text: what is applied is what was shown.
    digest: str
    lines: Sequence[DiffLine]
    #: Of what waits for what.
    waits: Sequence[str]


def preview(plan: Plan | None, text: str, by: User) -> Preview:
    """What the text would change. Raises `Invalid` with all that is wrong with it, each with its place."""
    try:
        raw = read(text)
    except NotYaml as error:
        raise Invalid(str(error)) from error
    document = normalise(raw, groups=selectors.group_names(by))
    current = selectors.document(plan) if plan is not None else _NOTHING
    diff = differences(current, document)
    said = diff_sentences(diff, saved=False)
    return Preview(document, hashlib.sha256(text.encode()).hexdigest(), diff_lines(diff), said)


def sentences(error: DomainError) -> list[str]:
    """What is wrong, each with its path in the document."""
    found = [f"{each.attr}: {each.detail}" if each.attr else each.detail for each in error.errors] or [error.detail]
    more = len(found) - _SAID
    return [*found[:_SAID], *([f"And {more} more."] if more > 0 else [])]
