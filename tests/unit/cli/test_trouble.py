"""The command line tool where something is odd: its files, its environment, what answers, who interrupts. Whatever it
is, it ends with a sentence, with a code, and without the token."""

from __future__ import annotations

import io
import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from drsorch_cli import bundle, credentials, folders, git, main, progress, running, yaml_files
from drsorch_cli.api import Client, Unreachable
from drsorch_cli.outcomes import Exit, Stop
from drsorch_cli.telling import Teller
from rich.console import Console

from tests.unit.cli.world import ID, Answers, execution, ok, wave

Run = Callable[..., tuple[int, str]]
GROUP = "kind: protection_group\nname: web\nsite: Frankfurt\n"
NOTHING = {"changes": [], "kept": [], "warnings": [], "refused": None, "unchanged": 1, "dry_run": False}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `drsorch` with these words, in a folder of its own, against these answers; code, and what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRSORCH_URL", "https://dr")
    monkeypatch.setenv("DRSORCH_TOKEN", "t0ken")
    monkeypatch.setattr(credentials, "_keyring", lambda: None)

    def ran(*words: str, answers: Answers | None = None) -> tuple[int, str]:
        if answers is not None:
            monkeypatch.setattr(credentials, "Client", lambda url, token: answers.client)
        try:
            code = main.main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out + said.err

    return ran


# --- Files ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("? [a, b]\n: c", "a key must be a text"),
        ("a: &x [*x]", "anchors"),
        ("a: !!binary aGk=", "tags"),
        ("a: !!timestamp 2026-01-01", "tags"),
        ('a: "\\ud800"', "surrogate"),
        ("[" * 5000, "nested"),
        ("a: 1\n---\nb: 2", "document"),
    ],
)
def test_what_json_cannot_say_is_no_document(text: str, why: str) -> None:
    with pytest.raises(yaml_files.NotYaml, match=why):
        yaml_files.read(text)


def test_a_key_is_a_text_whatever_it_looks_like() -> None:
    assert yaml_files.read("1: a\ntrue: b\n~: c") == {"1": "a", "true": "b", "~": "c"}


def test_a_long_name_has_a_file_that_a_file_system_takes(tmp_path: Path) -> None:
    documents = [{"kind": "site", "name": character * 100} for character in ("災", "x")]
    written = folders.write(tmp_path, documents, "{}")
    assert all(path.exists() for path in written.paths)


@pytest.mark.parametrize("words", [["schema", "-o", "no/such/file"], ["verify", "missing.json"], ["export", "file"]])
def test_a_file_that_cannot_be_used_is_a_sentence(run: Run, words: list[str]) -> None:
    Path("file").write_text("")
    code, said = run(*words, answers=Answers(ok({"documents": []}), ok({})))
    assert (code, words[-1].partition("/")[0] in said) == (1, True)


def test_what_git_says_in_another_encoding_is_read(tmp_path: Path) -> None:
    def run(*words: str, text: bytes = b"") -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], input=text, check=True, capture_output=True)

    run("init", "-q")
    who = ("-c", "user.name=petra", "-c", "user.email=petra@example.com")
    run(*who, "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", text=b"Gr\xfc\xdfe")
    assert git.checkout(tmp_path).message.startswith("Gr")


def test_a_long_message_of_a_commit_is_cut_to_what_is_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dr").mkdir()
    Path("dr/web.yaml").write_text(GROUP)
    monkeypatch.setattr(bundle, "checkout", lambda folder: git.Checkout(message="x" * 20_000))
    answers = Answers(ok(NOTHING))
    assert run("apply", "dr", answers=answers)[0] == 0
    assert len(json.loads(answers.asked[0].content)["message"]) == 10_000


# --- The environment ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("https://dr", "s3cr\net"),
        ("https://dr", "s3crét"),
        ("https://robot:s3cret@dr", "t0ken"),
        ("dr.example.com", "t0ken"),
        ("ftp://dr", "t0ken"),
        ("https://", "t0ken"),
        ("https://dr:port", "t0ken"),
    ],
)
def test_an_address_or_a_token_that_cannot_be_is_said_at_once_and_not_shown(url: str, token: str) -> None:
    with pytest.raises(Stop) as stop:
        Client(url, token)
    assert stop.value.code in (Exit.USAGE, Exit.NOT_ALLOWED)
    assert "s3cr" not in str(stop.value)


