"""What a run is for: one list of fields, which the document, the rows of plans and those of executions all have."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from django.db.models import Model
from hypothesis import given

from executions.models import Execution
from executions.sealing import COLUMNS, FROZEN
from plans.api import PlanSerializer, PurposeSerializer
from plans.core.document import normalise
from plans.core.purpose import NAMES, NO_PURPOSE, PurposeDocument, purpose_of
from plans.models import Plan
from plans.purpose import SCENARIOS, Purpose
from plans.screens.purpose import purpose_card, purpose_lines, purpose_sentence
from tests.unit.plans.documents import GROUPS, plans
from tests.unit.plans.test_refusals_word_by_word import plan, refusals

# fmt: off
#: (document, path, code, how the sentence goes on after "The plan")
REFUSED = [
    (plan(mtpd_seconds=0), "mtpd_seconds", "invalid",
     ": mtpd_seconds must be a whole number of seconds from 1 to 31536000, not 0."),
    (plan(business_owner=None), "business_owner", "invalid", ": business owner must be text, not null."),
    (plan(business_owner="x" * 201), "business_owner", "invalid",
     ": business owner is 201 characters long; the maximum is 200."),
    (plan(business_owner="two\nlines"), "business_owner", "invalid",
     ": business owner must be one line of printable characters."),
    (plan(business_functions="Orders"), "business_functions", "not_a_list",
     ": business_functions must be a list, not “Orders”."),
    (plan(business_functions=[str(n) for n in range(51)]), "business_functions", "invalid",
     " has 51 business functions; the maximum is 50."),
    *((plan(business_functions=["Orders", function]), "business_functions.1", "invalid",
       f": each of its business functions must be one line of 1 to 200 printable characters, not {shown}.")
      for function, shown in [(5, "5"), (None, "null"), (" ", "“”"), ("a\nb", "“a b”"),
                              ("x" * 201, f"“{'x' * 59}…”")]),
    (plan(business_functions=["Orders", " Orders "]), "business_functions.1", "twice",
     " has “Orders” twice in business functions."),
    *((plan(scenario_type=odd), "scenario_type", "invalid_choice",
       ": scenario_type must be region_loss, zone_loss, data_centre_loss, ransomware, data_corruption, "
       f"supplier_failure or other, not {shown}.")
      for odd, shown in [("flood", "“flood”"), (None, "null"), (["other"], "a list")]),
    *((plan(**{name: "x" * 10_001}), name, "invalid",
       f": {name.replace('_', ' ')} is 10001 characters long; the maximum is 10000.")
      for name in ("scenario", "objectives", "assumptions", "expected_outcome", "exclusions", "not_tested")),
    (plan(risk_reference="x" * 2001), "risk_reference", "invalid",
     ": risk reference is 2001 characters long; the maximum is 2000."),
    (plan(risk_reference="two\nlines"), "risk_reference", "invalid",
     ": risk reference must be one line of printable characters."),
]
# fmt: on


@pytest.mark.parametrize("model", [Plan, Execution])
def test_a_plan_and_an_execution_have_the_same_columns(model: type[Model]) -> None:
    assert [field.name for field in Purpose._meta.local_fields] == list(NAMES) == list(get_type_hints(PurposeDocument))
    assert set(NAMES) <= {field.attname for field in model._meta.concrete_fields}


def test_every_field_is_sealed_and_answered() -> None:
    assert set(NAMES) <= set(COLUMNS[FROZEN][Execution])
    assert list(PurposeSerializer().fields) == list(NAMES)
    assert set(NAMES) <= set(PlanSerializer().fields)
    assert {value for value, _ in SCENARIOS} == set(PurposeSerializer().fields["scenario_type"].choices)


@given(plans())
def test_what_a_plan_says_is_what_its_execution_says(raw: dict[str, Any]) -> None:
    document: Any = normalise(raw, groups=GROUPS)
    row = Execution(**{name: document[name] for name in NAMES})
    assert purpose_of(row) == {name: raw.get(name, NO_PURPOSE[name]) for name in NAMES}


@pytest.mark.parametrize(("raw", "path", "code", "goes_on"), REFUSED)
def test_what_is_wrong_is_refused_word_by_word(raw: object, path: str, code: str, goes_on: str) -> None:
    assert refusals(raw) == [(path, code, f"The plan{goes_on}")]


def test_the_business_cannot_give_up_before_the_plan_is_to_be_over() -> None:
    sentence = "The maximum tolerable period of disruption, 59 min 59 s, is shorter than the RTO target, 1 h."
    assert refusals(plan(rto_target_seconds=3600, mtpd_seconds=3599)) == [("mtpd_seconds", "too_short", sentence)]
    assert refusals(plan(rto_target_seconds=3600, mtpd_seconds=3600)) == []


@pytest.mark.parametrize(
    "raw",
    [
        plan(mtpd_seconds=31_536_000, business_owner="x" * 200, risk_reference="x" * 2000, scenario_type=""),
        plan(business_functions=[f"{n:0200}" for n in range(50)]),
        plan(**dict.fromkeys(["scenario", "objectives", "assumptions", "expected_outcome"], "x" * 10_000)),
        plan(**dict.fromkeys(["exclusions", "not_tested"], "x" * 10_000)),
    ],
)
def test_what_is_just_within_the_limits_is_taken(raw: object) -> None:
    assert refusals(raw) == []


def test_what_does_not_say_has_none() -> None:
    assert NO_PURPOSE == {
        "mtpd_seconds": None,
        "business_owner": "",
        "business_functions": [],
        "scenario_type": "",
        "scenario": "",
        "objectives": "",
        "assumptions": "",
        "expected_outcome": "",
        "risk_reference": "",
        "exclusions": "",
        "not_tested": "",
    }


def test_lines_are_trimmed_and_texts_are_kept() -> None:
    lines = plan(business_owner=" Erik ", business_functions=[" Orders ", "Cafe\u0301"], risk_reference=" BIA-7 ")
    document = normalise({**lines, "scenario": " In words.\n"}, groups=GROUPS)
    assert (document["business_owner"], document["business_functions"]) == ("Erik", ["Orders", "Caf\u00e9"])
    assert (document["risk_reference"], document["scenario"]) == ("BIA-7", " In words.\n")


def test_a_page_shows_what_is_filled_in_and_the_most_important_first() -> None:
    document = normalise(
        plan(not_tested="DNS", risk_reference="https://x/", scenario="Fire.", mtpd_seconds=90), groups=GROUPS
    )
    card = purpose_card(document)
    assert card is not None
    assert [(line.label, line.text, line.is_wide) for line in card.first] == [
        ("MTPD", "1 min 30 s", False),
        ("Scenario", "Fire.", True),
    ]
    assert [(line.label, line.text, line.is_link) for line in card.more] == [
        ("Risk reference", "https://x/", True),
        ("Not tested", "DNS", False),
    ]
    assert purpose_lines(document) == (*card.first, *card.more)
    assert purpose_card(NO_PURPOSE) is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"business_owner": "Dana", "business_functions": ["Orders"]}, ""),
        ({"objectives": "Learn."}, "Scenario: described in the plan."),
        (
            {"scenario_type": "ransomware", "business_owner": "Dana", "business_functions": ["Orders", "Returns"]},
            "Scenario: ransomware. Business functions: Orders and Returns. Business owner: Dana.",
        ),
    ],
)
def test_the_least_that_a_report_needs_is_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    assert purpose_sentence(normalise(plan(**fields), groups=GROUPS)) == sentence
