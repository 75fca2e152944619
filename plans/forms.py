"""Forms of the plan screens. They only read what was typed; the core has the rules, and its errors come back here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.forms.formsets import BaseFormSet, formset_factory
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from foundation.errors import DomainError
from plans.core.document import MAX_NAME, PlanDocument, StepDocument, WaveDocument
from plans.form_fields import DURATION_HELP, JsonField, LinesField, NumberField, choice, duration, lines, text
from plans.models import ON_FAILURE, STEP_KINDS, STEP_WHEN


class CoreErrors(forms.Form):
    """A form that takes the core's errors to the fields they are about."""

    def add_domain_error(self, error: DomainError) -> None:
        """Errors at paths that are no field of the form, and the summary if there are none at all, go to its top."""
        if not error.errors:
            self.add_error(None, error.detail)
        for each in error.errors:
            field = each.attr.partition(".")[0]
            self.add_error(field if field in self.fields else None, each.detail)


class PlanForm(CoreErrors):
    """What a plan is beside its waves. The names are those of the document."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = text("Name", required=True, help_text=f"Unique; at most {MAX_NAME} characters, one of them no digit.")
    description = lines("Description")
    rto_target_seconds = duration("RTO target", help_text=f"From start to last launch. {DURATION_HELP}")
    rpo_target_seconds = duration("RPO target", help_text=f"How old the recovered data may be. {DURATION_HELP}")
    approvals_required = NumberField(
        label="Approvals for a recovery", help_text="How many people have to agree; a drill needs none."
    )

    def changes(self) -> dict[str, Any]:
        return {key: value for key, value in self.cleaned_data.items() if key != "version"}


class WaveForm(CoreErrors):
    """One wave. Choices that are gone meanwhile stay selected: saving says what is wrong with them."""

    FOLLOWS, AT_ONCE, CHOSEN = "above", "at_once", "chosen"

    #: What a new wave starts from.
    of_new: ClassVar[Mapping[str, Any]] = {
        "follow": FOLLOWS,
        "minimum_success_percent": 100,
        "on_failure": "stop",
        "start_delay_seconds": 0,
        "launch_timeout_seconds": 3600,
    }

    version = forms.IntegerField(widget=forms.HiddenInput)
    replacing = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)
    name = text("Name", required=True)
    follow = choice(
        "Starts",
        [(FOLLOWS, "after the wave above it"), (AT_ONCE, "at once"), (CHOSEN, "after the waves chosen here")],
        **{"x-model": "follow"},
    )
    depends_on = forms.MultipleChoiceField(
        label="Waits for", widget=UnfoldAdminCheckboxSelectMultipleWidget, required=False
    )
    protection_groups = forms.MultipleChoiceField(
        label="Protection groups", widget=UnfoldAdminCheckboxSelectMultipleWidget, required=False
    )
    minimum_success_percent = NumberField(
        label="Minimum success (%)", help_text="As many of its servers must launch for it to succeed."
    )
    on_failure = choice("If it fails", ON_FAILURE)
    start_delay_seconds = duration("Start delay")
    launch_timeout_seconds = duration("Launch time-out", help_text="What has not launched by then has failed.")

    def __init__(self, *args: Any, waves: Sequence[str], groups: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        for field, known in (("depends_on", waves), ("protection_groups", groups)):
            sent = self.data.getlist(field) if self.is_bound else []  # type: ignore[attr-defined]
            selected = [*self.initial.get(field, ()), *sent]
            every = dict.fromkeys([*known, *selected])
            self.fields[field].choices = [(name, name) for name in every]  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, wave: WaveDocument) -> dict[str, Any]:
        follow = cls.FOLLOWS if wave["depends_on"] is None else cls.CHOSEN if wave["depends_on"] else cls.AT_ONCE
        return {**wave, "depends_on": wave["depends_on"] or [], "follow": follow}

    def wave(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        """The wave as a document says it; what was left empty is left out, so that the core puts its default."""
        kept = {key: value for key, value in self.cleaned_data.items() if value is not None}
        for key in ("version", "replacing"):
            del kept[key]
        follow = kept.pop("follow")
        kept["depends_on"] = {self.FOLLOWS: None, self.AT_ONCE: []}.get(follow, kept["depends_on"])
        return {**kept, "steps": steps}


#: Parameters of each kind of step, as (name in the document, field of the form).
PARAMETERS: Mapping[str, Sequence[tuple[str, str]]] = {
    "approval": [("instructions", "instructions")],
    "wait": [("seconds", "seconds")],
    "http_check": [
        ("url", "url"),
        ("expected_status", "expected_status"),
        ("contains", "contains"),
        ("every_seconds", "every_seconds"),
    ],
    "tcp_check": [("host", "host"), ("port", "port"), ("every_seconds", "every_seconds")],
    "ssm_automation": [
        ("document_name", "document_name"),
        ("document_version", "document_version"),
        ("parameters", "ssm_parameters"),
        ("site", "site"),
        ("retries", "retries"),
    ],
    "ssm_command": [
        ("document_name", "document_name"),
        ("document_version", "document_version"),
        ("parameters", "ssm_parameters"),
        ("instance_ids", "instance_ids"),
        ("site", "site"),
        ("retries", "retries"),
    ],
    "lambda": [
        ("function_name", "function_name"),
        ("payload", "payload"),
        ("site", "site"),
        ("retries", "retries"),
    ],
}


class StepForm(CoreErrors):
    """One step, with the parameters of every kind; those of another kind than the chosen one are left alone."""

    name = text("Name", required=True)
    kind = choice("Kind", STEP_KINDS, **{"x-model": "kind"})
    when = choice("When", STEP_WHEN)
    timeout_seconds = duration("Time-out", initial=1800)
    on_failure = choice("If it fails", ON_FAILURE)
    instructions = lines("Instructions for the approver")
    seconds = duration("Wait")
    url = text("URL")
    expected_status = NumberField(label="Expected status", required=False)
    contains = text("Answer contains")
    host = text("Host")
    port = NumberField(label="Port", required=False)
    every_seconds = duration("Try every")
    document_name = text("SSM document")
    document_version = text("Document version")
    ssm_parameters = JsonField(label="Parameters", required=False, help_text='JSON, such as {"Commands": ["uptime"]}.')
    function_name = text("Function")
    payload = JsonField(label="Payload", required=False, help_text="JSON object.")
    instance_ids = LinesField(
        label="Instances", required=False, help_text="One to a line. Empty: those that the wave has recovered."
    )
    site = text("Site", help_text="Empty: the one where the wave's servers are.")
    retries = NumberField(label="Tries after a failure", required=False)

    #: Shown for every kind.
    COMMON = ("name", "kind", "when", "timeout_seconds", "on_failure")

    @classmethod
    def initial_of(cls, step: StepDocument) -> dict[str, Any]:
        of_kind = {field: step["parameters"].get(name) for name, field in PARAMETERS[step["kind"]]}
        return {**{key: value for key, value in step.items() if key != "parameters"}, **of_kind}

    def step(self) -> dict[str, Any]:
        data = self.cleaned_data
        sent = {name: data[field] for name, field in PARAMETERS[data["kind"]]}
        # What was left empty is not sent, so that the core puts its default, or says that it is needed.
        parameters = {name: value for name, value in sent.items() if value not in (None, "", {}, [])}
        common = {key: data[key] for key in self.COMMON if data[key] is not None}
        return {**common, "parameters": parameters}

    def field_at(self, path: str) -> str | None:
        """The field that the core's path within the step is about."""
        head, _, rest = path.partition(".")
        if head == "parameters":
            kind = self.cleaned_data.get("kind", "")
            return dict(PARAMETERS.get(kind, ())).get(rest.partition(".")[0])
        return head if head in self.fields else None

    def rows(self) -> list[tuple[forms.BoundField, str]]:
        """The fields that belong to some kinds only, each with an Alpine expression that is true for these."""
        kinds: dict[str, list[str]] = {}
        for kind, parameters in PARAMETERS.items():
            for _, field in parameters:
                kinds.setdefault(field, []).append(kind)
        return [(self[field], f"{json.dumps(of)}.includes(kind)") for field, of in kinds.items()]


