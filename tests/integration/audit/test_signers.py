"""Processes that do not have the same keys of the audit trail."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client

from audit.models import Event
from audit.signers import signers_trouble
from audit.verification import verify
from drsorch.observing.started import start_record
from tests.factories.people import make_user
from tests.factories.trail import faults_found

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]
OLD, NEW = ("old", "o" * 48), ("new", "n" * 48)
ADVICE = "Give every process the same DRSORCH_AUDIT_KEYS, or the same SECRET_KEY where none are set."
UNKNOWN = f"The newest events of the audit trail are signed with a key that this process does not have: old. {ADVICE}"


@pytest.fixture
def signed(settings: Any) -> Any:
    """What was signed with the key old."""
    settings.DRSORCH_AUDIT_KEYS = (OLD,)
    make_user("omar", "operator")
    return settings


def test_the_same_keys_and_a_rotated_one_are_no_trouble(signed: Any) -> None:
    assert signers_trouble() == ""
    for keys in ((NEW, OLD), (OLD, NEW)):
        signed.DRSORCH_AUDIT_KEYS = keys
        start_record("web")
        make_user()
        assert signers_trouble() == ""


def test_where_nothing_was_signed_any_key_will_do(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = (NEW,)
    assert not Event.objects.exists()
    assert signers_trouble() == ""


def test_a_process_with_other_keys_says_so_when_it_starts_and_starts(signed: Any, caplog: Any) -> None:
    signed.DRSORCH_AUDIT_KEYS = (NEW,)
    start_record("worker")
    assert UNKNOWN in caplog.text
    assert Event.objects.filter(subject_type="settings", subject_id="worker", key_id="new").exists()


def test_so_does_one_whose_derived_key_is_another(settings: Any, caplog: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = ()
    make_user("omar", "operator")
    settings.SECRET_KEY = "another secret key that is long enough for anything"
    start_record("web")
    assert "signed with a key that this process does not have: derived-" in caplog.text


def test_one_with_another_key_of_the_same_id_says_so(signed: Any) -> None:
    signed.DRSORCH_AUDIT_KEYS = (("old", "z" * 48),)
    assert signers_trouble() == (
        f"The newest event signed with old does not fit the key of that id here: it is another key, or the event was "
        f"changed. {ADVICE}"
    )


def test_the_others_say_so_on_their_dashboard_to_those_who_read_the_trail(signed: Any, ada: User) -> None:
    signed.DRSORCH_AUDIT_KEYS = (NEW,)
    make_user()
    signed.DRSORCH_AUDIT_KEYS = (OLD,)
    expected = "The newest events of the audit trail are signed with a key that this process does not have: new."
    for user, is_told in ((ada, True), (make_user("olga", "operator"), False)):
        browser = Client()
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        assert (expected in browser.get("/admin/").content.decode()) is is_told
        assert (expected in browser.get("/admin/audit/event/verify/").content.decode()) is is_told


def test_the_check_of_the_database_says_so(signed: Any) -> None:
    signed.DRSORCH_AUDIT_KEYS = (NEW,)
    told = [each for each in run_checks(databases=["default"]) if each.id == "drsorch.W014"]
    assert [each.msg + " " + str(each.hint) for each in told] == [UNKNOWN]
    assert not [each for each in run_checks() if each.id == "drsorch.W014"]


def test_with_all_keys_together_everything_can_be_verified(signed: Any) -> None:
    signed.DRSORCH_AUDIT_KEYS = (NEW,)
    make_user()
    assert not verify().ok
    signed.DRSORCH_AUDIT_KEYS = (OLD, NEW)
    assert faults_found() == []
