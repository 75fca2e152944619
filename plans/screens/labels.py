"""What the fields of a plan's document are called on screens: in its forms, and where differences are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from foundation.durations import exact
from foundation.wording import count, listing
from plans.core.document import LAUNCH_TIMEOUT_SECONDS, WaveDocument
from plans.core.steps import KINDS, OnFailure, StepKind
from plans.models import ON_FAILURE, STEP_KINDS, STEP_WHEN
from plans.purpose import SCENARIOS

OF_PLAN: Final[Mapping[str, str]] = {
    "name": "Name",
    "description": "Description",
    "contacts": "Contacts",
    "rto_target_seconds": "RTO target",
    "rpo_target_seconds": "RPO target",
    "approvals_required": "Approvals for a recovery",
    "mtpd_seconds": "MTPD",
    "business_owner": "Business owner",
    "business_functions": "Business functions",
    "scenario_type": "Type of scenario",
    "scenario": "Scenario",
    "objectives": "Objectives",
    "assumptions": "Assumptions",
    "expected_outcome": "Expected outcome",
    "risk_reference": "Risk reference",
    "exclusions": "Out of scope",
    "not_tested": "Not tested",
    "waves": "Order of the waves",
}
OF_WAVE: Final[Mapping[str, str]] = {
    "name": "Name",
    "depends_on": "Waits for",
    "protection_groups": "Protection groups",
    "minimum_success_percent": "Minimum success (%)",
    "on_failure": "If it fails",
    "start_delay_seconds": "Start delay",
    "launch_timeout_seconds": "Launch time-out",
    "steps": "Order of the steps",
}
OF_STEP: Final[Mapping[str, str]] = {
    "name": "Name",
    "description": "Description",
    "link": "Link",
    "when": "When",
    "kind": "Kind",
    "timeout_seconds": "Time-out",
    "on_failure": "If it fails",
    "parameters": "Parameters",
}
#: No two kinds of step mean different things by one name (`forms`).
OF_PARAMETER: Final[Mapping[str, str]] = {
    parameter.name: parameter.label for kind in KINDS.values() for parameter in kind.parameters
}
#: Values that a form shows as a choice, in its words.
CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "on_failure": dict(ON_FAILURE),
    "when": dict(STEP_WHEN),
    "kind": dict(STEP_KINDS),
    "scenario_type": dict(SCENARIOS),
}


def wave_settings(wave: WaveDocument) -> Iterator[str]:
    """What differs from the defaults, in a few words each."""
    if wave["minimum_success_percent"] < 100:
        yield f"minimum success {wave['minimum_success_percent']} %"
    if wave["on_failure"] == OnFailure.CONTINUE:
        yield "the other waves continue if it fails"
    if wave["start_delay_seconds"]:
        yield f"waits {exact(wave['start_delay_seconds'])} before launching"
    if wave["launch_timeout_seconds"] != LAUNCH_TIMEOUT_SECONDS:
        yield f"launch time-out {exact(wave['launch_timeout_seconds'])}"


def wave_words(wave: WaveDocument) -> str:
    """All of a wave that its name and what it waits for do not say, in a line."""
    groups, steps = wave["protection_groups"], [step["name"] for step in wave["steps"]]
    parts = [listing(groups, most=None) if groups else "no protection groups"]
    if steps:
        parts.append(f"{count(len(steps), 'step')}: {listing(steps, most=None)}")
    return "; ".join([*parts, *wave_settings(wave)])


def step_words(step: Mapping[str, Any]) -> str:
    """All of a step that its name does not say, in a line. It may be one that was saved long ago."""
    kind = KINDS[StepKind(step["kind"])]
    about = kind.about(step.get("parameters") or {})
    when = CHOICES["when"].get(step.get("when", ""), "")
    return ", ".join(part for part in (f"{kind.words} {about}".strip(), when) if part)
