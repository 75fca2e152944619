"""What scenarios of the audit trail share."""

from __future__ import annotations

import pytest

from audit.holding import HOLDERS


@pytest.fixture
def only_executions_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Factories write sites, groups and plans that nobody records; the scenario is about the trail of executions."""
    for subject_type in ("site", "protection_group", "plan"):
        monkeypatch.delitem(HOLDERS, subject_type)
