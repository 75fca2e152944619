"""What the events of an execution say of the rows of its dossier.

An event seals these rows as they are by then (`holding`): what somebody had changed in the database before would be
sealed with them, and pass for the record from then on. So each row is held to what was said of it by its own events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from audit import record
from audit.canonical import canonical, moment, plain
from audit.event_types import EventType
from audit.holding import Told
from reports.models import Anchor, FindingStatus

ANCHOR: Final = "anchor"
#: Kind of row -> what identifies it in its events -> fields, as marks.
Rows = dict[str, dict[str, dict[str, Any]]]
#: Of a finding, what its events do not say: when, by the clock of the row, and by which user's id.
_NOT_SAID: Final = frozenset({"added_at", "settled_at", "saved_by_id"})
_BLANK: Final[tuple[Any, ...]] = (None, "")
#: Longer texts are kept as their hash: there may be hundreds of a chain.
_SHORT: Final = 100


@dataclass(slots=True)
class Said:
    """Of one execution, up to some event."""

    rows: Rows = field(default_factory=dict)
    #: {version: SHA-256} of what was sealed, and versions that were sealed more than once: a row was removed.
    sealed: dict[int, str] = field(default_factory=dict)
    twice: set[int] = field(default_factory=set)

    def follow(self, event: Told) -> None:
        detail = event.detail
        match event.type:
            case EventType.EVIDENCE_SEALED:
                if detail["version"] in self.sealed:
                    self.twice.add(detail["version"])
                self.sealed[detail["version"]] = detail["sha256"]
            case EventType.FINDING_ADDED:
                more = {"added_by_name": event.actor, "settled_by_name": "", "version": 1}
                self._say("finding", str(detail["finding"]), detail["after"] | more)
            case EventType.FINDING_CHANGED:
                self._finding_changed(event)
            case EventType.EXECUTION_SIGNED_OFF:
                key = _key_of_sign_off(event.actor_id, detail["role"], detail["version"])
                values = {"user_name": event.actor, "statement": detail.get("comment")}
                self._say("sign-off", key, values | {"evidence_sha256": detail["sha256"]})
            case EventType.EXECUTION_VALIDATED:
                values = {"validated_by_name": event.actor, "validated_comment": detail.get("comment")}
                self._say("validation", "", values | {"validated_at": detail["validated_at"]})
            case EventType.EVIDENCE_ANCHORED:
                told = {name: value for name, value in detail.items() if name != "seals"}
                self._say(ANCHOR, f"{detail['kind']} of version {detail['version']}", {"details": told})

    def faults(self, now: Rows) -> Iterator[tuple[str, str]]:
        """(Kind of row, what is wrong with one in a sentence)."""
        for version in sorted(self.twice):
            yield "evidence", f"evidence version {version} was sealed twice: the row of the first was removed."
        for kind in sorted({*self.rows, *now}):
            said, there = self.rows.get(kind, {}), now.get(kind, {})
            for key in sorted({*said, *there}):
                name = f"{kind} {key}".strip()
                if key not in there:
                    yield kind, f"{name}: the row was removed from the database."
                elif key not in said:
                    yield kind, f"{name}: the row was added in the database: no event says so."
                else:
                    for one in sorted({*said[key], *there[key]}):
                        if said[key].get(one) != there[key].get(one):
                            yield kind, f"{name}: {one} is not what its events say."

    def _finding_changed(self, event: Told) -> None:
        key, after = str(event.detail["finding"]), event.detail["after"]
        more: dict[str, Any] = {"version": self.rows.get("finding", {}).get(key, {}).get("version", 0) + 1}
        if "status" in after:
            more["settled_by_name"] = "" if after["status"] == FindingStatus.OPEN else event.actor
        self._say("finding", key, after | more)

    def _say(self, kind: str, key: str, values: Mapping[str, Any]) -> None:
        self.rows.setdefault(kind, {}).setdefault(key, {}).update(_marks(values))


def rows_now(documents: Mapping[str, Mapping[str, Mapping[str, Any]]], anchors: Iterable[Anchor]) -> Rows:
    """What the rows say, keyed as the events key them; `documents` are those that `holding` seals."""
    now: Rows = {}
    for pk, row in documents.get("finding", {}).items():
        of = {name: value for name, value in row.items() if name not in _NOT_SAID}
        now.setdefault("finding", {})[pk] = _marks(of)
    for row in documents.get("sign-off", {}).values():
        key = _key_of_sign_off(row["user_id"], row["role"], row["evidence_version"])
        of = {name: row[name] for name in ("user_name", "statement", "evidence_sha256")}
        now.setdefault("sign-off", {})[key] = _marks(of)
    for row in documents.get("validation", {}).values():
        of = {name: row[name] for name in ("validated_at", "validated_by_name", "validated_comment")}
        now.setdefault("validation", {})[""] = _marks(of)
    for anchor in anchors:
        key = f"{anchor.kind} of version {anchor.evidence.version}"
        now.setdefault(ANCHOR, {})[key] = _marks({"details": _details_or_none(anchor)})
    return now


def details_of(anchor: Anchor) -> dict[str, Any]:
    """What the event of an anchor says of it. Raises TypeError if its details are not what drsorch writes."""
    return record.without_blanks(
        version=anchor.evidence.version,
        kind=anchor.kind,
        at=moment(anchor.at) if anchor.at else "",
        place=anchor.place,
        token_sha256=hashlib.sha256(bytes(anchor.token)).hexdigest() if anchor.token else "",
        **anchor.details,
    )


def anchors_of(execution_ids: Collection[Any]) -> Mapping[str, list[Anchor]]:
    """Those that were made, by the execution's id."""
    found: dict[str, list[Anchor]] = {}
    rows = Anchor.objects.filter(evidence__execution__in=list(execution_ids), at__isnull=False)
    for anchor in rows.select_related("evidence").defer("evidence__data").iterator(200):
        found.setdefault(str(anchor.evidence.execution_id), []).append(anchor)
    return found


def _details_or_none(anchor: Anchor) -> dict[str, Any] | None:
    try:
        return details_of(anchor)
    except TypeError:
        return None


def _key_of_sign_off(user_id: Any, role: str, version: int) -> str:
    return f"as {role}, by user {user_id}, of version {version}"


def _marks(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is blank; long values as their hash."""
    return {name: _mark(value) for name, value in values.items() if value not in _BLANK}


def _mark(value: Any) -> Any:
    made = plain(value)
    if isinstance(made, int) or (isinstance(made, str) and len(made) <= _SHORT):
        return made
    return hashlib.sha256(canonical(made)).hexdigest()
