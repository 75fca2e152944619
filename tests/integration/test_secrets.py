"""A secret of the configuration is in no answer, no event and no figure. In the log: `test_one_line_a_request`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client

from audit.models import Event
from drsorch.environment import BY_NAME
from drsorch.observing import started
from tests.integration.test_one_line_a_request import HOLDERS, SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
#: boto3 reads these itself, and Django's settings do not have them.
ELSEWHERE = {name for name in HOLDERS if name.startswith("AWS_")}


@pytest.fixture
def marked(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting that is, or holds, a secret has the same one."""
    for name in HOLDERS.keys() - ELSEWHERE - {"DATABASE_URL", "DRSORCH_AUDIT_KEYS", "SECRET_KEY_FALLBACKS"}:
        setattr(settings, name, HOLDERS[name] if name == "DRAMATIQ_BROKER_URL" else SECRET)
    settings.DRSORCH_AUDIT_KEYS = (("2026-11", SECRET),)
    settings.SECRET_KEY_FALLBACKS = [SECRET]
    settings.DRAMATIQ_BROKER_URL = HOLDERS["DRAMATIQ_BROKER_URL"].replace("cache:6379", "127.0.0.1:1")
    monkeypatch.setitem(django_settings.DATABASES["default"], "PASSWORD", SECRET)
    for name in ELSEWHERE:
        monkeypatch.setenv(name, SECRET)


def test_the_table_is_of_every_secret_there_is() -> None:
    assert {one.name for one in BY_NAME.values() if one.kind.secret} <= HOLDERS.keys()
    # What is recorded of settings goes by their names.
    unlike = {name for name in HOLDERS.keys() - ELSEWHERE if not any(word in name for word in started._SECRET)}
    assert unlike == set()


def test_no_secret_of_the_configuration_is_in_what_is_recorded_of_a_start(marked: None) -> None:
    started.start_record("web")
    event = Event.objects.filter(subject_type="settings").latest("pk")
    assert SECRET not in json.dumps([event.detail, event.origin, event.subject])


def test_no_secret_of_the_configuration_is_in_an_answer(
    marked: None, ada: User, browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(ada)
    browser.raise_request_exception = False
    paths = [
        "/healthz", "/readyz", "/metrics", "/nothing", "/accounts/login/", "/admin/", "/admin/protection/site/add/",
        "/api/v1/me/", "/api/v1/schema/?format=json", "/api/v1/sites/", "/api/v1/audit/", "/api/v1/tokens/",
        "/api/nothing",
    ]  # fmt: skip
    for path in paths:
        answer = browser.get(path)
        text = answer.getvalue().decode() + str(answer.headers)
        assert SECRET not in text, path


def test_no_secret_of_the_configuration_is_in_an_error(
    marked: None, ada: User, browser_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"connection to postgres://drsorch:{SECRET}@db failed")

    browser = browser_of(ada)
    browser.raise_request_exception = False
    monkeypatch.setattr("access.policy.roles_of", fail)
    for path in ("/api/v1/me/", "/admin/"):
        answer = browser.get(path)
        assert SECRET not in answer.content.decode(), path
