"""Every misconfiguration has its id, its sentence and its hint."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from drsorch import checks

GOOD = {
    "DEBUG": False,
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL",
    "ALLOWED_HOSTS": ["drsorch.example.com"],
    "HTTPS_ONLY": True,
    "DRAMATIQ_BROKER_URL": "redis://localhost:6379/0",
    "DRSORCH_POLL_FLOOR_SECONDS": 2.0,
    "DRSORCH_POLL_CEILING_SECONDS": 30.0,
    "DRSORCH_SYNC_SECONDS": 300.0,
    "DRSORCH_LEASE_SECONDS": 60.0,
    "DRSORCH_VISIBILITY_WINDOW_SECONDS": 60.0,
    "DRSORCH_CALL_LIMIT_SECONDS": 150.0,
    "DRSORCH_TICK_SECONDS": 1.0,
    "DRSORCH_MESSAGES": True,
    "DRSORCH_CRASH_AT": "",
    "DRSORCH_FREEZE_AT": "",
    "TRUSTED_PROXIES": 0,
    "DRSORCH_OIDC_ISSUER": "",
    "DRSORCH_OIDC_CLIENT_ID": "",
    "DRSORCH_OIDC_CLIENT_SECRET": "",
    "DRSORCH_LOCAL_ACCOUNTS": True,
    "DRSORCH_MFA_ROLES": [],
    "DRSORCH_BREAK_GLASS_USERS": [],
    "DRSORCH_AUDIT_KEYS": (("2026-11", "k" * 48),),
    "DRSORCH_AUDIT_HEADS": "",
    "DRSORCH_OUTBOUND_ALLOW": (),
    "DRSORCH_TIMESTAMP_URL": "",
    "DRSORCH_TIMESTAMP_CERTIFICATES": "",
    "DRSORCH_EVIDENCE_BUCKET": "",
    "DRSORCH_EVIDENCE_KEEP_DAYS": 2555,
    "DRSORCH_TRACES": False,
}


@pytest.fixture(autouse=True)
def postgres(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")


def found(settings: Any, deploy: bool = True, **changes: Any) -> list[str]:
    for name, value in {**GOOD, **changes}.items():
        setattr(settings, name, value)
    messages = [
        each for each in run_checks(include_deployment_checks=deploy) if each.id and each.id.startswith("drsorch")
    ]
    assert all(each.hint and each.msg.endswith(".") for each in messages)
    return sorted(str(each.id) for each in messages)


def test_a_good_configuration_has_nothing_said_about_it(settings):
    assert found(settings) == []


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({"SECRET_KEY": ""}, "E001"),
        ({"SECRET_KEY": "short"}, "E002 E013"),
        ({"SECRET_KEY": "k" * 48}, "E013"),
        ({"SECRET_KEY": "secret" * 12}, "E013"),
        ({"SECRET_KEY": "django-insecure-0123456789abcdefghijklmnopqrstuvwxyzABC"}, "E013"),
        ({"SECRET_KEY": "change-me-0123456789abcdefghijklmnopqrstuvwxyz"}, "E013"),
        ({"ALLOWED_HOSTS": []}, "E003"),
        ({"ALLOWED_HOSTS": ["*"]}, "W003 E013"),
        ({"ALLOWED_HOSTS": ["drsorch.example.com", "*"]}, "W003 E013"),
        ({"DRAMATIQ_BROKER_URL": "kafka://broker"}, "E004"),
        ({"DRAMATIQ_BROKER_URL": "redis"}, ""),
        ({"DRSORCH_POLL_FLOOR_SECONDS": 31.0}, "E006"),
        ({"DRSORCH_LEASE_SECONDS": 29.0}, "W006 E013"),
        ({"DRSORCH_CALL_LIMIT_SECONDS": 30.0}, "W013 E013"),
        ({"DRSORCH_VISIBILITY_WINDOW_SECONDS": 1.0}, "W007 E013"),
        ({"DRSORCH_CRASH_AT": "operation.after_intent:3"}, "W008 E013"),
        ({"DRSORCH_FREEZE_AT": "operation.after_intent"}, "W008 E013"),
        ({"DRSORCH_CRASH_AT": "operation.nowhere"}, "E012 E013"),
        ({"DRSORCH_MESSAGES": False}, "W009 E013"),
        ({"DRSORCH_MESSAGES": False, "DRSORCH_TICK_SECONDS": 0.0}, "W009 E011 E013"),
        ({"DRSORCH_TICK_SECONDS": 0.0}, ""),
        ({"HTTPS_ONLY": False}, "W001"),
        ({"DRSORCH_AUDIT_KEYS": ()}, "W010"),
        ({"DRSORCH_AUDIT_HEADS": "/nowhere"}, "W011"),
        ({"DRSORCH_TIMESTAMP_URL": "https://tsa.example.com/tsr"}, "W015"),
        ({"DRSORCH_TIMESTAMP_CERTIFICATES": __file__}, "W016"),
        ({"DRSORCH_TIMESTAMP_URL": "http://127.0.0.1/tsr"}, "W015 W017"),
        ({"DRSORCH_TIMESTAMP_URL": "http://2852039166/tsr"}, "W015 W017"),
        ({"DRSORCH_EVIDENCE_BUCKET": "s3://of-reports", "DRSORCH_EVIDENCE_KEEP_DAYS": 90}, "W018"),
        ({"DRSORCH_EVIDENCE_BUCKET": "s3://of-reports"}, ""),
        ({"DEBUG": True, "SECRET_KEY": "short", "ALLOWED_HOSTS": ["localhost", "[::1]"], "HTTPS_ONLY": False}, "E013"),
        ({"DEBUG": True, "ALLOWED_HOSTS": ["*"]}, "E009 E013"),
        ({"DEBUG": True, "ALLOWED_HOSTS": ["localhost", "drsorch.example.com"]}, "E009 E013"),
        ({"DEBUG": True, "ALLOWED_HOSTS": ["0.0.0.0"]}, "E009 E013"),
        ({"DEBUG": True, "ALLOWED_HOSTS": ["localhost"], "TRUSTED_PROXIES": 1}, "E010 E013"),
        ({"DRAMATIQ_BROKER_URL": "memory://"}, ""),
    ],
)
def test_each_mistake_has_its_id(settings, changes, ids):
    assert found(settings, **changes) == sorted(f"drsorch.{id}" for id in ids.split())


@pytest.mark.parametrize(
    ("address", "ids"),
    [
        ("http://drs.example.com", "W012 E013"),
        ("http://10.0.0.1:8080", "W012 E013"),
        ("http://127.0.0.1:8080", ""),
        ("http://[::1]:8080", ""),
        ("https://drs.example.com", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DRS", "AWS_ENDPOINT_URL_STS"])
def test_an_endpoint_that_others_can_listen_to_is_warned_of(settings, monkeypatch, name, address, ids):
    monkeypatch.setenv(name, address)
    assert found(settings) == sorted(f"drsorch.{id}" for id in ids.split())


def test_a_misspelt_name_is_warned_of_with_the_one_that_was_meant(settings, monkeypatch):
    monkeypatch.setenv("DRSORCH_LEASE_SECOND", "60")
    assert found(settings) == ["drsorch.W004"]


def test_a_server_that_runs_no_command_refuses_to_start_with_the_errors(settings):
    found(settings)
    checks.errors_refuse()
    settings.DEBUG = True
    with pytest.raises(ImproperlyConfigured, match=r"DEBUG is on, but ALLOWED_HOSTS has drsorch\.example\.com"):
        checks.errors_refuse()


def test_traces_without_their_library_are_refused(settings, monkeypatch):
    assert found(settings, DRSORCH_TRACES=True) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert found(settings, DRSORCH_TRACES=True) == ["drsorch.E030"]


def test_in_production_a_server_refuses_what_is_not_for_production(settings):
    found(settings, DRSORCH_MESSAGES=False, HTTPS_ONLY=False)
    checks.errors_refuse()
    settings.HTTPS_ONLY = True
    with pytest.raises(ImproperlyConfigured, match=r"Not for production: DRSORCH_MESSAGES\."):
        checks.errors_refuse()


@pytest.mark.parametrize(
    ("command", "changes", "unfit"),
    [
        (["serve"], {"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        (["serve", "--no-worker"], {"SECRET_KEY": "secret" * 10}, "SECRET_KEY"),
        (["rundramatiq"], {"DRAMATIQ_BROKER_URL": "redis://127.0.0.1:1/0"}, "DATABASE_URL"),
    ],
)
def test_serving_and_working_are_refused_in_production_with_a_sentence(command, changes, unfit):
    surroundings = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "drsorch.settings",
        "DATABASE_URL": "sqlite:///:memory:",
        "ALLOWED_HOSTS": "drsorch.example.com",
        "SECRET_KEY": GOOD["SECRET_KEY"],
        "HTTPS_ONLY": "true",
        **changes,
    }
    manage = str(django_settings.BASE_DIR / "manage.py")
    ended = subprocess.run(
        [sys.executable, manage, *command], env=surroundings, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stderr
    assert f"drsorch is not configured: Not for production: {unfit}." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_http_is_a_warning_for_deployments_only(settings):
    assert found(settings, deploy=False, HTTPS_ONLY=False) == []


def test_messages_that_stay_in_one_of_several_processes_are_warned_of(settings, monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert found(settings, DRAMATIQ_BROKER_URL="memory://") == ["drsorch.E013", "drsorch.W002"]
    assert found(settings, deploy=False, DRAMATIQ_BROKER_URL="memory://") == ["drsorch.W002"]
    assert found(settings, DRAMATIQ_BROKER_URL="amqp://broker") == []


def test_a_worker_of_its_own_without_a_broker_is_warned_of(settings, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["manage.py", "rundramatiq"])
    assert found(settings, DRAMATIQ_BROKER_URL="memory://") == ["drsorch.E013", "drsorch.W002"]
    ticks_off = {"DRAMATIQ_BROKER_URL": "memory://", "DRSORCH_TICK_SECONDS": 0.0}
    assert found(settings, **ticks_off) == ["drsorch.E011", "drsorch.E013", "drsorch.W002"]


def test_several_processes_on_sqlite_are_warned_of(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert found(settings) == []
    monkeypatch.setattr(sys, "argv", ["manage.py", "rundramatiq"])
    assert found(settings) == ["drsorch.E013", "drsorch.W005"]


@pytest.mark.parametrize(
    ("options", "several"),
    [
        (["-w", "4"], True),
        (["-w4"], True),
        (["--workers=2", "--bind=:8000"], True),
        (["--workers", "1"], False),
        (["--worker-class=gthread", "--threads=8"], False),
    ],
)
def test_workers_that_gunicorn_is_told_of_are_several_processes(settings, monkeypatch, options, several):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setattr(sys, "argv", ["/srv/.venv/bin/gunicorn", *options, "drsorch.wsgi"])
    assert found(settings) == (["drsorch.E013", "drsorch.W005"] if several else [])


@pytest.mark.parametrize(
    ("command", "name", "value", "sentence"),
    [
        (["migrate"], "SECRET_KEY", "", "SECRET_KEY is not set."),
        (
            ["issue_token", "dana"],
            "DATABASE_URL",
            "mysql://h/d",
            "drsorch is not configured: DATABASE_URL is 'mysql://h/d': write sqlite:///path",
        ),
        (["migrate"], "DRSORCH_LEASE_SECONDS", "long", "drsorch is not configured: DRSORCH_LEASE_SECONDS is 'long'"),
        (
            ["issue_token", "dana"],
            "HTTPS_ONLY",
            "ture",
            "drsorch is not configured: HTTPS_ONLY is 'ture': write true or false.",
        ),
    ],
)
def test_a_command_ends_with_the_sentence_and_no_traceback(command, name, value, sentence):
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


def test_a_key_of_one_character_is_counted_as_one(settings):
    found(settings, SECRET_KEY="k")
    assert "SECRET_KEY has 1 character and could be guessed." in [each.msg for each in run_checks()]


def test_a_worker_loads_no_pages_and_the_checks_do():
    program = """