def test_the_end_of_a_line_is_no_part_of_a_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRSORCH_TOKEN", "t0ken\n")
    assert credentials.connected()._http.headers["Authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(("name", "value"), [("SSL_CERT_FILE", "/no/such/file"), ("HTTPS_PROXY", "odd://proxy")])
def test_a_proxy_or_an_authority_that_cannot_be_used_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    code, said = run("watch", ID)
    assert (code, name in said) == (Exit.USAGE, True)


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\nb"])
def test_a_key_that_no_header_can_have_is_refused_at_once(run: Run, key: str) -> None:
    code, said = run("drill", "Web shop", "--key", key, answers=Answers(ok(execution())))
    assert code == (Exit.USAGE if key else Exit.OK), said


# --- What answers ---------------------------------------------------------------------------------------------------
def test_a_page_of_a_proxy_is_no_answer(run: Run) -> None:
    page = httpx.Response(200, text="<html>Sign in</html>")
    code, said = run("watch", ID, answers=Answers(page))
    assert (code, "Is this a drsorch?" in said) == (Exit.REFUSED, True)


def test_an_answer_that_broke_on_the_way_is_asked_again() -> None:
    answers = Answers(httpx.DecodingError("incorrect header check"), ok({"username": "dana"}))
    assert answers.client.get("me/") == {"username": "dana"}


def test_a_fault_of_drsorch_is_asked_again(run: Run) -> None:
    fault = httpx.Response(500, json={"detail": "Something went wrong inside drsorch."})
    answers = Answers(fault, ok({"username": "dana"}))
    assert answers.client.get("me/") == {"username": "dana"}
    with pytest.raises(Unreachable, match="Something went wrong") as stop:
        Answers(*[fault] * 6).client.get("me/")
    assert stop.value.code == Exit.UNREACHABLE


def test_a_fault_while_it_waits_is_waited_for() -> None:
    fault = httpx.Response(500, json={"detail": "Something went wrong inside drsorch."})
    answers = Answers(fault, ok(execution("succeeded")))
    found = running.follow(
        answers.client, Teller(), execution(), cleanup=False, timeout=None, sleep=lambda seconds: None
    )
    assert found["status"] == "succeeded"


def test_a_token_that_ends_while_it_waits_does_not_end_the_drill() -> None:
    answers = Answers(httpx.Response(401, json={"detail": "This token is unknown."}))
    with pytest.raises(Stop, match="continues") as stop:
        running.follow(answers.client, Teller(), execution(), cleanup=False, timeout=None, sleep=lambda seconds: None)
    assert stop.value.code == Exit.NOT_ALLOWED
    assert f"drsorch watch {ID}" in str(stop.value)


def test_the_first_answer_to_a_key_is_waited_for() -> None:
    """A proxy gave up on a long apply, which is still at work."""
    held = [httpx.Response(409, json={"type": "urn:drsorch:problem:idempotency-in-progress"})] * 20
    answers = Answers(httpx.Response(504), *held, ok(NOTHING))
    assert answers.client.post("bundle/", {}) == NOTHING


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(409, json={"type": "urn:drsorch:problem:two-persons", "detail": "It takes two persons."}),
        httpx.Response(202, json={"title": "Delete the plan “Web shop”"}),
    ],
)
def test_what_takes_a_second_person_is_said_and_has_a_code_of_its_own(run: Run, answer: httpx.Response) -> None:
    Path("dr").mkdir()
    Path("dr/web.yaml").write_text(GROUP)
    code, said = run("apply", "dr", "--no-source", answers=Answers(answer))
    assert code == Exit.SECOND_PERSON == 9
    assert "person" in said


# --- Who sits there -------------------------------------------------------------------------------------------------
def test_a_difference_is_asked_for_where_a_read_only_token_may(run: Run) -> None:
    Path("dr").mkdir()
    Path("dr/web.yaml").write_text(GROUP)
    answers = Answers(ok({**NOTHING, "dry_run": True}))
    assert run("diff", "dr", answers=answers)[0] == 0
    assert answers.asked[0].url.path == "/api/v1/bundle/diff/"


def test_a_pipeline_that_forces_colours_is_not_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    Path("dr").mkdir()
    Path("dr/web.yaml").write_text(GROUP)
    answers = Answers(ok(NOTHING))
    assert run("apply", "dr", answers=answers)[0] == 0
    assert [request.url.path for request in answers.asked] == ["/api/v1/bundle/"]


def test_the_end_of_the_input_applies_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert not Teller().agreed("Apply this?")


def test_whoever_interrupts_an_apply_is_told_that_it_can_be_repeated(run: Run) -> None:
    Path("dr").mkdir()
    Path("dr/web.yaml").write_text(GROUP)

    class Interrupting(Answers):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            raise KeyboardInterrupt

    code, said = run("apply", "dr", answers=Interrupting())
    assert (code, "apply it again" in said) == (Exit.INTERRUPTED, True)


@pytest.mark.parametrize("name", ["[red]shop[/red]", "[/]", "shop [prod]"])
def test_a_name_is_no_markup(name: str) -> None:
    shown = Console(file=io.StringIO(), width=200)
    shown.print(progress.table(execution("running", wave(name, "running", ["failed"]), plan=name)))
    assert shown.file.getvalue().count(name) >= 2


# --- The result -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("option", ["--junit=x", "--max-rto=1m", "--max-rpo=1m", "--timeout=1m"])
def test_what_needs_a_result_needs_wait(run: Run, option: str) -> None:
    code, said = run("drill", "Web shop", option, answers=Answers())
    assert (code, "needs --wait" in said) == (Exit.USAGE, True)


def test_a_time_of_the_clean_up_needs_one(run: Run) -> None:
    assert run("drill", "Web shop", "--cleanup-after", "1h", answers=Answers())[0] == Exit.USAGE


def failures(file: str) -> list[str]:
    return [str(one.get("message")) for one in ET.fromstring(Path(file).read_text()).iter("failure")]


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([httpx.Response(409, json={"detail": "Not ready."})], Exit.REFUSED, "Not ready."),
        ([ok(execution("cancelled", wave("Web", "cancelled", ["cancelled"]), outcome="By dana."))], Exit.FAILED,
         "The drill has been cancelled. By dana."),
        ([ok(execution("rejected", wave("Web", "cancelled", []))),], Exit.FAILED, "The drill has been rejected."),
        ([ok(execution("running", wave("Web", "running", ["launching"])))], Exit.STILL_RUNNING, "0 s are over"),
        ([ok(execution("failed", wave("Web", "failed", []), outcome="Odd: \x1b[31m\x00"))], Exit.FAILED,
         "The drill has failed. Odd: "),
    ],
)  # fmt: skip
def test_whatever_keeps_a_drill_from_succeeding_is_a_failure_in_its_file(
    run: Run, answers: list[Any], code: int, said: str
) -> None:
    found = run(
        "drill", "Web shop", "--wait", "--timeout", "0", "--junit", "drill.xml", answers=Answers(*answers)
    )  # fmt: skip
    assert found[0] == code, found
    assert any(message.startswith(said) for message in failures("drill.xml")), failures("drill.xml")
