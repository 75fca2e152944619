"""Every setting, read from every odd value: understood within its limits, or refused in a sentence."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from drsorch.environment import AWS, BASE_DIR, BY_NAME, SETTINGS, Setting, read, unknown_names
from drsorch.environment_documents import readme, template
from drsorch.values import Number, Origins, Secrets, Text, YesNo, is_loopback

ODD = (
    "ture", "perhaps", "nonsense", "None", "null", "-1", "-0.001", "inf", "-inf", "nan", "1e999", "0x10", "1_000",
    "١٢", "1,5", "30s", "99999999999999999999", "http://", "://", "mysql://u:hunter2@h/d", "redis", "redis://",
    "postgres://u:hunter2@h:port/d", "postgres://u:hunter2@h:5432", "redis://:hunter2@h:99999/0", "http://h:0",
    "http://u:hunter2@/x", "https://h/path", "https://a b", "a b", "host:8000", "[::1", "a..b", "\x00", "\u202e",
    "operation", "operation.after_intent:0", "/nowhere/at/all",
)  # fmt: skip
GOOD = {"DEBUG": "true", "SECRET_KEY": "k" * 48, "ALLOWED_HOSTS": "drsorch.example.com"}


def refusal(name: str, value: str) -> str:
    try:
        read({**GOOD, name: value})
    except ImproperlyConfigured as error:
        return str(error)
    return ""


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_an_odd_value_is_refused_by_name_value_and_what_is_allowed_or_is_within_the_limits(setting: Setting) -> None:
    for value in ODD:
        sentence = refusal(setting.name, value)
        if sentence:
            assert re.match(rf"{setting.name} is .+: write .+\.$", sentence), sentence
            assert "hunter2" not in sentence
            assert "@" in value or setting.kind.secret or repr(value) in sentence
            continue
        taken = read({**GOOD, setting.name: value})[setting.name]
        kind = setting.kind
        if isinstance(kind, Number):
            assert kind.low <= taken <= kind.high
        elif isinstance(kind, YesNo):
            raise AssertionError(f"{setting.name} takes {value!r}")
        elif not isinstance(kind, Text | Secrets):
            assert taken, f"{setting.name} takes {value!r} for nothing"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_what_the_template_shows_can_be_read_and_an_empty_value_is_none_or_refused(setting: Setting) -> None:
    line = re.search(rf"^#?{setting.name}=(.*)$", template(), re.MULTILINE)
    assert line
    assert refusal(setting.name, line[1]) == ""
    empty = refusal(setting.name, "  ")
    assert empty.startswith(f"{setting.name} is empty: write ") if not setting.kind.empty_is_none else empty == ""


@pytest.mark.parametrize("setting", [one for one in SETTINGS if isinstance(one.kind, Number)], ids=lambda one: one.name)
def test_a_number_is_taken_from_its_lowest_to_its_highest_and_not_beyond(setting: Setting) -> None:
    kind = setting.kind
    assert isinstance(kind, Number)
    for value in (kind.low, kind.high, setting.default):
        assert read({setting.name: f"{value:.12g}"})[setting.name] == value
    for value in (kind.low - 0.01, kind.high + 0.01, kind.low - 1, kind.high + 1):
        assert refusal(setting.name, f"{value:.12g}")


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "yes", "on", "1", " true "])
@pytest.mark.parametrize("setting", [one for one in SETTINGS if isinstance(one.kind, YesNo)], ids=lambda one: one.name)
def test_a_yes_is_a_yes(setting: Setting, word: str) -> None:
    assert read({setting.name: word})[setting.name] is True


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read({"HTTPS_ONLY": "ture", "DRSORCH_LEASE_SECONDS": "0.5"})
    assert str(refused.value).splitlines() == [
        "HTTPS_ONLY is 'ture': write true or false.",
        "DRSORCH_LEASE_SECONDS is '0.5': write a number of seconds from 1 to 3600.",
    ]


def test_debugging_makes_a_key_of_its_own_each_time_and_nothing_else_does() -> None:
    first, second = (read({"DEBUG": "true"}) for _ in range(2))
    assert len(first["SECRET_KEY"]) >= 48
    assert first["SECRET_KEY"] != second["SECRET_KEY"]
    assert all(is_loopback(host) for host in first["ALLOWED_HOSTS"])
    assert not first["HTTPS_ONLY"]
    assert read({})["SECRET_KEY"] == ""
    assert read({})["HTTPS_ONLY"] is True


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DRSORCH_LEASE_SECOND", "DRSORCH_LEASE_SECONDS"),
        ("drsorch_sync_seconds", "DRSORCH_SYNC_SECONDS"),
        ("DRSORCH_UNHEARD_OF", ""),
        ("ALOWED_HOSTS", "ALLOWED_HOSTS"),
        ("HTTPS_ONYL", "HTTPS_ONLY"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("SECRETKEY", "SECRET_KEY"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("AWS_ENDPOINT_URL_DSR", "AWS_ENDPOINT_URL_DRS"),
        *((each.name[:-1], each.name) for each in SETTINGS if each.section != AWS and each.name != "DEBUG"),
    ],
)
def test_a_name_that_looks_like_ours_is_found(name: str, meant: str) -> None:
    assert list(unknown_names({name: "x"})) == [(name, meant)]


@pytest.mark.parametrize(
    "name",
    ["PATH", "HTTPS_PROXY", "HTTP_PROXY", "DATABASE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "HOSTNAME",
     "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "DEBIAN_FRONTEND", *BY_NAME],
)  # fmt: skip
def test_a_name_that_is_known_or_somebody_elses_is_not(name: str) -> None:
    assert list(unknown_names({name: "x"})) == []


@pytest.mark.parametrize("value", ["true", "perhaps", "1"])
def test_a_name_that_is_no_longer_read_says_what_replaces_it(value: str) -> None:
    assert "TRUSTED_PROXIES=1" in refusal("BEHIND_PROXY", value)
    assert refusal("BEHIND_PROXY", "false") == ""


def test_readme_and_the_template_are_written_from_the_table() -> None:
    again = "Write them again: python -m drsorch.environment_documents"
    text = (BASE_DIR / "README.md").read_text()
    assert readme(text) == text, again
    assert (BASE_DIR / ".env.example").read_text() == template(), again


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///x.sqlite3", "x.sqlite3"),
        ("sqlite:////srv/a b/x", "/srv/a b/x"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite://:memory:", ":memory:"),
        ("postgres://drsorch:hunter%232@db:5432/drsorch?sslmode=require", "drsorch"),
        ("postgresql:///drsorch", "drsorch"),
        ("postgres://%2Fvar%2Frun%2Fpostgresql/drsorch", "drsorch"),
        ("postgres://one:5432,other:5432/drsorch", "drsorch"),
    ],
)
def test_a_database_is_read_wherever_it_is(url: str, name: str) -> None:
    assert read({"DATABASE_URL": url})["DATABASE_URL"]["NAME"] == name


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("https://drsorch.example.com, https://other.example.com:8443", True),
        ("drsorch.example.com", False),
        ("https://drsorch.example.com/admin", False),
        ("https://u:p@drsorch.example.com", False),
    ],
)
def test_an_origin_has_a_scheme_and_no_path(value: str, taken: bool) -> None:
    assert isinstance(BY_NAME["CSRF_TRUSTED_ORIGINS"].kind, Origins)
    assert (refusal("CSRF_TRUSTED_ORIGINS", value) == "") is taken


SECRET = "hunter2-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        (f"2026:{SECRET}", (("2026", SECRET),)),
        (f"2026:{SECRET}, 2025:{SECRET}:more,", (("2026", SECRET), ("2025", f"{SECRET}:more"))),
    ],
)
def test_keys_of_the_audit_trail_are_read_in_their_order(text: str, keys: tuple[tuple[str, str], ...]) -> None:
    assert read({"DRSORCH_AUDIT_KEYS": text})["DRSORCH_AUDIT_KEYS"] == keys


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SECRET, "Key 1 has no id"),
        (f"2026:{SECRET},:{SECRET}", "Key 2 has no id"),
        (f"derived-1:{SECRET}", "Key 1 has no id"),
        (f"2026:{SECRET},2026:{SECRET}", "Two keys have the id 2026"),
        ("2026:hunter2", "The key 2026 could be guessed"),
        (f"2026:{'hunter2' * 10}", "The key 2026 could be guessed"),
    ],
)
def test_a_key_that_cannot_be_used_is_a_sentence_without_its_secret(text: str, sentence: str) -> None:
    said = refusal("DRSORCH_AUDIT_KEYS", text)
    assert sentence in said
    assert "hunter2" not in said


@pytest.mark.parametrize("text", ["x", "1", "0", "-1"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_refusal_counts_one_as_one(setting: Setting, text: str) -> None:
    assert not re.search(r"\b1 (?!has)[a-z]+s\b", refusal(setting.name, text))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        (
            "DRSORCH_TIMESTAMP_URL",
            "http://tsa.example.com:3318/tsr?policy=1",
            "http://tsa.example.com:3318/tsr?policy=1",
        ),
        ("DRSORCH_TIMESTAMP_URL", "", ""),
        ("DRSORCH_TIMESTAMP_URL", "tsa.example.com", None),
        ("DRSORCH_TIMESTAMP_URL", "ftp://tsa.example.com", None),
        ("DRSORCH_TIMESTAMP_URL", "https://dana:hunter2@tsa.example.com", None),
        ("DRSORCH_TIMESTAMP_URL", f"https://tsa.example.com/{'x' * 500}", None),
        ("DRSORCH_EVIDENCE_BUCKET", "s3://of-reports", "s3://of-reports"),
        ("DRSORCH_EVIDENCE_BUCKET", "s3://of-reports/2026/", "s3://of-reports/2026"),
        ("DRSORCH_EVIDENCE_BUCKET", "of-reports", None),
        ("DRSORCH_EVIDENCE_BUCKET", "/srv/reports", None),
        ("DRSORCH_EVIDENCE_BUCKET", "s3://Of_Reports/", None),
        ("DRSORCH_EVIDENCE_BUCKET", "s3://of-reports//2026", None),
        ("DRSORCH_EVIDENCE_BUCKET", f"s3://of-reports/{'x' * 500}", None),
    ],
)
def test_where_reports_are_anchored_is_read_or_refused(name: str, text: str, value: str | None) -> None:
    if value is None:
        assert "hunter2" not in (said := refusal(name, text))
        assert f"write {BY_NAME[name].kind.what()}." in said
    else:
        assert read({name: text})[name] == value
