"""The command line tool without a drsorch: how it reads files, asks again, waits, and says how something ended."""

from __future__ import annotations

import argparse
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from drsorch_cli import credentials, evidence, folders, main, progress, running, yaml_files
from drsorch_cli.api import Refused, Unreachable
from drsorch_cli.durations import seconds_of, spoken
from drsorch_cli.junit import junit, missed
from drsorch_cli.outcomes import MEANING, Exit, Stop
from drsorch_cli.telling import Teller
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.files import yaml_text
from plans.core.bundle import document_schema
from tests.unit.cli.world import ID, Answers, execution, ok, wave

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]


# --- Files ----------------------------------------------------------------------------------------------------------
WORDS = ["no", "yes", "on", "~", "null", "", "true", "FALSE", "012345678901", "1e3", "1.5e+3", "1:30", "2026-11-27",
         "0x1f", "1_000", "+1", "-0", ".5", "1.", "=", "<<", "a: b"]  # fmt: skip
scalars = st.one_of(
    st.text(max_size=12), st.sampled_from(WORDS), st.integers(-(10**17), 10**17), st.booleans(), st.none()
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.text(min_size=1, max_size=8), inner, max_size=3), max_leaves=8)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4))
@settings(max_examples=60)
def test_what_either_writes_both_read_as_the_same(value: Json) -> None:
    try:
        text = yaml_text.written(value)
        assert yaml_text.read(text) == value
    except yaml_text.NotYaml:
        return
    assert yaml_files.read(text) == value
    assert yaml_text.read(yaml_files.written(value)) == value


@pytest.mark.parametrize("word", WORDS[:-1])
def test_a_plain_word_is_the_same_to_both(word: str) -> None:
    assert repr(yaml_files.read(f"a: {word}")) == repr(yaml_text.read(f"a: {word}"))


def test_a_key_that_is_there_twice_and_text_that_is_not_yaml_are_told_with_their_place() -> None:
    with pytest.raises(yaml_files.NotYaml, match="“a” is there twice"):
        yaml_files.read("a: 1\na: 2")
    with pytest.raises(yaml_files.NotYaml, match="line 1, column 8"):
        yaml_files.read("name: a: b")


def test_a_folder_is_written_where_things_are_and_left_alone_where_they_say_the_same(tmp_path: Path) -> None:
    site, group = {"kind": "site", "name": "A/B: Ort"}, {"kind": "protection_group", "name": "a/b: ort", "site": "x"}
    first = folders.write(tmp_path, [site, group, {"kind": "site", "name": "a b  ort"}], "{}")
    names = [str(path.relative_to(tmp_path)) for path in first.paths]
    assert names == ["sites/a-b-ort.yaml", "protection-groups/a-b-ort.yaml", "sites/a-b-ort-2.yaml"]
    own = tmp_path / "mine.yml"
    own.write_text("# kept\nkind: site\nname: 'A/B: Ort'\nrenamed_from: Old\n")
    (tmp_path / names[0]).unlink()
    again = folders.write(tmp_path, [site, group | {"site": "y"}], "{}")
    assert [path.name for path in again.paths] == ["a-b-ort.yaml"]
    assert [path.name for path in again.stale] == ["a-b-ort-2.yaml"]
    assert own.read_text().startswith("# kept")


def test_what_is_wrong_is_told_with_the_file_that_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: plan")
    files = folders.documents_of(tmp_path)
    errors = [{"attr": "documents.0.waves.1.name", "detail": "D."}, {"attr": "source", "detail": "S."}]
    assert list(folders.in_files(errors, files)) == [f"{tmp_path / 'a.yaml'}: waves.1.name: D.", "S."]
    (tmp_path / "b.yaml").write_text("a: [")
    with pytest.raises(Stop, match=r"b\.yaml: line"):
        folders.documents_of(tmp_path)


def test_an_empty_folder_is_not_applied(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="There are no "):
        folders.documents_of(tmp_path)


def test_the_schema_that_is_shipped_is_that_of_this_drsorch() -> None:
    shipped = json.loads((ROOT / "cli/src/drsorch_cli/schema.json").read_text())
    assert shipped == document_schema(), "write it anew, from GET bundle/schema/"


# --- Asking ---------------------------------------------------------------------------------------------------------
def test_what_is_lost_is_asked_again_with_the_same_key_and_waits_as_long_as_it_is_told() -> None:
    busy = httpx.Response(503, json={"detail": "Later."}, headers={"Retry-After": "7"})
    held = httpx.Response(409, json={"type": "urn:drsorch:problem:idempotency-in-progress"})
    answers = Answers(httpx.ConnectError("refused"), busy, held, ok({"id": 1}))
    assert answers.client.post("executions/", {"plan": "x"}) == {"id": 1}
    assert len({request.headers["Idempotency-Key"] for request in answers.asked}) == 1
    assert answers.slept == [0.5, 7, 2]
    assert answers.asked[0].url == "https://dr/api/v1/executions/"
    assert answers.asked[0].headers["Authorization"] == "Bearer t0ken"


