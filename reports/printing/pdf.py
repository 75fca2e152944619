"""The documents that are printed: a report of an execution, a plan's runbook, a register over all plans."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from audit.canonical import plain
from foundation.errors import Invalid
from reports.core.report import Report
from reports.printing.characters import printable
from reports.printing.press import pressed

#: The template of each format. A released one never changes: a report of last year is printed, byte for byte, as it
#: was then.
TEMPLATES: Final = {"drsorch-evidence-1": "evidence-1.typ"}
#: Where XMP, which PDF/A wants in clear text, has the keywords. A title cannot look like it: its `<` is escaped.
_KEYWORDS: Final = re.compile(rb"<pdf:Keywords>([^<]*)</pdf:Keywords>")
_HASH: Final = re.compile(rb"drsorch-evidence sha256:([0-9a-f]{64})(?![0-9a-f])")


def pdf_of_report(report: Report) -> bytes:
    """PDF/A-3 and PDF/UA, with the canonical JSON attached. The same report makes the same bytes.

    Raises `Invalid` for a format that has no template, `Unavailable` as `press.pressed` does.
    """
    template = TEMPLATES.get(str(report.document.get("format")))
    if template is None:
        raise Invalid("This version of drsorch has no PDF for a report of that format.")
    inputs = {"json": report.json.decode(), "sha256": report.sha256}
    return _pressed(template, report.document, str(report.document["made_at"]), **inputs)


def pdf_of_runbook(document: Mapping[str, Any]) -> bytes:
    """A plan's runbook: no evidence, and not sealed. The same document makes the same bytes.

    "made_at", "made_by"; "plan": "name", "revision", "saved_at", "saved_by", "description", "contacts",
    "rto_target_seconds", "rpo_target_seconds", "mtpd_seconds", "archived"; "purpose": [{"label", "text"}]; "runbook":
    the dataclass of `plans.screens.runbook` as a dictionary. Raises `Unavailable` as `press.pressed` does.
    """
    return _pressed("runbook.typ", plain(document), str(plain(document["made_at"])))


def pdf_of_register(document: Mapping[str, Any]) -> bytes:
    """Of "drsorch-register-1". Raises `Unavailable` as `press.pressed` does."""
    return _pressed("register.typ", plain(document), str(plain(document["made_at"])))


def sha256_in(pdf: bytes) -> str | None:
    """The SHA-256 that a report's PDF says its JSON has, in hex; None if it names none, or several.

    It is what the file says, not a proof: whoever verifies compares the file with one that is printed from the JSON.
    """
    named = {each for words in _KEYWORDS.findall(pdf) for each in _HASH.findall(words)}
    return named.pop().decode() if len(named) == 1 else None


def _pressed(template: str, document: Mapping[str, Any], made_at: str, **inputs: str) -> bytes:
    data = json.dumps(printable(document), ensure_ascii=True, sort_keys=True)
    return pressed(template, {"data": data, **inputs}, at=int(datetime.fromisoformat(made_at).timestamp()))
