"""Reports as PDF: reproducible, with the evidence inside, whatever a report says."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from pytest_django.fixtures import Settings

from foundation.durations import exact
from foundation.errors import Invalid, Unavailable
from reports.core.evidence import evidence
from reports.core.report import FORMATS, Report
from reports.core.rows import Row, Rows
from reports.printing import pdf_of_report, press, sha256_in
from reports.printing.coverage import MONO, SANS
from reports.printing.pdf import TEMPLATES
from tests.factories.documents import make_report, make_rows
from tests.factories.golden_report import GOLDEN_REPORT

pytestmark = pytest.mark.any_database


def text_of(pdf: bytes) -> str:
    """All that it shows, without blanks and line ends."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


@pytest.fixture(scope="module")
def report() -> Report:
    return make_report(5)


@pytest.fixture(scope="module")
def pdf(report: Report, django_db_setup: None) -> bytes:
    return pdf_of_report(report)


def test_a_report_is_printed_byte_for_byte_the_same_every_time(report: Report, pdf: bytes) -> None:
    assert pdf_of_report(Report.read(report.json)) == pdf


def test_the_evidence_is_inside_and_its_hash_is_on_every_page_and_in_clear_text(report: Report, pdf: bytes) -> None:
    reader = PdfReader(io.BytesIO(pdf))
    assert reader.attachments == {"drsorch-evidence.json": [report.json]}
    assert sha256_in(pdf) == hashlib.sha256(report.json).hexdigest()
    for number, page in enumerate(reader.pages, 1):
        shown = page.extract_text()
        assert report.sha256 in shown
        assert f"Page {number} of {len(reader.pages)}" in shown
    assert reader.metadata is not None
    assert reader.metadata.title == f"Evidence report: Web shop, drill {report.document['identity']['execution_id']}"


def test_it_is_made_to_be_kept_and_to_be_read_aloud(pdf: bytes) -> None:
    said = pdf[pdf.index(b"<?xpacket begin") :].decode(errors="replace")
    assert "<pdfaid:part>3</pdfaid:part>" in said
    assert "<pdfaid:conformance>U</pdfaid:conformance>" in said
    assert "<pdfuaid:part>1</pdfuaid:part>" in said
    assert b"en-GB" in pdf


