"""Kinds of step, and what the OpenAPI document says of them."""

from __future__ import annotations

from typing import Any

import pytest

from plans.core.fields import Fields
from plans.core.steps import KINDS, StepKind


def test_every_kind_is_in_the_registry() -> None:
    assert list(KINDS) == list(StepKind)


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("approval", {"instructions": "Ask the DBA."}),
        ("wait", {"seconds": 60}),
        ("http_check", {"url": "https://shop.example.com/health", "contains": "ok"}),
        ("tcp_check", {"host": "10.0.0.5", "port": 5432}),
        ("ssm_automation", {"document_name": "Swing-DNS", "document_version": "3", "site": "Dublin"}),
        ("ssm_command", {"document_name": "D", "parameters": {"commands": ["uptime"]}, "instance_ids": ["i-1"]}),
        ("lambda", {"function_name": "f", "payload": {"a": 1}, "retries": 2}),
    ],
)
def test_what_is_accepted_and_what_is_kept_have_the_members_of_the_schema(kind: str, sent: dict[str, Any]) -> None:
    errors: list[Any] = []
    kept = KINDS[StepKind(kind)].read(Fields.of(sent, "", "It", errors))
    assert errors == []
    schema = KINDS[StepKind(kind)].schema()
    for document in (sent, kept):
        assert set(schema["required"]) <= document.keys() <= schema["properties"].keys()


@pytest.mark.parametrize("kind", StepKind)
def test_a_schema_asks_for_what_the_core_asks_for(kind: StepKind) -> None:
    errors: list[Any] = []
    KINDS[kind].read(Fields.of({}, "", "It", errors))
    assert [error.attr for error in errors if error.code == "required"] == KINDS[kind].schema()["required"]


@pytest.mark.parametrize(
    ("kind", "stored", "about"),
    [
        ("approval", {}, ""),
        ("wait", {"seconds": 90}, "1 min 30 s"),
        ("http_check", {"url": "https://x/"}, "https://x/"),
        ("tcp_check", {"host": "db", "port": 5432}, "db:5432"),
        ("ssm_command", {"document_name": "D"}, "D"),
        ("lambda", {}, ""),
    ],
)
def test_a_step_is_told_from_another_by_one_thing(kind: str, stored: dict[str, Any], about: str) -> None:
    assert KINDS[StepKind(kind)].about(stored) == about
