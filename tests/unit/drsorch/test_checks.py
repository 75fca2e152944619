"""Every misconfiguration has its id, its sentence and its hint."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import environ
import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from drsorch import environment

GOOD = {
    "DEBUG": False,
    "SECRET_KEY": "k" * 48,
    "ALLOWED_HOSTS": ["drsorch.example.com"],
    "HTTPS_ONLY": True,
    "DRAMATIQ_BROKER_URL": "redis://localhost:6379/0",
    "DRSORCH_POLL_FLOOR_SECONDS": 2.0,
    "DRSORCH_POLL_CEILING_SECONDS": 30.0,
    "DRSORCH_SYNC_SECONDS": 300.0,
    "DRSORCH_LEASE_SECONDS": 60.0,
    "DRSORCH_VISIBILITY_WINDOW_SECONDS": 60.0,
    "DRSORCH_AUDIT_KEYS": (("2026-11", "k" * 48),),
    "DRSORCH_AUDIT_HEADS": "",
}


def found(settings: Any, deploy: bool = True, **changes: Any) -> list[str]:
    for name, value in {**GOOD, **changes}.items():
        setattr(settings, name, value)
    messages = [
        each for each in run_checks(include_deployment_checks=deploy) if each.id and each.id.startswith("drsorch")
    ]
    assert all(each.hint and each.msg.endswith(".") for each in messages)
    return [str(each.id) for each in messages]


def test_a_good_configuration_has_nothing_said_about_it(settings):
    assert found(settings) == []


@pytest.mark.parametrize(
    ("changes", "id"),
    [
        ({"SECRET_KEY": ""}, "drsorch.E001"),
        ({"SECRET_KEY": "short"}, "drsorch.E002"),
        ({"ALLOWED_HOSTS": []}, "drsorch.E003"),
        ({"DRAMATIQ_BROKER_URL": "kafka://broker"}, "drsorch.E004"),
        ({"DRAMATIQ_BROKER_URL": "redis"}, None),
        ({"DRSORCH_POLL_FLOOR_SECONDS": 0.0}, "drsorch.E005"),
        ({"DRSORCH_POLL_FLOOR_SECONDS": 31.0}, "drsorch.E006"),
        ({"DRSORCH_SYNC_SECONDS": 0.0}, "drsorch.E007"),
        ({"DRSORCH_LEASE_SECONDS": -1.0}, "drsorch.E007"),
        ({"DRSORCH_VISIBILITY_WINDOW_SECONDS": -1.0}, "drsorch.E008"),
        ({"HTTPS_ONLY": False}, "drsorch.W001"),
        ({"DRSORCH_AUDIT_KEYS": ()}, "drsorch.W010"),
        ({"DRSORCH_AUDIT_HEADS": "/nowhere"}, "drsorch.W011"),
        ({"DEBUG": True, "SECRET_KEY": "short", "ALLOWED_HOSTS": [], "HTTPS_ONLY": False}, None),
        ({"DRAMATIQ_BROKER_URL": "memory://"}, None),
    ],
)
def test_each_mistake_has_its_id(settings, changes, id):
    assert found(settings, **changes) == ([id] if id else [])


def test_http_is_a_warning_for_deployments_only(settings):
    assert found(settings, deploy=False, HTTPS_ONLY=False) == []


def test_messages_that_stay_in_one_of_several_processes_are_warned_of(settings, monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert found(settings, DRAMATIQ_BROKER_URL="memory://") == ["drsorch.W002"]
    assert found(settings, DRAMATIQ_BROKER_URL="amqp://broker") == []


def test_a_worker_of_its_own_without_a_broker_is_warned_of(settings, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["manage.py", "rundramatiq"])
    assert found(settings, DRAMATIQ_BROKER_URL="memory://") == ["drsorch.W002"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://u:hunter2@h/d", "begins with 'mysql'"),
        ("nonsense", "begins with 'nonsense'"),
        ("postgres://u:hunter2@h:port/d", "cannot be read"),
    ],
)
def test_a_database_that_cannot_be_read_is_a_sentence_without_its_password(monkeypatch, url, sentence):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match=sentence) as refused:
        environment.database(environ.Env(), "DATABASE_URL", "sqlite:///x")
    assert "hunter2" not in str(refused.value)


def test_an_empty_database_url_means_the_default(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")
    assert environment.database(environ.Env(), "DATABASE_URL", "sqlite:///x")["NAME"] == "x"


SECRET = "hunter2-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        (f"2026:{SECRET}", (("2026", SECRET),)),
        (f"2026:{SECRET}, 2025:{SECRET}:more,", (("2026", SECRET), ("2025", f"{SECRET}:more"))),
    ],
)
def test_keys_of_the_audit_trail_are_read_in_their_order(monkeypatch, text, keys):
    monkeypatch.setenv("DRSORCH_AUDIT_KEYS", text)
    assert environment.audit_keys(environ.Env(), "DRSORCH_AUDIT_KEYS") == keys


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SECRET, "Key 1 of DRSORCH_AUDIT_KEYS has no id"),
        (f"2026:{SECRET},:{SECRET}", "Key 2 of DRSORCH_AUDIT_KEYS has no id"),
        (f"derived-1:{SECRET}", "Key 1 of DRSORCH_AUDIT_KEYS has no id"),
        (f"2026:{SECRET},2026:{SECRET}", "two keys with the id 2026"),
        ("2026:hunter2", "The key 2026 of DRSORCH_AUDIT_KEYS could be guessed"),
        (f"2026:{'hunter2' * 10}", "The key 2026 of DRSORCH_AUDIT_KEYS could be guessed"),
    ],
)
def test_a_key_that_cannot_be_used_is_a_sentence_without_its_secret(monkeypatch, text, sentence):
    monkeypatch.setenv("DRSORCH_AUDIT_KEYS", text)
    with pytest.raises(ImproperlyConfigured, match=sentence) as refused:
        environment.audit_keys(environ.Env(), "DRSORCH_AUDIT_KEYS")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("value", ["two", "", "nan", "inf"])
def test_a_number_that_is_none_is_a_sentence(monkeypatch, value):
    monkeypatch.setenv("DRSORCH_SYNC_SECONDS", value)
    with pytest.raises(ImproperlyConfigured, match="DRSORCH_SYNC_SECONDS is"):
        environment.number(environ.Env(), "DRSORCH_SYNC_SECONDS", 300)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEY", "", "SECRET_KEY is not set."),
        ("DATABASE_URL", "mysql://h/d", "drsorch is not configured: DATABASE_URL begins with 'mysql'"),
        ("DRSORCH_LEASE_SECONDS", "long", "drsorch is not configured: DRSORCH_LEASE_SECONDS is 'long'"),
    ],
)
@pytest.mark.parametrize("command", [["migrate"], ["issue_token", "dana"]])
def test_a_command_ends_with_the_sentence_and_no_traceback(name, value, sentence, command):
    surroundings = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "drsorch.settings",
        "DEBUG": "false",
        "DATABASE_URL": "sqlite:///:memory:",
        "ALLOWED_HOSTS": "localhost",
        "SECRET_KEY": "k" * 48,
        name: value,
    }
    manage = str(django_settings.BASE_DIR / "manage.py")
    ended = subprocess.run(
        [sys.executable, manage, *command], env=surroundings, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
