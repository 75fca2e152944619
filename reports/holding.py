"""What of an execution's dossier is sealed in its chain, and held to it.

Notes are events and nothing else: there is no row to differ from them.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import BinaryField, Model, Q
from django.db.models.functions import Cast

from audit.canonical import plain
from audit.holding import Document, Followed, Told, differences
from reports.models import Dossier, Evidence, Finding, SignOff
from reports.said import ANCHOR, Said, anchors_of, rows_now

#: The part that an event seals whenever one of these rows is written.
DOSSIER: Final = "dossier"
#: Kind of row, as people call it -> its columns.
COLUMNS: Final[Mapping[type[Model], tuple[str, Sequence[str]]]] = {
    Dossier: ("validation", ("validated_at", "validated_by_id", "validated_by_name", "validated_comment")),
    Finding: (
        "finding",
        (
            "title", "severity", "owner", "due_on", "description", "action", "ticket_url", "status", "resolution",
            "reported_on", "retest_execution_id", "added_at", "added_by_name", "settled_at", "settled_by_name",
            "version", "saved_by_id",
        ),
    ),
    SignOff: (
        "sign-off",
        ("role", "statement", "user_id", "user_name", "at", "evidence_version", "evidence_sha256"),
    ),
    Evidence: ("evidence", ("version", "because", "sha256", "head", "event_count", "sealed_at")),
}  # fmt: skip
#: Also one that somebody wrote a part of into the database.
_VALIDATED: Final = (
    Q(validated_at__isnull=False) | Q(validated_by__isnull=False) | ~Q(validated_by_name="") | ~Q(validated_comment="")
)
#: Null once the user was deleted.
_USERS: Final = ("validated_by_id", "saved_by_id")
#: Sealed documents that are read at a time.
_PORTION: Final = 20


def documents(execution_ids: Collection[Any]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """What these rows say now, by the execution's id."""
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {str(id): {} for id in execution_ids}
    for model, (kind, columns) in COLUMNS.items():
        rows = model._default_manager.filter(execution__in=list(execution_ids)).order_by()
        if model is Dossier:
            # The row is there from the request on; until somebody said so, it says nothing.
            rows = rows.filter(_VALIDATED)
        for owner, pk, *values in rows.values_list("execution_id", "pk", *columns).iterator(2000):
            row = {name: plain(value) for name, value in zip(columns, values, strict=True)}
            found[str(owner)].setdefault(kind, {})[str(pk)] = row
    return found


def sealed(execution_id: Any) -> Mapping[str, Document]:
    """For `Entry.documents`: what the event is to seal, read after everything was written."""
    return {DOSSIER: documents([execution_id])[str(execution_id)]}


class DossierHolder:
    #: Each row is held to its own events (`reports.said`).
    compared: Collection[str] = ()

    def begin(self) -> Said:
        return Said()

    def follow(self, state: Said, event: Told) -> None:
        state.follow(event)

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        rows = documents(list(chains)) if chains else {}
        anchors = anchors_of(list(chains)) if chains else {}
        users: set[Any] | None = None
        for execution_id, now in rows.items():
            _, expected = chains[execution_id].sealed.get(DOSSIER, (0, {}))
            changed = False
            for one in differences(expected, now):
                if one.field in _USERS and one.now is None:
                    users = _users() if users is None else users
                    if one.sealed not in users:
                        continue
                changed = True
                yield execution_id, one.sentence("execution")
            for kind, sentence in chains[execution_id].state.faults(rows_now(now, anchors.get(execution_id, ()))):
                # What is not as it was sealed has been told by name.
                if not changed or kind == ANCHOR:
                    yield execution_id, sentence
        yield from _contents(chains)

    def existing(self) -> Iterable[tuple[object, str]]:
        return ()


def _contents(chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
    """The sealed JSON, to the byte, against the events that say what it was."""
    # Cast: SQLite lets anybody make a text of it, and would fail to read that before it can be told.
    rows = Evidence.objects.filter(execution__in=list(chains)).annotate(raw=Cast("data", BinaryField()))
    ordered = rows.order_by("execution", "version").values_list("execution_id", "version", "raw")
    for execution_id, version, data in ordered.iterator(_PORTION):
        told = chains[str(execution_id)].state.sealed.get(version)
        if told is None:
            yield str(execution_id), f"evidence version {version} was added in the database: no event seals it."
        elif content_sha256(data) != told:
            yield str(execution_id), f"evidence version {version}: its content was changed after it was sealed."


def content_sha256(data: Any) -> str:
    """Of a stored report's JSON; empty if the bytes are none."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(bytes(data))
    except zlib.error:
        return ""
    return hashlib.sha256(text).hexdigest() if stream.eof and not stream.unused_data else ""


def _users() -> set[Any]:
    return set(get_user_model()._default_manager.values_list("pk", flat=True))
