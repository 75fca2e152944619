"""A report as one page, to read and to keep: its styles are in it, and it asks for nothing from anywhere."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from foundation.wording import clock_utc
from reports.core.report import Report
from reports.core.telling.sections import glance, sections, summary

#: The page's only style.
STYLE: Final = (Path(__file__).parent / "report.css").read_text()
#: How a Content-Security-Policy allows that one.
STYLE_SOURCE: Final = f"'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"


def html_of_report(report: Report) -> bytes:
    context = {**page_of(report), "style": mark_safe(STYLE)}  # noqa: S308 # our own file
    return render_to_string("reports/report.html", context).encode()


def page_of(report: Report) -> dict[str, Any]:
    """What a template shows of a report."""
    document = report.document
    return {
        "document": document,
        "glance": glance(document),
        "sections": sections(document),
        "summary": summary(document),
        "sealed_at": clock_utc(datetime.fromisoformat(document["made_at"])),
        "sha256": report.sha256,
        "name": report.name,
    }
