"""What a run of a plan is for: entered on the plan, copied when an execution starts, and told by its report.

The fields are those that auditors ask for (docs/api.md, "What a run is for"). All are optional.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, TypedDict

from plans.core.fields import MAX_LINK, Fields

MAX_OWNER: Final = 200
MAX_FUNCTIONS: Final = 50
MAX_FUNCTION: Final = 200


class Scenario(StrEnum):
    """What is assumed to have happened."""

    REGION_LOSS = "region_loss"
    ZONE_LOSS = "zone_loss"
    DATA_CENTRE_LOSS = "data_centre_loss"
    RANSOMWARE = "ransomware"
    DATA_CORRUPTION = "data_corruption"
    SUPPLIER_FAILURE = "supplier_failure"
    OTHER = "other"


class PurposeDocument(TypedDict):
    #: Maximum tolerable period of disruption: how long the business can be without what the plan recovers.
    mtpd_seconds: int | None
    business_owner: str
    #: The critical or important functions of the business that the plan covers.
    business_functions: list[str]
    #: A `Scenario`, or empty.
    scenario_type: str
    scenario: str
    objectives: str
    assumptions: str
    expected_outcome: str
    #: An id, or a link, of the business impact analysis or the risk register.
    risk_reference: str
    #: What is left out of scope, and why.
    exclusions: str
    #: What a drill does not test, such as DNS, an identity provider, third parties.
    not_tested: str


def purpose_from(plan: Fields) -> PurposeDocument:
    """Read it from the document of a plan, whose fields it is among."""
    return PurposeDocument(
        mtpd_seconds=plan.seconds_or_none("mtpd_seconds"),
        business_owner=plan.line("business_owner", limit=MAX_OWNER),
        business_functions=plan.lines("business_functions", most=MAX_FUNCTIONS, limit=MAX_FUNCTION),
        scenario_type=plan.choice_or_empty("scenario_type", list(Scenario)),
        scenario=plan.text("scenario"),
        objectives=plan.text("objectives"),
        assumptions=plan.text("assumptions"),
        expected_outcome=plan.text("expected_outcome"),
        risk_reference=plan.line("risk_reference", limit=MAX_LINK),
        exclusions=plan.text("exclusions"),
        not_tested=plan.text("not_tested"),
    )


def purpose_of(row: object) -> PurposeDocument:
    """That of a plan, or of an execution: both have these columns."""
    found: Any = {name: getattr(row, name) for name in NAMES}
    return found


#: Of something that says nothing.
NO_PURPOSE: Final = purpose_from(Fields({}, "", "The plan", []))
#: Every field, as it is called in documents and as a column.
NAMES: Final = tuple(NO_PURPOSE)
