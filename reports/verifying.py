"""Is this file a report that was sealed here, to the byte? And is what was sealed still what the record says?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from audit import verification
from executions.core.states import EXECUTION_ACTIVE
from executions.models import Execution
from foundation.errors import Unavailable
from foundation.wording import clock_utc
from reports.core.report import Report
from reports.models import Evidence
from reports.printing import pdf_of_report, sha256_in

#: Larger than the report of 4,000 servers, as JSON or as PDF.
MAX_BYTES: Final = 100 * 1024 * 1024
_PORTION: Final = 100
#: Where a report says what it is, however it is spelled: the first execution that it names, and the version.
_EXECUTION: Final = re.compile(rb'"execution_id"\s*:\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')
_VERSION: Final = re.compile(rb'"seal"\s*:\s*\{[^{}]*?"version"\s*:\s*([0-9]{1,9})\b')


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a file. `sentences` say it to anybody, the first of them the result."""

    ok: bool
    sentences: tuple[str, ...]
    evidence: Evidence | None = None
    #: What is wrong with the record, for whoever runs drsorch: it may tell of more than the file does.
    faults: tuple[str, ...] = ()


def file_verify(content: bytes) -> Verdict:
    """Hold a file against what was sealed. It may be anything: nothing of it is run or shown."""
    if content.startswith(b"%PDF"):
        return _pdf(content)
    if re.match(rb"\s*\{", content):
        return _json(content)
    sentence = "This is neither the PDF nor the JSON of a report. HTML and CSV cannot be verified: verify the JSON."
    return Verdict(False, (sentence,))


def _json(content: bytes) -> Verdict:
    sha256 = hashlib.sha256(content).hexdigest()
    found = _sealed(sha256)
    if found is not None:
        return _held(found, f"This is the report that was sealed, to the byte. SHA-256: {sha256}.")
    named = _named_in(content)
    if named is None:
        return Verdict(False, (f"drsorch has not sealed this file. Its SHA-256 is {sha256}.",))
    return _changed(named, sha256)


def _pdf(content: bytes) -> Verdict:
    sha256 = sha256_in(content)
    found = _sealed(sha256) if sha256 else None
    if found is None:
        said = f": drsorch has sealed no report with the SHA-256 {sha256}" if sha256 else ""
        return Verdict(False, (f"This PDF is not a report that was sealed here{said}.",))
    try:
        stored = found.json
    except Unavailable as error:
        return Verdict(False, ("drsorch cannot tell whether this PDF is what was sealed.", error.detail), found)
    if pdf_of_report(Report.read(stored)) != content:
        return Verdict(
            False,
            (
                f"This PDF was changed. It says that it is {_name(found)}, but it is not what drsorch prints of that.",
                "Download that version again, and compare the two.",
            ),
            found,
        )
    return _held(found, f"This is the report that was sealed, to the byte. SHA-256 of its JSON: {sha256}.")


def _held(found: Evidence, sentence: str) -> Verdict:
    """The file is what is stored; is what is stored what the signed record says?"""
    faults = verification.faults(found.execution)
    if faults:
        return Verdict(
            False,
            (
                f"The file is the same as the stored {_name(found)}, but the record that it is held against was "
                "changed.",
                f"Ask whoever runs drsorch what: manage.py verify_evidence --execution {found.execution_id}.",
            ),
            found,
            tuple(faults[:20]),
        )
    return Verdict(
        True, (sentence, f"It is {_name(found)}, sealed {clock_utc(found.sealed_at)}.", *_newer(found)), found
    )


def _newer(found: Evidence) -> Iterator[str]:
    newest = (
        Evidence.objects.filter(execution=found.execution_id).order_by("-version").values_list("version", flat=True)[0]
    )
    if newest != found.version:
        yield f"There is a newer version: {newest}."


def _changed(named: Evidence, sha256: str) -> Verdict:
    """Whoever made the file may know no more of the execution than its id."""
    return Verdict(
        False,
        (
            f"This file was changed. It says that it is version {named.version} of the report of execution "
            f"{named.execution_id}, and it is not what was sealed.",
            f"SHA-256 of this file: {sha256}",
            "Download that version again, and compare the two.",
        ),
        named,
    )


def _sealed(sha256: str) -> Evidence | None:
    return Evidence.objects.select_related("execution").filter(sha256=sha256).first()


def _named_in(content: bytes) -> Evidence | None:
    """The version that the file says it is, if there is such a one. It is not parsed: a stranger's would take
    gigabytes."""
    execution, version = _EXECUTION.search(content), _VERSION.search(content)
    if execution is None or version is None:
        return None
    found = Evidence.objects.select_related("execution")
    return found.filter(execution=UUID(execution[1].decode()), version=int(version[1])).first()


def _name(evidence: Evidence) -> str:
    run = evidence.execution
    return f"version {evidence.version} of the report of the {run} of {clock_utc(run.requested_at)}"


# --- everything that was sealed -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    execution_id: str
    name: str
    message: str


def everything() -> Iterator[UUID]:
    """The executions of which there is evidence, or should be: those that are over, and those retried since."""
    is_sealed = Exists(Evidence.objects.filter(execution=OuterRef("pk")))
    some = Execution.objects.filter(~Q(status__in=EXECUTION_ACTIVE) | is_sealed)
    yield from some.order_by("requested_at", "pk").values_list("pk", flat=True).iterator(2000)


def evidence_verify(execution_ids: Iterator[UUID]) -> Iterator[tuple[int, list[Fault]]]:
    """Verify the chains of these executions with all that they seal: some at a time, (how many, what is wrong)."""
    portion: list[UUID] = []
    for execution_id in execution_ids:
        portion.append(execution_id)
        if len(portion) == _PORTION:
            yield _verify(portion)
            portion = []
    if portion:
        yield _verify(portion)


def _verify(execution_ids: list[UUID]) -> tuple[int, list[Fault]]:
    result = verification.verify([str(each) for each in execution_ids])
    versions = Evidence.objects.filter(execution__in=execution_ids).count()
    return versions, [Fault(fault.subject_id, fault.name, fault.message) for fault in result.faults]