import sys
import django
django.setup()
import executions.tasks, protection.tasks
from django.core.checks import Tags, run_checks
pages = {"executions.admin", "plans.admin", "protection.admin", "audit.admin", "access.admin"}
assert not pages & set(sys.modules), "a worker has no use for them"
run_checks(tags=[Tags.admin])
assert pages <= set(sys.modules), "what is not loaded is not checked"
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "drsorch.settings", "SECRET_KEY": "k" * 48}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


OIDC = {"DRSORCH_OIDC_ISSUER": "https://id.example.com", "DRSORCH_OIDC_CLIENT_ID": "drsorch"}


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        (OIDC, []),
        ({"DRSORCH_OIDC_ISSUER": "https://id.example.com"}, ["drsorch.E014"]),
        ({"DRSORCH_OIDC_CLIENT_ID": "drsorch"}, ["drsorch.E014"]),
        ({"DRSORCH_OIDC_CLIENT_SECRET": "hush"}, ["drsorch.E014"]),
        ({**OIDC, "DRSORCH_OIDC_ISSUER": "http://id.example.com"}, ["drsorch.E015"]),
        ({**OIDC, "DRSORCH_OIDC_ISSUER": "http://localhost:8080"}, []),
        ({"DRSORCH_MFA_ROLES": ["approver", "administrator"]}, []),
        ({"DRSORCH_MFA_ROLES": ["admin"]}, ["drsorch.E017"]),
        ({"DRSORCH_LOCAL_ACCOUNTS": False}, ["drsorch.E016"]),
        ({**OIDC, "DRSORCH_LOCAL_ACCOUNTS": False}, ["drsorch.W020"]),
        ({**OIDC, "DRSORCH_LOCAL_ACCOUNTS": False, "DRSORCH_BREAK_GLASS_USERS": ["ada"]}, []),
        ({"DRSORCH_BREAK_GLASS_USERS": ["ada"]}, ["drsorch.W019"]),
    ],
)
def test_settings_of_signing_in_that_go_together_or_against_each_other(settings, changes, ids):
    assert found(settings, **changes) == ids
