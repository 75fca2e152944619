"""A report: a document, the one spelling of it, and the hash of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from audit.canonical import canonical, plain
from foundation.errors import Invalid

#: Of the document's members and what they mean. A released format never changes: a report of it is rendered by the
#: template of its own format, so that it is the same, bit for bit, for as long as it is kept.
FORMAT: Final = "drsorch-evidence-1"
FORMATS: Final = (FORMAT,)

#: The blocks, in the order in which a reader meets them.
BLOCKS: Final = (
    "identity", "why", "scope", "people", "timeline", "objectives", "result", "deviations", "integrity", "findings",
    "cleanup", "evidence",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """`document` is plain JSON without floats: text, whole numbers, true, false, null, lists and objects."""

    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Report:
        """Raises `ValueError` for what does not belong into evidence: a float, or anything that is not JSON."""
        made = plain(document)
        _refuse_floats(made, "")
        return cls(made)

    @classmethod
    def read(cls, text: bytes) -> Report:
        """A report as it was written. Raises `Invalid` for anything else."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Invalid("This is not a report of drsorch: it is not JSON.") from error
        if not isinstance(document, dict) or document.get("format") not in FORMATS:
            raise Invalid("This is not a report of drsorch: it does not name a format that this version knows.")
        return cls(document)

    @cached_property
    def json(self) -> bytes:
        """The canonical JSON, which is the evidence: sorted keys, no spaces, ASCII."""
        return canonical(self.document)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.json).hexdigest()

    @property
    def name(self) -> str:
        """What a file of it is called, without its ending."""
        identity, seal = self.document["identity"], self.document["seal"]
        version = f"v{seal['version']}" if seal else "preliminary"
        return f"drsorch-{identity['kind']}-{identity['execution_id'][:8]}-{version}"


def _refuse_floats(value: Any, path: str) -> None:
    match value:
        case float():
            raise ValueError(f"{path} is {value}: evidence has whole numbers only.")
        case dict():
            for key, item in value.items():
                _refuse_floats(item, f"{path}.{key}")
        case list():
            for at, item in enumerate(value):
                _refuse_floats(item, f"{path}.{at}")
