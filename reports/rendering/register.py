"""The forms of the register over all plans. Each is made from its document and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from audit.canonical import canonical
from foundation.files.csv_text import MEDIA_TYPE, whole_file
from reports.core.register_table import COLUMNS, table
from reports.printing import pdf_of_register


@dataclass(frozen=True, slots=True)
class RegisterForm:
    name: str
    media_type: str
    make: Callable[[Mapping[str, Any]], bytes]


def _csv(document: Mapping[str, Any]) -> bytes:
    return "".join(whole_file(COLUMNS, table(document))).encode()


REGISTER_FORMS: Final[Mapping[str, RegisterForm]] = {
    form.name: form
    for form in (
        RegisterForm("json", "application/json", canonical),
        RegisterForm("csv", MEDIA_TYPE, _csv),
        RegisterForm("pdf", "application/pdf", pdf_of_register),
    )
}


def file_name(document: Mapping[str, Any], form: RegisterForm) -> str:
    """`drsorch-register-2026-11-28.csv`."""
    return f"drsorch-register-{document['made_at'][:10]}.{form.name}"
