"""Sealed reports and their time-stamps as files, for tools of others to verify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from reports.models import Anchor, AnchorKind, Evidence


def evidence_export(execution_id: UUID, folder: Path) -> Iterator[Path]:
    """Write each version as it was sealed (JSON), and its time-stamp if it has one (a token in DER); yield the files.

    Raises `Unavailable` for a version that is no longer what was sealed, and OSError, also if there is such a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for evidence in Evidence.objects.filter(execution=execution_id).order_by("version"):
        name = f"v{evidence.version}-{evidence.sha256[:16]}"
        files = {f"{name}.json": evidence.json}
        stamps = Anchor.objects.filter(evidence=evidence, kind=AnchorKind.TIME_STAMP, at__isnull=False)
        files |= {f"{name}.tst": bytes(stamp.token) for stamp in stamps}
        for file, content in files.items():
            with (folder / file).open("xb") as written:
                written.write(content)
            yield folder / file
