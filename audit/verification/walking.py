"""Following one chain, event by event, in memory that does not grow with it. Pure: rows come from `rows`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.holding import Told
from audit.keys import Key, is_mac, known
from audit.signed import EVENT_COLUMNS, SEALS, event_text, head_text
from foundation.wording import count

#: The columns that are read of an event, in this order.
COLUMNS = (*EVENT_COLUMNS, "hash")
#: Of the faults of one chain so many are told; one change near the beginning may break all that follows.
_MOST_OF_A_CHAIN = 20


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain, as its row keeps it."""

    name: str
    event_count: int
    last_event_hash: str
    mac: str
    #: The name that is signed with it, of a chain that is kept apart from its row.
    kept_name: str | None = None


@dataclass(slots=True)
class Walk:
    """A chain that is being followed."""

    subject_type: str
    subject_id: str
    #: {sequence: hash} of the events that the ledger keeps.
    milestones: Mapping[int, str]
    #: {(sequence, part): SHA-256} of the documents that are there.
    documents: dict[tuple[int, str], str]
    #: Those that verify, by id.
    keys: Mapping[str, Key] = field(default_factory=known)
    #: The newest of each part, by the sequence of its event.
    newest: dict[str, int] = field(default_factory=dict)
    events: int = 0
    faults: list[tuple[str, int | None]] = field(default_factory=list)
    _previous: str = ""
    _expected: int = 1
    _seen: set[int] = field(default_factory=set)
    _without_key: dict[str, list[int]] = field(default_factory=dict)

    def follow(self, row: tuple[Any, ...]) -> Told:
        """The next event, as a row of `COLUMNS`."""
        values = dict(zip(EVENT_COLUMNS, row, strict=False))
        stored = row[-1]
        sequence, detail = values["sequence"], values["detail"]
        about = detail if isinstance(detail, dict) else {}
        told = Told(sequence, values["type"], about, values["actor"], values["actor_id"])
        if sequence != self._expected:
            self._add(f"Event {self._expected} is missing: the next one is {sequence}.", self._expected)
        if values["previous_hash"] != self._previous:
            self._add(f"Event {sequence} does not continue from the event before it.", sequence)
        key_id = values["key_id"]
        good = is_mac(self.keys, key_id, event_text(values), stored)
        if good is None:
            self._without_key.setdefault(key_id, [0, sequence])[0] += 1
        elif not good:
            self._add(f"Event {sequence} was changed after it was written, or was not written by drsorch.", sequence)
        if sequence in self.milestones:
            self._seen.add(sequence)
            if self.milestones[sequence] != stored:
                self._add(f"Event {sequence} is not the one that the ledger keeps: the chain was rewritten.", sequence)
        if SEALS in told.detail:
            self._check_documents(sequence, told.detail[SEALS])
        self.events += 1
        self._previous, self._expected = stored, sequence + 1
        return told

    def finish(self, head: Head | None) -> None:
        """The chain is over: does it end where its row, and the ledger, say?"""
        for key_id, (number, first) in self._without_key.items():
            self._add(
                f"{count(number, 'event')}, the first of them {first}, signed with the key {key_id}, which is missing: "
                f"add it to DRSORCH_AUDIT_KEYS{_earlier(key_id)} after the first.",
                first,
            )
        stored = self._expected - 1
        if lost := sorted(sequence for sequence in self.milestones if sequence not in self._seen):
            if not self.events:
                self._add(f"The whole chain was deleted: the ledger keeps {count(len(lost), 'event')} of it.")
            else:
                numbers = ", ".join(map(str, lost[:5]))
                self._add(f"The chain was cut back: the ledger keeps event {numbers}, which is missing.", lost[0])
        if head is None:
            if self.events:
                self._add(f"The row does not exist, but its audit trail has {count(self.events, 'event')}.")
            return
        if (stored, self._previous) != (head.event_count, head.last_event_hash):
            self._add(f"The end was changed: {count(head.event_count, 'event')} written, {stored} stored.")
        key_id, _, mac = head.mac.partition(":")
        text = head_text(self.subject_type, self.subject_id, head.event_count, head.last_event_hash, head.kept_name)
        signed = is_mac(self.keys, key_id, text, mac)
        if signed is None and key_id:
            if key_id not in self._without_key:
                self._add(f"The end is signed with the key {key_id}, which is missing from DRSORCH_AUDIT_KEYS.")
        elif not signed and (head.event_count or head.mac):
            what = "end" if head.kept_name is None else "name or the end"
            self._add(f"The {what} was changed in the database: its signature is not drsorch's.")
        for sequence, part in sorted(self.documents):
            self._add(f"The sealed document “{part}” of event {sequence} was inserted: no event seals it.", sequence)

    def _check_documents(self, sequence: int, seals: Mapping[str, str]) -> None:
        for part, digest in seals.items():
            found = self.documents.pop((sequence, part), None)
            if found is None:
                self._add(f"The sealed document “{part}” of event {sequence} was deleted.", sequence)
            elif found != digest:
                self._add(f"The sealed document “{part}” of event {sequence} was changed.", sequence)
            else:
                self.newest[part] = sequence
                continue
            # What it said is not known any more.
            self.newest.pop(part, None)

    def _add(self, message: str, sequence: int | None = None) -> None:
        if len(self.faults) < _MOST_OF_A_CHAIN:
            self.faults.append((message, sequence))


def _earlier(key_id: str) -> str:
    return ", or the earlier SECRET_KEY to SECRET_KEY_FALLBACKS," if key_id.startswith("derived-") else ""