def test_a_sealed_report_does_not_say_that_it_is_preliminary(pdf: bytes) -> None:
    assert all("PRELIMINARY" not in page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    assert "Sealed, version 2" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


# --- every member is shown ----------------------------------------------------------------------------------------

#: Members that a page shows in other words, or that only say how to read the rest. Everything else has to be found.
IN_OTHER_WORDS = {
    "seal.because": "a sentence",
    "is_final": "a sentence",
    "identity.is_over": "a sentence",
    "people.break_glass": "a sentence",
    "people.approvals.*.approved": "approved, rejected",
    "people.step_approvals.*.approved": "approved, rejected",
    "people.sign_offs.*.before_retry": "a sentence",
    "timeline.validated.before_retry": "a sentence",
    "cleanup.status": "a sentence",
    "cleanup.instances.*.terminated": "yes, no",
    "evidence.verified": "a sentence",
    "objectives.*.met": "met, not met",
    "objectives.trend.*": "so much longer, or shorter",
    "utc_offset_minutes": "UTC+01:00",
}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, item in value.items():
                yield from leaves(item, f"{path}.{key}" if path else key)
        case list():
            for item in value:
                yield from leaves(item, f"{path}.*")
        case _:
            yield path, value


def distinct(value: Any, path: str = "", counter: list[int] | None = None) -> Any:
    """The document with a text, number or time of its own in every place, so that each can be looked for."""
    counter = [0] if counter is None else counter
    match value:
        case dict():
            return {key: distinct(item, f"{path}.{key}" if path else key, counter) for key, item in value.items()}
        case list():
            return [distinct(item, f"{path}.*", counter) for item in value]
        case bool() | None:
            return value
        case int():
            counter[0] += 1
            return 100_000 + 61 * counter[0]
        case str() if re.match(r"\d{4}-\d\d-\d\dT", value):
            counter[0] += 1
            at = datetime(2026, 11, 28, tzinfo=UTC) + timedelta(seconds=61 * counter[0])
            return at.isoformat(timespec="microseconds")
        case str() if path in ("format", "identity.kind", "findings.*.status", "time_zone", "people.sign_offs.*.role"):
            return value
        case _:
            counter[0] += 1
            return f"w{counter[0]}w"


def shown_as(value: Any) -> set[str]:
    match value:
        case int():
            return {str(value), exact(value).replace(" ", "")}
        case str() if re.match(r"\d{4}-\d\d-\d\dT", value):
            return {f"{value[:10]}{value[11:19]}"}
        case _:
            return {value.replace("_", "").replace(" ", ""), value.replace(" ", "")}


def test_every_member_of_a_report_is_shown() -> None:
    document = distinct(_everything())
    shown = text_of(pdf_of_report(Report.of(document)))
    missing = {
        path
        for path, value in leaves(document)
        if value is not None
        and not isinstance(value, bool)
        and path not in IN_OTHER_WORDS
        and not any(re.fullmatch(pattern.replace("*", r"[^.]+"), path) for pattern in IN_OTHER_WORDS)
        and not any(each in shown for each in shown_as(value))
    }
    assert not missing
    paths = {path for path, _ in leaves(document)}
    assert all(any(re.fullmatch(pattern.replace("*", r"[^.]+"), path) for path in paths) for pattern in IN_OTHER_WORDS)


def _everything() -> dict[str, Any]:
    """A document in which as little as possible is null, and no list is empty."""
    rows = make_rows(
        5, reviewed_at=datetime(2026, 11, 29, tzinfo=UTC), reviewed_by_name="aldo", review_comment="Justified.",
        break_glass=True, recovery_over_at=datetime(2026, 11, 30, tzinfo=UTC), recovery_over_by_name="dana",
        recovery_over_comment="Back home.", kind="recovery", point_in_time=datetime(2026, 11, 27, tzinfo=UTC),
    )  # fmt: skip
    rows = replace(rows, faults=("Event 7 was changed.",))
    document = dict(evidence(rows, {"version": 2, "because": "signed_off"}).document)
    document["evidence"] |= {"aws_request_ids": ["a1b2"], "launch_settings_sha256": "ab" * 32}
    document["cleanup"] |= {"volumes": ["vol-1"], "cost": "12 USD"}
    document["identity"] |= {"schedule": "Every first Sunday"}
    for server in document["servers"]:
        server |= {"cleanup_error": "It hangs.", "error": "It failed.", "hostname": "web-1"}
    for step in document["steps"]:
        step |= {"output": "It said so.", "error": "It broke.", "description": "It matters."}
    for each in (*document["cleanup"]["instances"], *document["result"]["checks"]):
        each |= {"error": "No answer."}
    for finding in document["findings"]:
        finding |= {"reported_on": "2026-12-01", "retest_execution": "0000", "settled_at": document["made_at"]}
    return document


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("America/St_Johns", "03:00UTC(2026-11-2723:30,UTC−03:30)"),
        ("UTC", "03:00UTCPartially"),
    ],
)
def test_local_times_stand_beside_those_in_utc(zone: str, said: str) -> None:
    assert said in text_of(pdf_of_report(evidence(replace(make_rows(0), time_zone=zone))))


def test_what_nobody_recorded_is_said_so() -> None:
    report = evidence(_bare())
    assert sum(value is None for _, value in leaves(report.document)) > 80
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf_of_report(report))).pages]
    assert all("PRELIMINARY, not sealed" in page for page in pages)
    assert sum(page.count("not recorded") for page in pages) > 40
    assert any("The execution was not started:" in page for page in pages)