class BaseStepFormSet(BaseFormSet):
    """The steps of a wave, in the order of their numbers."""

    def add_fields(self, form: StepForm, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["ORDER"].widget = UnfoldAdminTextInputWidget({"inputmode": "numeric"})
        form.fields["ORDER"].label = "Place"
        form.fields["DELETE"].widget = UnfoldBooleanWidget()
        form.fields["DELETE"].label = "Take this step out"

    @cached_property
    def kept(self) -> list[StepForm]:
        """The forms that are not taken out, in order, as they were before any error of the core came to them."""
        return list(self.ordered_forms) if self.is_valid() else []

    def add_domain_error(self, path: str, detail: str) -> bool:
        """Take an error at `steps.<n>.<field>` to its field; False if it is about no step that is here."""
        head, index, rest = [*path.split(".", 2), "", ""][:3]
        if head != "steps" or not index.isdecimal() or int(index) >= len(self.kept):
            return False
        form = self.kept[int(index)]
        form.add_error(form.field_at(rest), detail)
        return True


StepFormSet = formset_factory(StepForm, formset=BaseStepFormSet, extra=0, can_delete=True, can_order=True)


def plan_initial(document: PlanDocument, version: int) -> dict[str, Any]:
    return {**{key: value for key, value in document.items() if key != "waves"}, "version": version}
