"""Reports as PDF."""

from __future__ import annotations

from reports.core.report import Report


def pdf_of_report(report: Report) -> bytes:
    return b"%PDF" + report.json


def sha256_in(pdf: bytes) -> str | None:
    return None
