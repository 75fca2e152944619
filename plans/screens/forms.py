"""Forms of the plan screens. They only read what was typed; the core has the rules, and its errors come back here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise
from math import inf
from typing import Any, ClassVar

from django import forms
from django.forms.formsets import BaseFormSet, formset_factory
from unfold.widgets import UnfoldBooleanWidget

from foundation.forms import (
    DURATION_HELP,
    DomainErrorsMixin,
    JsonField,
    LinesField,
    NumberField,
    choice,
    choice_or_none,
    duration,
    lines,
    offer,
    sent,
    text,
    ticks,
)
from foundation.overwriting import version_of
from plans.core.document import (
    LAUNCH_TIMEOUT_SECONDS,
    STEP_TIMEOUT_SECONDS,
    PlanDocument,
    StepDocument,
    WaveDocument,
)
from plans.core.steps import KINDS, StepKind
from plans.core.steps.parameters import Anything, Parameter, Seconds, Text, Texts, TextsByName, Whole
from plans.models import ON_FAILURE, STEP_KINDS, STEP_WHEN
from plans.purpose import SCENARIOS
from plans.screens.board import BoardGroup, deleted_group
from plans.screens.clash import ClashCard


class AgreementForm(DomainErrorsMixin, forms.Form):
    #: The number that the page showed.
    approvals_required = forms.IntegerField(widget=forms.HiddenInput)
    comment = lines("Why fewer approvals are enough", rows=2, max_length=2000, help_text="Recorded.")


class CopyForm(DomainErrorsMixin, forms.Form):
    name = text(
        "Name of the new plan", required=True, help_text="Must be unique. One line, not digits only, without /."
    )


class CompareForm(DomainErrorsMixin, forms.Form):
    """Two revisions of a plan, by their numbers."""

    older = NumberField(label="From revision")
    newer = NumberField(label="To revision")


class PlanForm(DomainErrorsMixin, forms.Form):
    """What a plan is beside its waves. The names are those of the document."""

    version = forms.CharField(widget=forms.HiddenInput, required=False)
    #: Where somebody else has changed the same since.
    clash: ClashCard | None = None
    name = text("Name", required=True, help_text="Must be unique. One line, not digits only, without /.")
    description = lines("Description")
    contacts = lines(
        "Contacts", rows=3, help_text="Whom to call when the plan is run, one per line. Printed in the runbook."
    )
    rto_target_seconds = duration(
        "RTO target", help_text=f"From the start to the last critical launch. {DURATION_HELP}"
    )
    rpo_target_seconds = duration("RPO target", help_text=f"The maximum age of the recovered data. {DURATION_HELP}")
    approvals_required = NumberField(
        label="Approvals for a recovery", help_text="How many people must approve. A drill needs no approval."
    )
    mtpd_seconds = duration(
        "MTPD", help_text="Maximum tolerable period of disruption; at least the RTO target. For example 4 h."
    )
    business_owner = text("Business owner", help_text="Who answers for what the plan recovers.")
    risk_reference = text(
        "Risk reference",
        help_text="Id or address in the business impact analysis or the risk register.",
    )
    business_functions = LinesField(
        label="Business functions", rows=4, required=False, help_text="Those that need these servers, one per line."
    )
    scenario_type = choice_or_none("Type of scenario", SCENARIOS, none="not specified")
    scenario = lines("Scenario", rows=3, help_text="What is assumed to have happened.")
    objectives = lines("Objectives", rows=3, help_text="What a drill is to show.")
    assumptions = lines("Assumptions", help_text="What must hold for the plan to work.")
    expected_outcome = lines("Expected outcome", help_text="How you can tell that a drill succeeded.")
    exclusions = lines("Out of scope", help_text="What the plan leaves out, and why.")
    not_tested = lines(
        "Not tested", help_text="What a drill does not test, such as DNS, the identity provider or third parties."
    )

    def folds(self) -> list[tuple[str, list[forms.BoundField], bool]]:
        """Long texts under what they are about, open where there is something to see."""
        parts = {
            "Scenario and objectives": ("scenario", "objectives", "assumptions", "expected_outcome"),
            "Limits of a drill": ("exclusions", "not_tested"),
        }
        folded = [(title, [self[name] for name in names]) for title, names in parts.items()]
        return [(title, fields, any(one.value() or one.errors for one in fields)) for title, fields in folded]

    def changes(self) -> dict[str, Any]:
        return {key: value for key, value in self.cleaned_data.items() if key != "version"}


class WaveForm(DomainErrorsMixin, forms.Form):
    """One wave. Choices that are gone meanwhile stay selected: saving says what is wrong with them."""

    FOLLOWS, AT_ONCE, CHOSEN = "above", "at_once", "chosen"
    #: Besides following the wave above it.
    STARTS: ClassVar = [(AT_ONCE, "immediately"), (CHOSEN, "after the waves selected here")]

    #: What a new wave starts from.
    of_new: ClassVar[Mapping[str, Any]] = {
        "follow": FOLLOWS,
        "minimum_success_percent": 100,
        "on_failure": "stop",
        "start_delay_seconds": 0,
        "launch_timeout_seconds": LAUNCH_TIMEOUT_SECONDS,
    }

    version = forms.CharField(widget=forms.HiddenInput, required=False)
    #: Where somebody else has changed the same since.
    clash: ClashCard | None = None
    replacing = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)
    name = text("Name", required=True)
    follow = choice("Starts", STARTS, **{"x-model": "follow"})
    depends_on = ticks("Waits for")
    protection_groups = ticks("Protection groups")
    minimum_success_percent = NumberField(
        label="Minimum success (%)", help_text="Share of its servers that must launch for the wave to succeed."
    )
    on_failure = choice("If it fails", ON_FAILURE)
    start_delay_seconds = duration("Start delay")
    launch_timeout_seconds = duration("Launch time-out", help_text="Servers not launched by then count as failed.")

    def __init__(
        self, *args: Any, waves: Sequence[str], groups: Mapping[str, BoardGroup], above: str, **options: Any
    ) -> None:
        """`groups`: those that can be chosen, by name."""
        super().__init__(*args, **options)
        self.cards = groups
        follows = f"after the wave above it in the plan, {above}" if above else "first in the plan, so immediately"
        offer(self, "follow", [(self.FOLLOWS, follows), *self.STARTS])
        for field, known in (("depends_on", waves), ("protection_groups", groups)):
            every = dict.fromkeys([*known, *self.initial.get(field, ()), *sent(self, field)])
            offer(self, field, [(name, name) for name in every])

    def groups(self) -> list[tuple[Any, BoardGroup]]:
        """The ticks of the protection groups, each with what is known of its group."""
        found = []
        for tick in self["protection_groups"]:
            name = str(tick.data["value"])
            found.append((tick, self.cards.get(name) or deleted_group(name)))
        return found

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


def _parameters() -> dict[str, tuple[Parameter, list[str]]]:
    """Each parameter that some kind of step has, by its name, with the kinds that have it; those of each kind in the
    order in which the kind has them, whichever it shares with others."""
    found: dict[str, tuple[Parameter, list[str]]] = {}
    order: TopologicalSorter[str] = TopologicalSorter()
    for kind, of in KINDS.items():
        for parameter in of.parameters:
            one, kinds = found.setdefault(parameter.name, (parameter, []))
            if one != parameter:
                raise TypeError(f"two kinds of step mean different things by {parameter.name}")
            kinds.append(kind.value)
            order.add(parameter.name)
        for before, after in pairwise(of.parameters):
            order.add(after.name, before.name)
    return {name: found[name] for name in order.static_order()}


_PARAMETERS = _parameters()


def _field(parameter: Parameter) -> forms.Field:
    """The form's field for a parameter. What is needed, and within which limits, is the core's to say."""
    label, help_text = parameter.label, parameter.help
    match parameter:
        case Text(several_lines=True):
            return lines(label, help_text=help_text)
        case Seconds():
            return duration(label)
        case Whole():
            return NumberField(label=label, help_text=help_text, required=False)
        case Texts():
            return LinesField(label=label, help_text=f"One per line. {help_text}", required=False)
        case TextsByName() | Anything():
            return JsonField(label=label, help_text=help_text, required=False)
    return text(label, help_text=help_text)


class StepForm(DomainErrorsMixin, forms.Form):
    """One step, with the parameters of every kind; those of another kind than the chosen one are left alone."""

    name = text("Name", required=True)
    description = lines("Description", rows=2, help_text="For the person who carries it out or approves it.")
    link = text("Link", help_text="An https address that says more, such as a page of your runbook.")
    kind = choice("Kind", STEP_KINDS, **{"x-model": "kind"})
    when = choice("When", STEP_WHEN)
    timeout_seconds = duration("Time-out", initial=STEP_TIMEOUT_SECONDS)
    on_failure = choice("If it fails", ON_FAILURE)

    #: Shown for every kind.
    COMMON = ("name", "description", "link", "kind", "when", "timeout_seconds", "on_failure")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields.update({name: _field(parameter) for name, (parameter, _) in _PARAMETERS.items()})

    @classmethod
    def initial_of(cls, step: StepDocument) -> dict[str, Any]:
        return {**{key: value for key, value in step.items() if key != "parameters"}, **step["parameters"]}

    def step(self) -> dict[str, Any]:
        data = self.cleaned_data
        sent = {parameter.name: data[parameter.name] for parameter in KINDS[StepKind(data["kind"])].parameters}
        # What was left empty is not sent, so that the core puts its default, or says that it is needed.
        parameters = {name: value for name, value in sent.items() if value not in (None, "", {}, [])}
        common = {key: data[key] for key in self.COMMON if data[key] is not None}
        return {**common, "parameters": parameters}

    def field_at(self, path: str) -> str | None:
        """The field that the core's path within the step is about."""
        head, _, rest = path.partition(".")
        name = rest.partition(".")[0] if head == "parameters" else head
        return name if name in self.fields else None

    def rows(self) -> list[tuple[forms.BoundField, str]]:
        """The fields that belong to some kinds only, each with an Alpine expression that is true for these."""
        return [(self[name], f"{json.dumps(kinds)}.includes(kind)") for name, (_, kinds) in _PARAMETERS.items()]


def _number(text: object) -> float:
    return version_of(str(text)) or inf


class BaseStepFormSet(BaseFormSet):
    """The steps of a wave, in the order of their numbers, which the page writes as steps are moved."""

    def add_fields(self, form: StepForm, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["ORDER"].widget = forms.HiddenInput()
        form.fields["DELETE"].widget = UnfoldBooleanWidget()
        form.fields["DELETE"].label = "Remove step"

    def __iter__(self) -> Iterator[StepForm]:
        """As they are shown: in the order that was sent, if any was."""
        return iter(sorted(self.forms, key=lambda form: _number(form["ORDER"].value())))

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