def test_in_the_end_it_is_given_up_with_a_sentence() -> None:
    answers = Answers(*[httpx.ConnectError("Connection refused")] * 6)
    with pytest.raises(Unreachable, match="cannot be reached: Connection refused") as stop:
        answers.client.get("me/")
    assert stop.value.code == Exit.UNREACHABLE


@pytest.mark.parametrize(("status", "code"), [(400, 1), (409, 1), (401, 77), (403, 77), (412, 1)])
def test_a_refusal_is_a_sentence_and_is_not_repeated(status: int, code: int) -> None:
    answers = Answers(httpx.Response(status, json={"detail": "No, because."}))
    with pytest.raises(Refused, match="No, because") as stop:
        answers.client.get("me/")
    assert (stop.value.code, len(answers.asked)) == (code, 1)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(404, text="<html>")])
def test_another_server_is_told_apart(answer: httpx.Response) -> None:
    with pytest.raises(Stop, match="Is this a drsorch"):
        Answers(answer).client.get("me/")


def test_a_token_goes_to_no_other_address() -> None:
    answers = Answers(httpx.Response(302, headers={"Location": "https://elsewhere/"}))
    with pytest.raises(Stop, match="redirects to https://elsewhere/"):
        answers.client.get("me/")
    assert len(answers.asked) == 1


def test_what_changes_nothing_takes_no_key() -> None:
    answers = Answers(httpx.ConnectError("x"), ok({}))
    answers.client.post("bundle/", {"dry_run": True}, None)
    assert not any("Idempotency-Key" in request.headers for request in answers.asked)


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (
            ["approve", "1", "--wave", "Web", "--step", "Go", "--comment", "Yes."],
            {"wave": "Web", "step": "Go", "comment": "Yes."},
        ),
        (["reject", "1"], {}),
    ],
)
def test_what_waits_is_approved_or_rejected(monkeypatch: pytest.MonkeyPatch, words: list[str], body: Json) -> None:
    answers = Answers(ok({"plan": "Web shop", "status": "running"}))
    monkeypatch.setattr(credentials, "connected", lambda url: answers.client)
    assert main.main(words) == 0
    (request,) = answers.asked
    assert (request.url.path, json.loads(request.content)) == (f"/api/v1/executions/1/{words[0]}/", body)


