"""Somebody drops a file: is it the report that was sealed, to the byte?"""

from __future__ import annotations

import io
import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory

from executions.models import Execution
from reports.core.report import Report
from reports.models import Evidence
from reports.rendering import FORMS
from reports.screens.verify import _Throttle
from reports.verifying import file_verify
from tests.harness import EngineHarness

pytestmark = pytest.mark.any_database


def drop(content: bytes, name: str = "report.json", client: Client | None = None) -> Any:
    return (client or Client()).post("/verify/", {"file": SimpleUploadedFile(name, content)})


def test_nobody_signs_in_to_verify_and_the_json_is_the_sealed_one(sealed: Evidence) -> None:
    page = Client().get("/verify/")
    assert page.status_code == 200
    answer = drop(sealed.json)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<h2>Yes</h2>" in text
    assert f"SHA-256: {sealed.sha256}" in text
    assert "It is version 1 of the report of the drill of Web shop of 3 Mar 2026 09:00:00 UTC, sealed" in text


def test_one_byte_of_the_json_is_found_wherever_it_is(sealed: Evidence) -> None:
    for at in range(0, len(sealed.json), len(sealed.json) // 20):
        changed = bytearray(sealed.json)
        changed[at] ^= 1
        assert not file_verify(bytes(changed)).ok
    shorter = json.loads(sealed.json)
    shorter["result"]["outcome"] = "All servers launched."
    verdict = file_verify(Report(shorter).json)
    assert verdict.sentences[0].startswith("This file was changed. It says that it is version 1 of the report of")
    pretty = json.dumps(json.loads(sealed.json), indent=2).encode()
    assert file_verify(pretty).sentences[0].startswith("This file was changed. It says that it is version 1 of the")


def test_a_file_that_was_made_up_learns_nothing_of_the_execution_that_it_names(sealed: Evidence) -> None:
    forged = json.dumps({"execution_id": str(sealed.execution_id), "seal": {"version": 1}}).encode()
    said = " ".join(file_verify(forged).sentences)
    assert "This file was changed." in said
    for secret in ("Web shop", "drill", "3 Mar 2026", sealed.sha256):
        assert secret not in said


def test_a_stranger_s_file_is_not_parsed(db: None) -> None:
    """Sixty megabytes of lists would take two gigabytes."""
    content = b'{"a":[' + b",".join([b"[]"] * 300_000) + b"]}"
    tracemalloc.start()
    try:
        assert not file_verify(content).ok
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5 * len(content)


def test_one_byte_of_the_pdf_is_found(sealed: Evidence) -> None:
    pdf = FORMS["pdf"].make(Report.read(sealed.json))
    assert file_verify(pdf).ok
    changed = bytearray(pdf)
    changed[len(pdf) // 2] ^= 1
    verdict = file_verify(bytes(changed))
    assert not verdict.ok
    assert verdict.sentences[0].startswith("This PDF was changed.")
    assert not file_verify(pdf + b"\n").ok


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The submitted file is empty|The file is empty"),
        (b"hello", "neither the PDF nor the JSON of a report. HTML and CSV cannot be verified"),
        (b"%PDF-1.7 nothing", "This PDF is not a report that was sealed here"),
        (b"{}", "drsorch has not sealed this file"),
        (b'{"identity": {"execution_id": 7}, "seal": []}', "drsorch has not sealed this file"),
        (b"{" * 5000, "drsorch has not sealed this file"),
        (b'{"a": "\xff"}', "drsorch has not sealed this file"),
    ],
)
def test_any_other_file_gets_a_sentence(db: None, content: bytes, says: str) -> None:
    text = drop(content).content.decode().replace("&#x27;", "'")
    assert any(one in text for one in says.split("|"))
    assert "<h2>Yes</h2>" not in text


def test_an_older_version_is_still_the_sealed_one(sealed: Evidence, dana: Any) -> None:
    from reports.sealing import evidence_current
    from reports.services.notes import note_add

    note_add(execution=sealed.execution, by=dana, text="Later.")
    evidence_current(Execution.objects.get(pk=sealed.execution_id))
    assert file_verify(sealed.json).sentences[-1] == "There is a newer version: 2."


