"""What the OpenAPI document says of each kind of step, word by word: clients are made from it."""

from __future__ import annotations

from typing import Any

import pytest

from plans.core.steps import KINDS, StepKind

SITE = {"type": "string", "maxLength": 100, "description": "Leave empty to use the site of the wave's servers."}
RETRIES = {"type": "integer", "minimum": 0, "maximum": 10, "default": 0}
EVERY_SECONDS = {"type": "integer", "minimum": 1, "maximum": 31536000, "default": 10}
LISTS_BY_NAME = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
    "description": 'Lists of values by name, for example {"Commands": ["uptime"]}.',
}
DOCUMENT_NAME = {"type": "string", "maxLength": 256, "minLength": 1}
DOCUMENT_VERSION = {"type": "string", "maxLength": 64}

SCHEMAS: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "approval": ("approval", [], {"instructions": {"type": "string", "maxLength": 10000}}),
    "wait": ("wait", ["seconds"], {"seconds": {"type": "integer", "minimum": 1, "maximum": 31536000}}),
    "http_check": (
        "HTTP check",
        ["url"],
        {
            "url": {"type": "string", "maxLength": 2000, "minLength": 1},
            "expected_status": {"type": "integer", "minimum": 100, "maximum": 599, "default": 200},
            "every_seconds": EVERY_SECONDS,
            "contains": {"type": "string", "maxLength": 10000},
        },
    ),
    "tcp_check": (
        "TCP check",
        ["host", "port"],
        {
            "host": {"type": "string", "maxLength": 253, "minLength": 1},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "every_seconds": EVERY_SECONDS,
        },
    ),
    "ssm_automation": (
        "SSM Automation",
        ["document_name"],
        {
            "document_name": DOCUMENT_NAME,
            "document_version": DOCUMENT_VERSION,
            "parameters": LISTS_BY_NAME,
            "site": SITE,
            "retries": RETRIES,
        },
    ),
    "ssm_command": (
        "SSM Run Command",
        ["document_name"],
        {
            "document_name": DOCUMENT_NAME,
            "document_version": DOCUMENT_VERSION,
            "parameters": LISTS_BY_NAME,
            "instance_ids": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "description": "Leave empty to use the instances that the wave has launched.",
            },
            "site": SITE,
            "retries": RETRIES,
        },
    ),
    "lambda": (
        "Lambda function",
        ["function_name"],
        {
            "function_name": {"type": "string", "maxLength": 256, "minLength": 1},
            "payload": {"type": "object", "additionalProperties": True, "description": "A JSON object."},
            "site": SITE,
            "retries": RETRIES,
        },
    ),
}


@pytest.mark.parametrize("kind", StepKind)
def test_the_schema_of_a_kind(kind: StepKind) -> None:
    title, required, properties = SCHEMAS[kind]
    assert KINDS[kind].schema() == {
        "type": "object",
        "title": title,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
