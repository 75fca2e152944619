"""With which settings drsorch was started."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError

from audit.models import Event
from drsorch.observing import started
from drsorch.observing.started import settings_facts, start_record

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]


def told() -> list[tuple[str, str]]:
    return [(event.type, event.subject_id) for event in Event.objects.filter(subject_type="settings").order_by("id")]


def test_the_same_settings_are_recorded_once_for_each_kind_of_process() -> None:
    for process in ("web", "worker", "web", "worker"):
        start_record(process)
    assert told() == [("settings.recorded", "web"), ("settings.recorded", "worker")]


def test_a_changed_setting_is_recorded_before_and_after_at_the_next_start(settings: Any) -> None:
    start_record("web")
    was = settings.DRSORCH_SYNC_SECONDS
    settings.DRSORCH_SYNC_SECONDS = 60
    start_record("web")
    changed = Event.objects.get(type="settings.changed")
    assert changed.detail["before"] == {"DRSORCH_SYNC_SECONDS": was}
    assert changed.detail["after"] == {"DRSORCH_SYNC_SECONDS": 60}


def test_no_secret_is_among_them(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DRSORCH_SIGNING_KEYS = "hush"
    settings.DRAMATIQ_BROKER_URL = "redis://user:hush@host/0"
    monkeypatch.setitem(settings.DATABASES, "default", {**settings.DATABASES["default"], "PASSWORD": "hush"})
    facts = settings_facts()
    assert "hush" not in str(facts)
    assert str(settings.SECRET_KEY) not in str(facts)
    assert facts["broker"] == "redis"


def test_drsorch_starts_also_where_its_settings_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*args: Any) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(started, "_record", fails)
    start_record("web")
    assert "settings_not_recorded" in caplog.text
