"""What fields are called where a plan's differences are shown: what its forms call them, and never as the code does."""

from __future__ import annotations

import re
from typing import Any, get_type_hints

import pytest

from plans.core.differences import differences
from plans.core.document import PlanDocument, StepDocument, WaveDocument, normalise
from plans.core.steps import KINDS
from plans.screens import labels
from plans.screens.forms import PlanForm, StepForm, WaveForm
from plans.screens.revisions import diff_lines, where_words
from tests.unit.plans.documents import GROUPS, step, web_shop


@pytest.mark.parametrize(
    ("known", "document", "form"),
    [
        (labels.OF_PLAN, PlanDocument, PlanForm),
        (labels.OF_WAVE, WaveDocument, WaveForm),
        (labels.OF_STEP, StepDocument, StepForm),
    ],
)
def test_every_field_of_a_document_has_a_label_and_it_is_that_of_its_form(
    known: dict[str, str], document: type, form: Any
) -> None:
    assert set(known) == set(get_type_hints(document))
    fields = {name: str(field.label) for name, field in form.base_fields.items() if name in known}
    assert fields == {name: known[name] for name in fields}
    assert len(fields) >= len(known) - 1


def test_every_parameter_of_a_step_has_the_label_of_its_form() -> None:
    shown = {name: str(field.label) for name, field in StepForm().fields.items()}
    for kind in KINDS.values():
        for parameter in kind.parameters:
            assert labels.OF_PARAMETER[parameter.name] == shown[parameter.name]


@pytest.mark.parametrize(
    ("path", "whole", "words"),
    [
        ("rto_target_seconds", False, "RTO target"),
        ("waves", False, "Order of the waves"),
        ("waves.App.minimum_success_percent", False, "Wave App › Minimum success (%)"),
        ("waves.App 1.2", True, "Wave App 1.2"),
        ("waves.App 1.2.on_failure", False, "Wave App 1.2 › If it fails"),
        ("waves.App.steps", False, "Wave App › Order of the steps"),
        ("waves.App.steps.Check v1.0", True, "Wave App › Step Check v1.0"),
        ("waves.App.steps.Check v1.0.timeout_seconds", False, "Wave App › Step Check v1.0 › Time-out"),
        ("waves.App.steps.Check.parameters.expected_status", False, "Wave App › Step Check › Expected status"),
        ("protection groups.shop-db", False, "Wave of protection group shop-db"),
        ("a_field_of_later", False, "A field of later"),
    ],
)
def test_where_something_is_is_said_in_words(path: str, whole: bool, words: str) -> None:
    assert where_words(path, whole=whole) == words


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[str, str]]:
    old, new = (dict(normalise(one, groups=GROUPS)) for one in (before, after))
    return {line.where: (line.before, line.after) for line in diff_lines(differences(old, new))}


def test_values_are_said_as_the_forms_say_them() -> None:
    before, after = web_shop(), web_shop()
    before["waves"][0]["steps"] = [step("wait", {"seconds": 5}, name="Settle", when="after")]
    before["rto_target_seconds"] = 3600
    after["waves"][0] |= {"on_failure": "continue", "start_delay_seconds": 90}
    after["waves"][0]["steps"] = [step("wait", {"seconds": 120}, name="Settle")]
    assert changed(before, after) == {
        "RTO target": ("1 h", "none"),
        "Wave Databases › If it fails": ("stop the execution", "continue"),
        "Wave Databases › Start delay": ("0 s", "1 min 30 s"),
        "Wave Databases › Step Settle › When": ("after the wave", "before the wave"),
        "Wave Databases › Step Settle › Wait": ("5 s", "2 min"),
    }


def test_a_wave_or_a_step_that_is_new_or_removed_is_said_whole() -> None:
    before, after = web_shop(), web_shop()
    gone = before["waves"][-1]
    after["waves"][-1] = {**gone, "name": "Front", "minimum_success_percent": 50}
    after["waves"][0]["steps"] = [step("wait", {"seconds": 5}, name="Settle")]
    found = changed(before, after)
    assert found["Wave Web"][1] == "removed"
    assert found["Wave Front"][0] == "not there"
    assert found["Wave Front"][1].endswith("minimum success 50 %")
    assert found["Wave Databases › Step Settle"] == ("not there", "wait 5 s, before the wave")


def test_no_line_has_a_name_of_the_code_in_it() -> None:
    before, after = web_shop(), web_shop()
    after["waves"] = after["waves"][:1]
    after |= {"contacts": "Dana", "rpo_target_seconds": 60, "approvals_required": 2}
    for where, values in changed(before, after).items():
        assert not re.search(r"[a-z]_[a-z]", " ".join([where, *values])), where


def test_a_step_is_asked_for_its_parameters_in_the_order_of_its_kind() -> None:
    rows = [(field.name, shown) for field, shown in StepForm().rows()]
    for kind, of in KINDS.items():
        asked = [name for name, shown in rows if f'"{kind.value}"' in shown]
        assert asked == [parameter.name for parameter in of.parameters]
