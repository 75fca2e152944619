"""The forms of a report. Each is made from the report's document and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reports.core.report import Report
from reports.printing import pdf_of_report
from reports.rendering.csv_files import csv_of_report
from reports.rendering.html import html_of_report


@dataclass(frozen=True, slots=True)
class Form:
    name: str
    media_type: str
    ending: str
    make: Callable[[Report], bytes]
    #: As a person chooses it.
    label: str
    #: What it is good for.
    what: str
    #: "inline" where a browser shows it, else "attachment".
    disposition: str = "attachment"

    @property
    def content_type(self) -> str:
        return f"{self.media_type}; charset=utf-8" if self.media_type.startswith("text/") else self.media_type


def _json(report: Report) -> bytes:
    return report.json


FORMS: Final[Mapping[str, Form]] = {
    form.name: form
    for form in (
        Form("json", "application/json", "json", _json, "JSON", "The evidence itself."),
        Form("html", "text/html", "html", html_of_report, "HTML", "To read in a browser.", "inline"),
        Form("csv", "application/zip", "zip", csv_of_report, "CSV", "Servers, steps, events and findings, zipped."),
        Form("pdf", "application/pdf", "pdf", pdf_of_report, "PDF", "To hand over, with the JSON inside."),
    )
}
