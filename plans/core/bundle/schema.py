"""The documents as JSON Schema (draft 2020-12), for editors: what may stand where, and what it means.

It is made from what reads the documents. What depends on others, such as whether a group exists, it cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from foundation.names import MAX_NAME
from plans.core.bundle.documents import KIND, RENAMED_FROM, Kind
from plans.core.document import LAUNCH_TIMEOUT_SECONDS, MAX_APPROVALS, MAX_STEPS, MAX_WAVES, STEP_TIMEOUT_SECONDS
from plans.core.fields import MAX_LINK, MAX_SECONDS, MAX_TEXT
from plans.core.purpose import MAX_FUNCTION, MAX_FUNCTIONS, MAX_OWNER, Scenario
from plans.core.steps import KINDS, OnFailure, StepWhen
from protection.core.tag_selector import TAG_KEY_LENGTH, TAG_VALUE_LENGTH

Schema = dict[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def document_schema() -> Schema:
    """Of one document: a site, a protection group or a plan, by its `kind`."""
    by_kind: Mapping[Kind, Schema] = {Kind.SITE: _site(), Kind.GROUP: _group(), Kind.PLAN: _plan()}
    return {
        "$schema": _DIALECT,
        "title": "drsorch: a site, a protection group or a recovery plan",
        "type": "object",
        "required": [KIND, "name"],
        "properties": {KIND: {"enum": [kind.value for kind in Kind]}},
        # By its kind, and not one of three: so an editor says what is wrong with this kind.
        "allOf": [
            {
                "if": {"properties": {KIND: {"const": kind.value}}, "required": [KIND]},
                "then": {"$ref": f"#/$defs/{kind.value}"},
            }
            for kind in Kind
        ],
        "$defs": {kind.value: _document(kind, schema) for kind, schema in by_kind.items()} | {"step": _step()},
    }


def _document(kind: Kind, schema: Schema) -> Schema:
    head = {
        KIND: {"const": kind.value},
        RENAMED_FROM: _text("The name that it had before. May stay after it was applied.", MAX_NAME),
    }
    return {**schema, "title": kind.words, "properties": {**head, **schema["properties"]}}


def _object(properties: Mapping[str, Schema], *required: str) -> Schema:
    """Nothing is ignored: a misspelt member is an error."""
    return {
        "type": "object", "required": list(required), "properties": dict(properties), "additionalProperties": False
    }  # fmt: skip


def _text(description: str = "", longest: int = MAX_TEXT) -> Schema:
    return {"type": "string", "maxLength": longest, **({"description": description} if description else {})}


def _name(what: str) -> Schema:
    return {**_text(f"{what} One line, without “/”, not digits alone.", MAX_NAME), "minLength": 1}


def _seconds(description: str, default: int | None = None, low: int = 0) -> Schema:
    found: Schema = {"type": "integer", "minimum": low, "maximum": MAX_SECONDS, "description": description}
    return found if default is None else {**found, "default": default}


def _seconds_or_null(description: str) -> Schema:
    return {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_SECONDS, "description": description}


def _list(items: Schema, description: str, most: int | None = None) -> Schema:
    found: Schema = {"type": "array", "items": items, "description": description}
    return found if most is None else {**found, "maxItems": most}


def _site() -> Schema:
    properties = {
        "name": _name("What the site is called."),
        "account_id": {"type": "string", "pattern": "^[0-9]{12}$", "description": "The AWS account, in quotes."},
        "region": _text("For example eu-central-1.", 32),
        "role_arn": {
            "type": ["string", "null"],
            "maxLength": 2048,
            "description": "The role to assume; empty: drsorch's own credentials. Null, or left out: stays as it is.",
        },
        "endpoint_url": _text("Empty for AWS's default endpoint.", 500),
        "job_tags": {"type": "boolean", "default": True, "description": "Tag DRS jobs, to find one that was lost."},
    }
    return _object(properties, KIND, "name", "account_id", "region")


def _group() -> Schema:
    values = _list({"type": "string", "maxLength": TAG_VALUE_LENGTH}, "Any of these values.")
    properties = {
        "name": _name("What the protection group is called."),
        "description": _text(),
        "site": _name("The site that its servers are at."),
        "servers": _list({"type": "string"}, "Source server ids, selected one by one."),
        "tag_selector": {
            "type": "object",
            "propertyNames": {"maxLength": TAG_KEY_LENGTH},
            "additionalProperties": {**values, "minItems": 1},
            "description": "All keys must match, each with any of its values.",
            "examples": [{"App": ["shop"], "Tier": ["db", "cache"]}],
        },
    }
    return _object(properties, KIND, "name", "site")


def _plan() -> Schema:
    functions = _list(_text("", MAX_FUNCTION), "Functions of the business that the plan covers.", MAX_FUNCTIONS)
    properties = {
        "name": _name("What the plan is called."),
        "description": _text(),
        "contacts": _text("Whom to call; printed in the runbook."),
        "rto_target_seconds": _seconds_or_null("Recovery time objective; null for none."),
        "rpo_target_seconds": _seconds_or_null("Recovery point objective; null for none."),
        "approvals_required": {
            "type": "integer", "minimum": 0, "maximum": MAX_APPROVALS, "default": 1,
            "description": "Approvals that a real recovery needs; a drill needs none.",
        },
        "mtpd_seconds": _seconds_or_null("Maximum tolerable period of disruption; not shorter than the RTO target."),
        "business_owner": _text("Who answers for what the plan recovers.", MAX_OWNER),
        "business_functions": functions,
        "scenario_type": {"enum": ["", *(scenario.value for scenario in Scenario)]},
        "scenario": _text("What is assumed to have happened."),
        "objectives": _text("What a run is to show."),
        "assumptions": _text("What must hold for it to work."),
        "expected_outcome": _text("How one can tell that it succeeded."),
        "risk_reference": _text("Of the business impact analysis or the risk register.", MAX_LINK),
        "exclusions": _text("What is left out of scope, and why."),
        "not_tested": _text("What a drill does not test."),
        "waves": _list(_wave(), "In order; each follows the one above it unless it says otherwise.", MAX_WAVES),
    }  # fmt: skip
    return _object(properties, KIND, "name")


def _wave() -> Schema:
    on_failure = {"enum": [one.value for one in OnFailure], "default": OnFailure.STOP.value}
    properties = {
        "name": _name("What the wave is called."),
        "depends_on": {
            "type": ["array", "null"], "items": {"type": "string"},
            "description": "Names of waves to wait for. Left out: the wave above. []: starts immediately.",
        },
        "protection_groups": _list({"type": "string"}, "Names; a group can be in one wave of a plan."),
        "minimum_success_percent": {"type": "integer", "minimum": 0, "maximum": 100, "default": 100},
        "on_failure": on_failure,
        "start_delay_seconds": _seconds("Waited before it starts.", 0),
        "launch_timeout_seconds": _seconds("A launch that takes longer has failed.", LAUNCH_TIMEOUT_SECONDS, 1),
        "steps": _list({"$ref": "#/$defs/step"}, "What is done before or after the launches.", MAX_STEPS),
    }  # fmt: skip
    return _object(properties, "name")


def _step() -> Schema:
    properties = {
        "name": _name("What the step is called."),
        "description": _text("For the person who carries it out or approves it."),
        "link": _text("An https address that says more.", MAX_LINK),
        "when": {"enum": [one.value for one in StepWhen]},
        "kind": {"enum": [kind.value for kind in KINDS]},
        "timeout_seconds": _seconds("After this it has failed.", STEP_TIMEOUT_SECONDS, 1),
        "on_failure": {"enum": [one.value for one in OnFailure], "default": OnFailure.STOP.value},
        "parameters": {"type": "object", "description": "By the step's kind."},
    }
    by_kind = [
        {
            "if": {"properties": {"kind": {"const": kind.value}}, "required": ["kind"]},
            "then": {
                "properties": {"parameters": about.schema()},
                **({"required": ["parameters"]} if any(one.required for one in about.parameters) else {}),
            },
        }
        for kind, about in KINDS.items()
    ]
    return {**_object(properties, "name", "when", "kind"), "allOf": by_kind}