def test_a_file_that_equals_a_row_that_was_forged_is_no_proof(sealed: Evidence, harness: EngineHarness) -> None:
    """Somebody with the database writes a report of their own into it, with its right SHA-256."""
    import hashlib

    harness.keeps_to_the_record = False
    forged = sealed.json.replace(b'"status":"succeeded"', b'"status":"succeeded"', 1).replace(b"db-1", b"db-9")
    sha256 = hashlib.sha256(forged).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reports_evidence SET data = %s, sha256 = %s", [zlib.compress(forged), sha256])
    verdict = file_verify(forged)
    assert not verdict.ok
    assert "the record that it is held against was changed" in verdict.sentences[0]
    assert any("content was changed after it was sealed" in fault for fault in verdict.faults)
    # Strangers read the page: what is wrong may tell of more than the file does.
    page = drop(forged).content.decode()
    assert "the record that it is held against was changed" in page
    assert "after it was sealed" not in page


@pytest.mark.parametrize("how", ["rubbish", "another report"])
def test_what_somebody_wrote_in_its_place_is_given_to_nobody(
    sealed: Evidence, harness: EngineHarness, dana: Any, browser_of: Any, how: str
) -> None:
    harness.keeps_to_the_record = False
    pdf = FORMS["pdf"].make(Report.read(sealed.json))
    data = how.encode() if how == "rubbish" else zlib.compress(sealed.json.replace(b"db-1", b"db-9"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reports_evidence SET data = %s", [data])
    verdict = file_verify(pdf)
    assert not verdict.ok
    assert "Version 1 of the report was changed in the database after it was sealed" in verdict.sentences[1]
    page = browser_of(dana).get(f"/admin/reports/{sealed.execution_id}/report.json")
    assert page.status_code == 503
    assert b"db-9" not in page.content


def test_strangers_are_slowed_down(db: None, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    client = Client()
    answers = [drop(b"hello", client=client).status_code for _ in range(22)]
    assert answers[:20] == [200] * 20
    assert 429 in answers[20:]
    # What they go on sending is not even read.
    unread = Mock(read=Mock(side_effect=AssertionError("read")))
    form = {"content_type": "multipart/form-data; boundary=x", "CONTENT_LENGTH": "5000000", "wsgi.input": unread}
    answer = Client(enforce_csrf_checks=True).post("/verify/", **form)
    assert answer.status_code == 429
    assert b"Too many files from your address" in answer.content


def test_one_subscriber_of_ipv6_is_one_stranger() -> None:
    def key(address: str) -> str:
        return _Throttle().get_cache_key(RequestFactory().post("/verify/", REMOTE_ADDR=address), None)

    assert key("2001:db8::1") == key("2001:db8::2") != key("2001:db8:0:1::1")
    assert key("192.0.2.1") != key("192.0.2.2")


# --- the command --------------------------------------------------------------------------------------------------


def run(*args: Any) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("verify_evidence", *args, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}", error.returncode
    return out.getvalue(), err.getvalue(), 0


def test_the_command_verifies_files_and_everything_that_was_sealed(
    sealed: Evidence, harness: EngineHarness, tmp_path: Path
) -> None:
    file, other = tmp_path / "report.json", tmp_path / "other.json"
    file.write_bytes(sealed.json)
    other.write_bytes(sealed.json + b" ")
    said, _, status = run(str(file))
    assert (status, "This is the report that was sealed, to the byte" in said) == (0, True)
    said, complained, status = run(str(file), str(other))
    assert (status, "other.json: This file was changed" in complained) == (1, True)
    assert run()[0] == "1 sealed report verified: nothing was changed.\n"
    assert run("--execution", str(sealed.execution_id))[2] == 0
    assert run("--execution", "nothing")[2] == 2
    assert run(str(tmp_path / "missing"))[2] == 2
    harness.keeps_to_the_record = False
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reports_evidence SET data = %s", [b"rubbish"])
    _, complained, status = run()
    assert (status, "evidence version 1: its content was changed" in complained) == (1, True)
