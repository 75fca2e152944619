"""What nobody can change any more without it being found."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from audit import verification
from audit.once.append_only import AppendOnlyError
from executions.models import Execution
from executions.services.controlling import execution_cleanup
from reports.models import Evidence, SignOff
from reports.sealing import evidence_current
from reports.services.findings import finding_add, finding_change
from reports.services.notes import validated_set
from reports.services.signing import sign_off
from tests.harness import EngineHarness

pytestmark = pytest.mark.either_database


def tampered(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_what_was_sealed_is_never_changed_by_the_program(sealed: Evidence, drill: Execution, dana: User) -> None:
    sign_off(execution=drill, by=dana, role="owner")
    for model in (Evidence, SignOff):
        with pytest.raises(AppendOnlyError):
            model._default_manager.update(**({"because": "x"} if model is Evidence else {"statement": "x"}))
        with pytest.raises(AppendOnlyError):
            model._default_manager.all().delete()


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE reports_evidence SET sha256 = 'x' WHERE version = 1", "evidence .*: sha256 is x"),
        ("UPDATE reports_evidence SET because = 'changed'", "because is changed, sealed as ended"),
        ("DELETE FROM reports_evidence", "the row was deleted after it was sealed"),
        ("UPDATE reports_signoff SET statement = 'Perfect.'", "statement is Perfect., sealed as Fine."),
        ("DELETE FROM reports_signoff", "sign-off .*the row was deleted"),
        ("UPDATE reports_finding SET severity = 'low'", "finding .*: severity is low, sealed as high"),
        ("DELETE FROM reports_finding", "finding .*the row was deleted"),
        ("UPDATE reports_dossier SET validated_by_name = 'petra'", "validated_by_name is petra, sealed as omar"),
        ("UPDATE executions_execution SET outcome = 'All well.'", "outcome is All well."),
    ],
)
def test_a_row_that_is_changed_in_the_database_is_found(
    harness: EngineHarness, drill: Execution, omar: User, dana: User, sql: str, told: str
) -> None:
    harness.keeps_to_the_record = False
    finding_add(execution=drill, by=omar, title="DNS", severity="high")
    validated_set(execution=drill, by=omar)
    sign_off(execution=drill, by=dana, role="owner", statement="Fine.")
    evidence_current(drill)
    assert verification.faults(drill) == []
    if sql.startswith("DELETE FROM reports_evidence"):
        tampered("DELETE FROM reports_anchor")
    tampered(sql)
    found = verification.faults(drill)
    assert any(re.search(told, fault) for fault in found), found


def test_one_byte_of_a_sealed_report_is_found(harness: EngineHarness, sealed: Evidence, drill: Execution) -> None:
    harness.keeps_to_the_record = False
    data = bytearray(sealed.data)
    data[len(data) // 2] ^= 1
    changed = ["evidence version 1: its content was changed after it was sealed."]
    tampered("UPDATE reports_evidence SET data = %s", bytes(data))
    assert verification.faults(drill) == changed
    if connection.vendor == "sqlite":
        # A text that is no text there.
        tampered("UPDATE reports_evidence SET data = CAST(x'78ff00fe' AS TEXT)")
        assert verification.faults(drill) == changed


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE reports_finding SET severity = 'low'", r"finding \d+: severity is not what its events say"),
        ("UPDATE reports_finding SET added_by_name = 'petra'", r"finding \d+: added_by_name is not"),
        ("UPDATE reports_finding SET settled_by_name = 'petra'", r"finding \d+: settled_by_name is not"),
        ("DELETE FROM reports_finding", r"finding \d+: the row was removed"),
        ("UPDATE reports_signoff SET statement = 'Perfect.'", "sign-off as owner, .*: statement is not"),
        ("UPDATE reports_signoff SET user_name = 'petra'", "sign-off as owner, .*: user_name is not"),
        ("UPDATE reports_signoff SET role = 'reviewer'", "sign-off as owner, .*: the row was removed"),
        ("DELETE FROM reports_signoff", "sign-off as owner, .*: the row was removed"),
        ("UPDATE reports_dossier SET validated_comment = 'Perfect.'", "validation: validated_comment is not"),
        ("DELETE FROM reports_evidence WHERE version = 2", "version 2 was sealed twice"),
    ],
)
def test_what_was_changed_is_found_also_after_something_else_has_been_sealed(
    harness: EngineHarness, drill: Execution, omar: User, dana: User, sql: str, told: str
) -> None:
    """The next event that seals these rows must not make it good."""
    harness.keeps_to_the_record = False
    finding = finding_add(execution=drill, by=omar, title="DNS", severity="high", description="Long. " * 100)
    finding_change(finding=finding, by=dana, changes={"status": "accepted", "resolution": "It is rare."})
    validated_set(execution=drill, by=omar, comment="Orders can be placed.")
    sign_off(execution=drill, by=dana, role="owner", statement="Fine.")
    evidence_current(drill)
    assert verification.faults(drill) == []
    tampered(sql)
    finding_add(execution=drill, by=omar, title="Slow", severity="low")
    evidence_current(drill)
    found = verification.faults(drill)
    assert any(re.search(told, fault) for fault in found), found


@pytest.mark.parametrize("change", ["rto_actual_seconds = 1", "rpo_actual_seconds = NULL", "outcome = 'All is well.'"])
def test_what_was_achieved_is_not_better_after_a_clean_up(
    harness: EngineHarness, drill: Execution, omar: User, change: str
) -> None:
    """A clean-up seals the result once more."""
    harness.keeps_to_the_record = False
    tampered(f"UPDATE executions_execution SET {change}")
    execution_cleanup(execution=Execution.objects.get(pk=drill.pk), by=omar)
    harness.run(drill, until=lambda: Execution.objects.get(pk=drill.pk).cleanup_status == "succeeded")
    [fault] = verification.faults(drill)
    assert fault.startswith(change.split(maxsplit=1)[0])
    assert json.loads(evidence_current(drill).json)["evidence"]["verified"] is False