class Ring:
    """A keyring."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, text: str) -> None:
        self.kept[service, name] = text

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


def test_a_token_that_was_tried_is_kept_in_the_keyring_until_it_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    ring, answers = Ring(), Answers(httpx.Response(401, json={"detail": "Unknown."}), ok({"username": "dana"}))
    monkeypatch.setattr(credentials, "_keyring", lambda: ring)
    monkeypatch.setattr(credentials, "Client", lambda url, token: answers.client)
    for name in ("DRSORCH_URL", "DRSORCH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("t0ken\nt0ken\n"))
    with pytest.raises(Stop, match="Unknown"):
        credentials.login("https://dr/")
    assert not ring.kept
    assert "Signed in to https://dr as dana" in credentials.login("https://dr/")
    assert credentials.connected() is not None
    assert "was removed" in credentials.logout("")
    with pytest.raises(Stop, match="DRSORCH_TOKEN"):
        credentials.connected()


# --- Waiting --------------------------------------------------------------------------------------------------------
def follow(
    *answers: Any, cleanup: bool = False, timeout: int | None = None, sleep: Any = None
) -> tuple[Json, list[float]]:
    slept: list[float] = []
    found = running.follow(
        Answers(*answers).client, Teller(), execution(), cleanup=cleanup, timeout=timeout,
        clock=lambda: sum(slept), sleep=sleep or slept.append,
    )  # fmt: skip
    return found, slept


def test_it_waits_through_restarts_until_the_end_and_the_clean_up(capsys: pytest.CaptureFixture[str]) -> None:
    gone = httpx.ConnectError("refused")
    end = execution("succeeded", wave("Web", "succeeded", ["launched"] * 2), cleanup_status="scheduled")
    found, slept = follow(
        gone, gone, httpx.Response(502), ok(end, ETag='"1"'), httpx.Response(304),
        ok(end | {"cleanup_status": "succeeded"}), cleanup=True,
    )  # fmt: skip
    assert found["cleanup_status"] == "succeeded"
    assert slept == [2, 4, 8, 16, 2, 2]
    said = capsys.readouterr()
    assert said.err.count("cannot be reached") == 1
    assert "drsorch answers again." in said.out
    assert "Web: succeeded, 2 of 2 servers launched." in said.out


def test_after_its_time_it_stops_and_the_execution_goes_on() -> None:
    with pytest.raises(Stop, match=rf"It continues\.\n.*drsorch watch {ID}") as stop:
        follow(*[ok(execution())] * 5, timeout=5)
    assert stop.value.code == Exit.STILL_RUNNING


def test_ctrl_c_says_that_it_cancels_nothing() -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Stop, match="this does not cancel it") as stop:
        follow(sleep=interrupt)
    assert stop.value.code == Exit.INTERRUPTED
    assert f"drsorch cancel {ID}" in str(stop.value)


def test_what_happens_is_told_once() -> None:
    approval = {"name": "Go", "kind": "approval", "status": "running", "error": None}
    before = execution(
        "running", wave("Web", "running", ["launching", "launching"], [{**approval, "status": "pending"}])
    )
    after = execution("running", wave("Web", "running", ["launched", "failed"], [approval]))
    assert list(progress.changes(before, after)) == [
        "Web: 1 of 2 servers launched.",
        "Web: Web-1 failed: No subnet.",
        "Web: the step Go is waiting for approval.",
    ]
    assert list(progress.changes(after, after)) == []
    assert progress.table(after).row_count == 1


# --- The result -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "missed", "cleanup_failed", "code"),
    [
        ("succeeded", False, False, 0),
        ("failed", True, True, 3),
        ("cancelled", False, False, 3),
        ("rejected", False, False, 3),
        ("partially_succeeded", True, False, 4),
        ("succeeded", True, True, 5),
        ("succeeded", False, True, 6),
    ],
)
def test_the_exit_code_says_the_worst(status: str, missed: bool, cleanup_failed: bool, code: int) -> None:
    assert running.result_of(status, missed=missed, cleanup_failed=cleanup_failed) == code


def test_every_exit_code_is_explained() -> None:
    assert set(MEANING) == set(Exit)
    table = (ROOT / "docs/plans-as-code.md").read_text()
    assert all(f"\n| {code.value} | " in table for code in Exit)


def test_junit_has_a_case_for_each_wave_and_goal() -> None:
    waves = [
        wave("A", "succeeded", ["launched"]),
        wave("B", "failed", ["failed"]),
        wave("C", "cancelled", ["cancelled"]),
    ]
    wrong = missed("RTO", 500, 60)
    suite = ET.fromstring(junit(execution("failed", *waves), [("RTO", 500, wrong), ("RPO", 30, "")])).find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "skipped", "time")] == ["6", "2", "1", "600.000"]
    failures = [failure.get("message") for failure in suite.iter("failure")]
    assert failures == ["B: failed", "RTO was 8 min 20 s, and at most 1 min 0 s is allowed."]


def test_a_target_that_was_not_measured_is_missed() -> None:
    assert missed("RTO", None, 60)
    assert not missed("RTO", None, None)
    assert not missed("RTO", 60, 60)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("1h30m", 5400), ("90", 90), ("1h 5s", 3605), ("2d", 172_800)]
)
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "1w", "-1", "1.5h", "1 h x"])
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds_of(text)


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (61, "1 min 1 s"), (3700, "1 h 1 min")])
def test_durations_in_words(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_a_wrong_command_line_ends_with_another_code_than_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["drill"])
    assert ended.value.code == Exit.USAGE
    assert "PLAN" in capsys.readouterr().err


# --- Evidence -------------------------------------------------------------------------------------------------------
REPORT = {"format": "drsorch-evidence-1", "identity": {"execution_id": ID, "plan": "Grüße"}, "seal": {"version": 2}}


def test_evidence_has_one_spelling() -> None:
    assert evidence.document_of(evidence.canonical(REPORT)) == (REPORT, [])
    for other in (json.dumps(REPORT), json.dumps(REPORT, sort_keys=True, separators=(",", ":"), ensure_ascii=False)):
        assert "It was changed" in evidence.document_of(other.encode())[1][0]
    twice = evidence.canonical(REPORT).replace(b'"format"', b'"format":"drsorch-evidence-1","format"')
    assert evidence.document_of(twice)[1]
    for strange in (b"", b"[]", b"{}", b'{"format":"x"}', b"NaN", b"[" * 100_000):
        assert evidence.document_of(strange)[1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: httpx.Response(200, content=evidence.canonical(REPORT)), ""),
        (lambda: httpx.Response(200, content=b"{}"), "It is not what was sealed"),
        (lambda: httpx.Response(404, json={"detail": "x"}), "has sealed no version 2"),
    ],
)
def test_evidence_is_held_against_what_was_sealed(answer: Callable[[], httpx.Response], said: str) -> None:
    import hashlib

    sha256 = hashlib.sha256(evidence.canonical(REPORT)).hexdigest()
    wrong, _ = evidence.against_server(REPORT, sha256, Answers(answer()).client)
    assert (not wrong) if not said else said in wrong[0]
