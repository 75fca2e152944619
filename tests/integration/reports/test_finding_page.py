"""A finding on its page, where two people work on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from executions.models import Execution
from reports.services.findings import finding_add, finding_change
from tests.pages import text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]


def test_who_was_overtaken_keeps_what_was_typed_sees_what_is_saved_and_can_save(
    drill: Execution, omar: User, dana: User, browser_of: Callable[[User], Client]
) -> None:
    finding = finding_add(execution=drill, by=dana, title="DNS is slow", severity="low")
    page, browser = f"/admin/reports/finding/{finding.pk}/change/", browser_of(omar)
    typed = {"title": "DNS is slow", "severity": "low", "status": "open", "description": "For hours.", "version": "1"}
    finding_change(finding=finding, by=dana, changes={"owner": "network team"})

    answer = browser.post(page, typed)
    said = text_of(answer)
    assert answer.status_code == 412
    assert "Someone changed this finding while you were editing it. Nothing of yours was saved." in said
    assert "Owner: network team" in said
    assert "For hours." in answer.content.decode()

    assert 'name="version" value="2"' in answer.content.decode()
    assert browser.post(page, typed | {"owner": "network team", "version": "2"}).status_code == 302
    finding.refresh_from_db()
    assert (finding.owner, finding.description) == ("network team", "For hours.")
