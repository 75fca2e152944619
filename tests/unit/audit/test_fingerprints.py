"""Secrets that are held by their fingerprints: what is told of each, and that nothing else is."""

from __future__ import annotations

import pytest

from audit import fingerprints, keys

SECRETS = {"password": "hash-of-it", "recovery codes": ["a", "b"], "unset": ""}


def document() -> fingerprints.Secrets:
    return fingerprints.sealed("user", 7, SECRETS)[fingerprints.PART]


def test_a_fingerprint_names_its_key_and_nothing_of_the_secret() -> None:
    rows = document()["secret"]
    assert list(rows) == ["password", "recovery codes", "unset"]
    key_id, _, mac = rows["password"]["fingerprint"].partition(":")
    assert (key_id, len(mac)) == (keys.signing().id, 64)
    assert rows["unset"] == {"fingerprint": ""}
    assert fingerprints.sealed("user", 8, SECRETS)[fingerprints.PART]["secret"]["password"] != rows["password"]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (SECRETS, []),
        (
            {**SECRETS, "password": "another"},
            ["password is not the one that drsorch stored: it was changed in the database."],
        ),
        ({**SECRETS, "unset": "set"}, ["unset is not the one that drsorch stored: it was changed in the database."]),
        ({**SECRETS, "more": "x"}, ["more was added in the database."]),
        ({"password": "hash-of-it", "unset": ""}, ["recovery codes was deleted in the database."]),
    ],
)
def test_each_secret_that_is_not_as_it_was_sealed_is_named(now: fingerprints.Secrets, told: list[str]) -> None:
    assert list(fingerprints.faults("user", "7", document(), now)) == told


def test_a_row_of_which_nothing_was_sealed_had_no_secrets() -> None:
    assert list(fingerprints.faults("user", "7", {}, {})) == []
    assert list(fingerprints.faults("user", "7", {}, {"password": "x"})) == ["password was added in the database."]