def _bare() -> Rows:
    """Of an execution that was just requested, of which nobody has said anything yet."""
    rows = make_rows(2)
    kept = {"kind", "name", "plan_name", "requested_at", "source_server_id", "when"}

    def bare(row: Row) -> Row:
        blank = {name: "" if isinstance(value, str) else None for name, value in row.items() if name not in kept}
        return {
            name: blank[name] if isinstance(row[name], str | datetime) and name in blank else row[name] for name in row
        }

    execution = {
        **bare(rows.execution), "status": "awaiting_approval", "cleanup_status": "none", "requested_by_name": "dana",
        "business_functions": [], "approvals_required": 2, "cleanup_after_seconds": None, "mtpd_seconds": None,
        **{f"{name}_{kind}_seconds": None for name in ("rto", "rpo") for kind in ("target", "actual")},
    }  # fmt: skip
    return replace(
        rows, execution=execution, plan_sha256="", tags={}, events=(), changes=(), validated={}, findings=(),
        sign_offs=(), earlier=(), approvals=(), late=(), faults=None,
        waves=[{**bare(wave), "status": "waiting", "on_failure": "stop"} for wave in rows.waves],
        steps=[{**bare(step), "status": "pending"} for step in rows.steps],
        servers=[
            {**bare(server), "status": "pending", "private_ips": [], "phase_times": {}} for server in rows.servers
        ],
    )  # fmt: skip


def test_the_smallest_report_is_printed() -> None:
    shown = text_of(pdf_of_report(evidence(replace(_bare(), waves=(), steps=(), servers=(), sites={}))))
    assert "Theexecutionwasnotstarted" in shown


# --- whatever it says -----------------------------------------------------------------------------------------------

#: Every character that a font of ours has. PDF/A forbids one that none has, and typst then makes no PDF.
EVERY = "".join(
    chr(number)
    for ranges in (SANS, MONO)
    for low, _, high in (pair.partition("-") for pair in ranges.split())
    for number in range(int(low, 16), int(high or low, 16) + 1)
)


def test_of_thousands_of_events_each_is_a_paragraph(report: Report) -> None:
    """In place of a row of a table, which would take gigabytes. So it is with servers: the bench prints 4,000."""
    event = report.document["events"][0]
    events = [{**event, "sequence": number} for number in range(1501)]
    pdf = pdf_of_report(Report.of({**report.document, "events": events}))
    shown = re.sub(r"\s+", " ", PdfReader(io.BytesIO(pdf)).pages[-1].extract_text())
    assert "1500 2026-11-28 02:50:12.345678 dana requested the drill. Reason: Quarterly" in shown
    assert f"dana by screen · execution.requested {event['hash']}" in shown


def test_whatever_people_and_machines_write_is_text() -> None:
    hostile = '#read("/etc/passwd") #panic() $x^2$ *b* = H\n- a <l> @r \\ " ] } /* // `x` #import "@preview/x:1.0.0"'
    rows = make_rows(
        2, plan_name=hostile, reason="W" * 500, objectives="日本語 " * 500,
        assumptions="👩‍🚒\u202e\x00\x1b", expected_outcome="e" + "\u0301" * 999, risk_reference=" ", outcome=hostile,
        business_functions=[hostile, ""],
    )  # fmt: skip
    rows = replace(
        rows,
        events=[*rows.events, replace(rows.events[-1], sequence=99, sentence="0123 " * 20_000, subject=hostile)],
        waves=[{**wave, "name": f"{'W' * 200}{wave['id']}"} for wave in rows.waves],
    )  # fmt: skip
    report = evidence(rows)
    pdf = pdf_of_report(report)
    shown = text_of(pdf)
    assert re.sub(r"\s", "", hostile) in shown
    assert "‹U+1F469U+200DU+1F692U+202EU+0000U+001B›" in shown
    assert "W" * 200 in shown
    assert "root:" not in shown
    assert PdfReader(io.BytesIO(pdf)).attachments["drsorch-evidence.json"] == [report.json]
    # What is in its keywords is the hash alone, whatever the plan is called.
    assert sha256_in(pdf) == report.sha256


