"""Reading chains, some hundred at a time: their ends, their milestones, what they sealed, and their events."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError

from audit.holding import HOLDERS, Document, Followed, Resealed, differences
from audit.models import Chain, Chained, Event, Milestone, SealedDocument
from audit.verification.days import Days
from audit.verification.report import Found
from audit.verification.walking import COLUMNS, Head, Walk
from foundation.wording import count

T = TypeVar("T")
#: (subject_type, subject_id)
Key = tuple[str, str]
#: So many chains are read together, unless they have more events than that.
_CHAINS, _EVENTS = 200, 20_000
#: What reading raises of a column that somebody wrote something else into: SQLite stores whatever it is given.
UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, ValidationError, zlib.error)
#: Rows that come from the database at a time.
_FETCH = 2000


def chained_models() -> dict[str, type[Chained]]:
    """Models whose rows keep the end of their own chain, by the `subject_type` of all their rows."""
    models = (model for model in apps.get_models() if issubclass(model, Chained) and model is not Chain)
    return {model.subject_type: model for model in models}


def primary_keys(model: type[Chained], subject_ids: Iterable[str]) -> list[object]:
    """The primary keys that these ids can be."""
    found = []
    for text in subject_ids:
        try:
            found.append(model._meta.pk.to_python(text))
        except ValidationError:
            continue  # no row of this kind can be called that
    return found


def heads(keys: Collection[Key]) -> dict[Key, Head]:
    """The ends of these chains, as their rows keep them."""
    models, found = chained_models(), {}
    for subject_type, ids in _by_type(keys).items():
        model = models.get(subject_type)
        rows: Iterable[Chained]
        if model is None:
            rows = Chain.objects.filter(subject_type=subject_type, subject_id__in=ids)
        else:
            # None of the others is read: what somebody wrote into one of them stops nothing.
            rows = model._base_manager.filter(pk__in=primary_keys(model, ids)).only(*_of_a_head(model))
        for row in rows:
            kept_name = row.name if isinstance(row, Chain) else None
            head = Head(str(row), row.event_count, row.last_event_hash, row.head_mac, kept_name)
            found[subject_type, row.subject_id] = head
    return found


def batches(keys: Iterable[Key]) -> Iterator[tuple[list[Key], dict[Key, Head]]]:
    """The chains in their order, as many together as fit into memory, with their ends."""
    for some in in_portions(keys, _CHAINS):
        ends = heads(some)
        batch: list[Key] = []
        events = 0
        for key in some:
            size = ends[key].event_count if key in ends else 0
            if batch and events + size > _EVENTS:
                yield batch, ends
                batch, events = [], 0
            batch.append(key)
            events += size
        if batch:
            yield batch, ends


def follow(batch: Sequence[Key], ends: dict[Key, Head], found: Found, days: Days, *, strangers: bool = False) -> None:
    """Follow the chains of a batch to their ends, and hold their rows to them."""
    try:
        chains = _Chains(batch)
        chains.follow(days)
    except UNREADABLE:
        days.forget(batch)
        if len(batch) > 1:
            for key in batch:
                follow([key], ends, found, days, strangers=strangers)
            return
        name = ends[batch[0]].name if batch[0] in ends else ""
        found.chains[batch[0][0]] += 1
        found.add(*batch[0], name, "An event, or what it sealed, was changed to something that cannot be read.")
        return
    for key in batch:
        walk, head = chains.walks[key], ends.get(key)
        walk.finish(head)
        found.events += walk.events
        found.chains[key[0]] += 1
        days.chain_ends(key)
        name = head.name if head else ""
        if strangers:
            events = count(walk.events, "event")
            found.add(
                *key, name, f"The ledger does not know this row, which has {events}: it was added in the database."
            )
        for message, sequence in walk.faults:
            found.add(*key, name, message, sequence)
    try:
        held = list(chains.held_faults(batch, ends))
    except UNREADABLE:
        held = [fault for key in batch for fault in _held_alone(chains, key, ends)]
    for key, message in held:
        found.add(*key, ends[key].name if key in ends else "", message)


def _held_alone(chains: _Chains, key: Key, ends: Collection[Key]) -> list[tuple[Key, str]]:
    try:
        return list(chains.held_faults([key], ends))
    except UNREADABLE:
        return [(key, "A row was changed in the database to something that cannot be read.")]


def ends_of_day(keys: Iterable[Key], days: Days, since: datetime | None, until: datetime) -> None:
    """Have `days` count the events between these times, of these chains, in this order."""
    of_time = Event.objects.filter(at__lt=until)
    if since is not None:
        of_time = of_time.filter(at__gte=since)
    for some in in_portions(keys, _CHAINS):
        for subject_type, ids in _by_type(some).items():
            events = of_time.filter(subject_type=subject_type, subject_id__in=ids)
            columns = events.order_by("subject_type", "subject_id", "sequence").values_list(
                "subject_type", "subject_id", "at", "sequence", "hash"
            )
            for of_type, of_id, at, sequence, event_hash in columns.iterator(_FETCH):
                days.follow((of_type, of_id), at, sequence, event_hash)
        for key in some:
            days.chain_ends(key)


class _Chains:
    """A batch of chains while it is followed."""

    def __init__(self, batch: Sequence[Key]) -> None:
        self._batch = batch
        self._states: dict[Key, Any] = {}
        #: The newest document of each part, and the event that sealed it.
        self._newest: dict[tuple[Key, str], tuple[int, bytes]] = {}
        self._resealed: dict[Key, list[Resealed]] = defaultdict(list)
        milestones: dict[Key, dict[int, str]] = defaultdict(dict)
        documents: dict[Key, dict[tuple[int, str], str]] = defaultdict(dict)
        for subject_type, ids in _by_type(batch).items():
            of = {"subject_type": subject_type, "subject_id__in": ids}
            holder = HOLDERS.get(subject_type)
            compared = holder.compared if holder else ()
            kept = Milestone.objects.filter(**of).values_list("subject_id", "event_sequence", "event_hash")
            for subject_id, sequence, event_hash in kept.iterator(_FETCH):
                milestones[subject_type, subject_id][sequence] = event_hash
            sealed = SealedDocument.objects.filter(**of).order_by("subject_id", "sequence", "part")
            rows = sealed.values_list("subject_id", "sequence", "part", "data").iterator(50)
            for subject_id, sequence, part, data in rows:
                key = subject_type, subject_id
                documents[key][sequence, part] = hashlib.sha256(_unpacked(data)).hexdigest()
                if part in compared and (earlier := self._newest.get((key, part))):
                    self._resealed[key].append(_resealed(part, earlier, (sequence, bytes(data))))
                self._newest[key, part] = sequence, bytes(data)
        self.walks = {key: Walk(*key, milestones[key], documents[key]) for key in batch}

    def follow(self, days: Days) -> None:
        for subject_type, ids in _by_type(self._batch).items():
            holder = HOLDERS.get(subject_type)
            events = Event.objects.filter(subject_type=subject_type, subject_id__in=ids)
            rows = events.order_by("subject_type", "subject_id", "sequence").values_list(*COLUMNS).iterator(_FETCH)
            key: Key = ("", "")
            walk: Walk | None = None
            state: Any = None
            for row in rows:
                if walk is None or row[:2] != key:
                    key = row[0], row[1]
                    walk, state = self.walks[key], holder.begin() if holder else None
                    self._states[key] = state
                told = walk.follow(row)
                days.follow(key, row[3], told.sequence, row[-1])
                if holder:
                    holder.follow(state, told)

    def held_faults(self, batch: Collection[Key], ends: Collection[Key]) -> Iterator[tuple[Key, str]]:
        for subject_type, ids in _by_type(batch).items():
            holder = HOLDERS.get(subject_type)
            if holder is None:
                continue
            followed = {
                key[1]: Followed(self._states[key], self._sealed(key), self._resealed.get(key, ()))
                for key in ((subject_type, subject_id) for subject_id in ids)
                if key in self._states and key in ends
            }
            for subject_id, message in holder.faults(followed):
                yield (subject_type, subject_id), message

    def _sealed(self, key: Key) -> dict[str, tuple[int, Document]]:
        """The newest document of each part, if it is what was sealed."""
        found = {}
        for part, sequence in self.walks[key].newest.items():
            of, data = self._newest[key, part]
            if of == sequence:
                found[part] = sequence, json.loads(_unpacked(data))
        return found


def _resealed(part: str, earlier: tuple[int, bytes], later: tuple[int, bytes]) -> Resealed:
    (before, one), (sequence, other) = earlier, later
    changed = differences(json.loads(_unpacked(one)), json.loads(_unpacked(other)))
    return Resealed(part, before, sequence, tuple(changed))


def _of_a_head(model: type[Chained]) -> list[str]:
    """The columns of a chain's end, and those that a row may be named by."""
    named = ("event_count", "last_event_hash", "head_mac", "name", "kind", "plan_name")
    return [field.name for field in model._meta.concrete_fields if field.primary_key or field.name in named]


def _unpacked(data: Any) -> bytes:
    stream = zlib.decompressobj()
    text = stream.decompress(bytes(data))
    if not stream.eof or stream.unused_data:
        raise zlib.error("no whole document, or more than one")
    return text


def _by_type(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for subject_type, subject_id in keys:
        found[subject_type].append(subject_id)
    return found


def in_portions(keys: Iterable[T], size: int) -> Iterator[list[T]]:
    """In lists of that many, the last one with what is left."""
    portion: list[T] = []
    for key in keys:
        portion.append(key)
        if len(portion) == size:
            yield portion
            portion = []
    if portion:
        yield portion
