"""What people type on the execution pages. Rules are in `services`; a form only turns text into values, and shows at
its field what a service said."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from executions.core.seen import Scene, changes, dumped, loaded
from executions.core.states import ExecutionKind
from executions.screens.basis_card import BasisCard
from executions.screens.parts import WaitingStep, WaveParts
from executions.services.basis import CHANGED
from executions.services.stake import LIVE_RECOVERY_INSTANCE
from foundation.errors import Conflict, DomainError
from foundation.forms import (
    DomainErrorsMixin,
    MomentField,
    json_or_none,
    lines,
    offer,
    radios,
    sent,
    show_instead,
    text,
    tick,
    ticks,
)
from plans.models import Plan

_LATEST, _AT = "latest", "at"
_HOUR = 3600
_CLEANUPS = [
    ("", "Keep them running until someone cleans up"),
    (str(0), "Terminate them as soon as the drill ends"),
    (str(_HOUR), "Terminate them 1 hour after the drill ends"),
    (str(4 * _HOUR), "Terminate them 4 hours after the drill ends"),
    (str(24 * _HOUR), "Terminate them 1 day after the drill ends"),
]
_RECORDED = "Recorded in the audit trail."
_NOT_DONE = "Nothing was done: "
_LOOK = "This page now shows how it stands: check it, then decide again."
#: Changes that are named; the page shows them all.
_TOLD = 5


#: Names of instances, and what each is.
Choices = Sequence[tuple[str, str]]


def _offer(form: forms.Form, stake: Choices) -> None:
    """A field that has nothing to choose from is not shown, and names nothing."""
    if stake:
        offer(form, "replace_instances", list(stake))
    else:
        del form.fields["replace_instances"]


def _signer() -> Signer:
    return Signer(salt="executions.start")


class NamesField(forms.MultipleChoiceField):
    """Instances that may be deleted, each with a tick of its own. One that is gone by now is the service's to refuse:
    it says which."""

    def __init__(self) -> None:
        super().__init__(
            required=False, label="Instances that may be deleted", widget=UnfoldAdminCheckboxSelectMultipleWidget()
        )

    def valid_value(self, value: str) -> bool:
        return True


class StakeErrorsMixin(DomainErrorsMixin):
    """What is at stake, or has changed, is one error however many instances or changes are, and of no field."""

    def add_domain_error(self, error: DomainError) -> None:
        if error.code in (LIVE_RECOVERY_INSTANCE, CHANGED):
            self.add_error(None, error.detail)
        else:
            super().add_domain_error(error)


class StartForm(StakeErrorsMixin, forms.Form):
    """Start a drill or a recovery. It carries when its page was first shown, signed, and which revision that showed."""

    shown_at = forms.CharField(widget=forms.HiddenInput)
    plan_revision = forms.IntegerField(widget=forms.HiddenInput)
    #: What a start rests on, as the page showed it.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    moment = radios(
        "Recover to",
        [(_LATEST, "The latest state"), (_AT, "The newest recovery snapshots at or before a point in time")],
        initial=_LATEST,
        **{"x-model": "moment"},
    )
    point_in_time = MomentField(
        required=False,
        label="Point in time (UTC)",
        help_text="Each server is launched from its newest recovery snapshot at or before this time.",
    )
    cleanup_after_seconds = forms.TypedChoiceField(
        required=False,
        choices=_CLEANUPS,
        coerce=int,
        empty_value=None,
        label="Drill instances",
        # What a test needs, and no more: instances that are forgotten cost money until someone notices.
        initial=str(4 * _HOUR),
        help_text="Drill instances cost money while they run.",
        widget=UnfoldAdminSelectWidget,
    )
    reason = lines("Reason (optional)", rows=3, max_length=2000, help_text=_RECORDED)
    confirm = text(
        "Plan name", strip=False, attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
    )
    break_glass = tick(
        "Break-glass: start without approvals and despite blocking findings. This is recorded in the audit trail, "
        "shown everywhere, and must be reviewed."
    )

    replace_instances = NamesField()

    def __init__(
        self,
        *args: Any,
        kind: ExecutionKind,
        plan: Plan,
        may_break_glass: bool,
        stake: Choices = (),
        seen: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = seen
        self.initial["plan_revision"] = plan.version
        _offer(self, stake)
        unused = ["confirm", "break_glass"] if kind is ExecutionKind.DRILL else ["cleanup_after_seconds"]
        if not may_break_glass:
            unused.append("break_glass")
        for name in unused:
            self.fields.pop(name, None)
        if kind is ExecutionKind.RECOVERY:
            self.fields["reason"].label = "Reason"
            self.fields["reason"].help_text = "Required. Recorded in the audit trail and shown to the approvers."
            self.fields["confirm"].help_text = f"Type {plan.name} to confirm."
        self.initial.setdefault("shown_at", _signer().sign(timezone.now().isoformat()))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("moment") == _AT and values.get("point_in_time") is None and "point_in_time" not in self.errors:
            self.add_error("point_in_time", "Enter the point in time, or choose the latest state.")
        return values

    def show_again(self, seen: str, plan: Plan) -> None:
        """The page shows how it is now, so that is what it carries."""
        show_instead(self, {"seen": seen, "plan_revision": str(plan.version)})

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


class CommandForm(StakeErrorsMixin, forms.Form):
    """What is asked before a command is carried out. It carries what its reader saw (ADR 0034)."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    #: The `seen` of the basis that the page showed, where launching starts with it.
    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    comment = lines("Comment (optional)", rows=3, max_length=2000, help_text=_RECORDED)

    def __init__(self, *args: Any, scene: Scene, needs_comment: bool, launches: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scene, self.launches = scene, launches
        self.basis: BasisCard | None = None
        self.initial["shown"] = ""
        self.initial["seen"] = json.dumps(dumped(scene))
        if needs_comment:
            self.fields["comment"].label = "Comment"
            self.fields["comment"].help_text = f"Required. {_RECORDED}"

    def about(self) -> Collection[str] | None:
        """The names in the scene that what was pressed is about; None: all of them."""
        return None

    def check_seen(self, scene: Scene) -> None:
        """Raises `Conflict`, saying what has changed, unless everything stands as the page that was sent showed it."""
        seen = loaded(json_or_none(self.data.get("seen", "")))
        if seen is None:
            raise Conflict(f"{_NOT_DONE}the page that you sent did not say what it showed. {_LOOK}", code="stale_page")
        if found := changes(seen, scene, self.about()):
            more = f" And {len(found) - _TOLD} more changes." if len(found) > _TOLD else ""
            raise Conflict(
                f"{_NOT_DONE}it has changed since you opened the page. {' '.join(found[:_TOLD])}{more} {_LOOK}",
                code="stale_page",
            )

    def show_basis(self, basis: BasisCard) -> None:
        """The page shows it, and the form carries that it did."""
        self.basis = basis
        self.initial["shown"] = basis.seen

    def show_again(self, error: DomainError) -> None:
        """What was typed, beside what is so now, with the sentence that says why it was not done."""
        show_instead(self, {name: self.initial[name] for name in ("seen", "shown")})
        self.full_clean()
        if isinstance(error, Conflict):
            self.errors.clear()  # a choice that is gone is what the sentence is about
        self.add_domain_error(error)

    def asked(self) -> dict[str, Any]:
        """What the command's service takes."""
        shown = self.cleaned_data["shown"]
        return {"comment": self.cleaned_data["comment"], **({"seen": shown} if self.launches else {})}


class ApprovalForm(CommandForm):
    """The same, and which of the steps that wait is meant; none while the execution itself waits."""

    step = radios("Which step", (), initial="")

    def __init__(self, *args: Any, steps: Sequence[WaitingStep], chosen: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.steps = {step.scene_name: step for step in steps}
        if not steps:
            del self.fields["step"]
            return
        offer(self, "step", [(step.scene_name, step.label) for step in steps])
        self.fields["step"].error_messages["required"] = "Select the step that you mean."
        self.initial["step"] = chosen if chosen in self.steps or len(steps) > 1 else steps[0].scene_name
        self.order_fields(["step", "comment"])

    def about(self) -> Collection[str] | None:
        step = self.data.get("step")
        return {step} if step else None

    def asked(self) -> dict[str, Any]:
        step = self.steps.get(self.cleaned_data.get("step", ""))
        return {**super().asked(), "wave": step and step.wave, "step": step and step.name}


_WHOLE, _SERVERS, _STEP = "whole", "servers", "step:"


class WaveCommandForm(CommandForm):
    """The same for a command on a wave, or to servers or a step of it."""

    part = radios("Which part", (), initial=_WHOLE)
    servers = ticks("Servers")
    point_in_time = MomentField(
        required=False,
        label="Point in time (UTC)",
        help_text="Launch from the newest recovery snapshots at or before this time. Leave empty for the latest state.",
    )

    replace_instances = NamesField()

    def __init__(self, *args: Any, parts: WaveParts, stake: Choices = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = parts
        _offer(self, stake)
        choices = [(_WHOLE, parts.whole)]
        if parts.servers:
            choices.append((_SERVERS, "Only the servers selected below"))
        choices += [(f"{_STEP}{name}", f"Only step {name}") for name in parts.steps]
        offer(self, "part", choices)
        offer(self, "servers", parts.servers)
        if parts.only and "part" not in self.data:  # nothing to choose
            del self.fields["part"]
        if not parts.servers or "part" not in self.fields:
            del self.fields["servers"]
        if not parts.from_snapshot:
            del self.fields["point_in_time"]
        self.order_fields(["part", "servers", "point_in_time", "replace_instances", "comment"])

    def about(self) -> Collection[str] | None:
        part = self.data.get("part", "")
        if part == _SERVERS:
            servers = sent(self, "servers")
            return {self.parts.scene_name, *(self.parts.server_names.get(each, each) for each in servers)}
        if part.startswith(_STEP):
            step = part.removeprefix(_STEP)
            return {self.parts.scene_name, self.parts.step_names.get(step, step)}
        return None

    def asked(self) -> dict[str, Any]:
        values = self.cleaned_data
        part = values.get("part", _WHOLE)
        asked = {**super().asked(), "wave": self.parts.wave, "servers": None, "step": None}
        if part == _SERVERS:
            asked["servers"] = values["servers"]
        elif part.startswith(_STEP):
            asked["step"] = part.removeprefix(_STEP)
        if values.get("point_in_time"):
            asked["point_in_time"] = values["point_in_time"]
        if values.get("replace_instances"):
            asked["replace_instances"] = values["replace_instances"]
        return asked