def test_every_character_that_is_printed_as_it_is_has_a_glyph() -> None:
    assert pdf_of_report(make_report(0, scenario=EVERY)).startswith(b"%PDF-")


def test_a_plan_cannot_name_another_hash() -> None:
    report = make_report(0, plan_name=f"<pdf:Keywords>drsorch-evidence sha256:{'0' * 64}</pdf:Keywords>")
    assert sha256_in(pdf_of_report(report)) == report.sha256


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7",
        b"drsorch-evidence sha256:" + b"0" * 64,
        b"<pdf:Keywords>drsorch-evidence sha256:" + b"0" * 63 + b"</pdf:Keywords>",
        b"<pdf:Keywords>drsorch-evidence sha256:" + b"0" * 65 + b"</pdf:Keywords>",
        b"".join(b"<pdf:Keywords>drsorch-evidence sha256:" + each * 64 + b"</pdf:Keywords>" for each in (b"0", b"1")),
    ],
)
def test_a_file_that_names_no_hash_or_two_has_none(content: bytes) -> None:
    assert sha256_in(content) is None


# --- a released template never changes ------------------------------------------------------------------------------


#: SHA-256 of the PDF of `GOLDEN_REPORT`. If it differs, PDFs that auditors have no longer verify. Do not write the new
#: hash here: undo what changed (a template, the kit, a font, the table of characters, the version of typst), or release
#: a new format, with a template and a golden report of its own. Only before the first release may it change.
GOLDEN = "25f2ae8c18125a5d174c493ace06695d6fc5000d1bed914f4120097871b380d8"


def test_a_report_of_a_released_format_is_printed_as_it_always_was() -> None:
    assert hashlib.sha256(pdf_of_report(Report.of(GOLDEN_REPORT))).hexdigest() == GOLDEN


def test_every_format_has_its_template() -> None:
    assert TEMPLATES.keys() == set(FORMATS)
    with pytest.raises(Invalid, match="no PDF for a report of that format"):
        pdf_of_report(Report({"format": "drsorch-evidence-0"}))


# --- time -------------------------------------------------------------------------------------------------------------


def test_what_takes_too_long_is_ended(report: Report, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DRSORCH_PRINT_SECONDS = 0.05
    with pytest.raises(Unavailable, match=r"not ready after 0\.05 s"):
        pdf_of_report(report)
    settings.DRSORCH_PRINT_SECONDS = 60
    assert pdf_of_report(report).startswith(b"%PDF-")


def test_the_environment_has_no_say(
    report: Report, pdf: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "typst.py").write_text("raise SystemExit")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    monkeypatch.setenv("TYPST_FONT_PATHS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert pdf_of_report(report) == pdf


def test_while_one_is_made_another_waits_and_then_gives_up(report: Report, settings: Settings) -> None:
    settings.DRSORCH_PRINT_SECONDS = 0.05
    with press.ONE, pytest.raises(Unavailable, match=r"Another PDF is being made\. Try again in a minute\."):
        pdf_of_report(report)


def test_when_two_wait_the_next_is_told_at_once(report: Report) -> None:
    """With the usual limit of a minute, eight downloads would otherwise hold every thread that answers people."""
    with press.WAITING, press.WAITING, pytest.raises(Unavailable, match="Another PDF is being made"):
        pdf_of_report(report)
    assert pdf_of_report(report).startswith(b"%PDF-")


def test_what_typst_says_goes_to_the_log_and_not_to_the_reader(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unavailable) as refused:
        press.pressed("evidence-1.typ", {"data": "{}", "json": "{}", "sha256": ""}, at=0)
    assert str(refused.value) == "The PDF could not be made; the log of drsorch has the cause. Download another format."
    assert "printing.failed" in caplog.text
    assert "seal" in caplog.text
