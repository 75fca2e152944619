"""A report's lists as CSV, one file each, in a zip archive. The same report makes the same bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from foundation.files.csv_text import whole_file
from reports.core.report import Report

#: The lists of the document, and their columns.
FILES: Final[Mapping[str, Sequence[str]]] = {
    "servers": (
        "wave", "protection_group", "hostname", "source_server_id", "os", "site", "tags", "status", "attempts",
        "job_id", "recovery_instance_id", "recovery_snapshot_id", "recovery_point_at", "recovery_point_age_seconds",
        "private_ips", "started_at", "finished_at", "launch_seconds", "up_after_seconds", "phases", "error",
        "cleanup_error",
    ),
    "steps": (
        "wave", "name", "description", "when", "kind", "status", "attempts", "started_at", "finished_at", "seconds",
        "output", "error",
    ),
    "events": ("sequence", "at", "actor", "via", "type", "subject", "sentence", "reason", "hash"),
    "findings": (
        "id", "title", "severity", "owner", "due_on", "description", "action", "ticket_url", "status", "resolution",
        "reported_on", "retest_execution", "added_at", "added_by", "settled_at", "settled_by",
    ),
}  # fmt: skip
#: Of every member of the archive: the earliest that a zip archive knows, so that the same report makes the same bytes.
_AT: Final = (1980, 1, 1, 0, 0, 0)


def csv_of_report(report: Report) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for name, columns in FILES.items():
            member = zipfile.ZipInfo(f"{report.name}-{name}.csv", _AT)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            with files.open(member, "w") as file:
                for piece in whole_file(columns, _rows(report.document[name], columns)):
                    file.write(piece.encode())
        about = zipfile.ZipInfo("about.txt", _AT)
        about.external_attr = 0o644 << 16
        files.writestr(about, f"Made from {report.name}.json, SHA-256 {report.sha256}.\n")
    return archive.getvalue()


def _rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterable[Sequence[Any]]:
    return ([_cell(row[name]) for name in columns] for row in rows)


def _cell(value: Any) -> Any:
    """A list or an object as JSON; times stay as the document writes them."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict | list) else value
