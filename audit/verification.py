"""Has anything in the audit trail been changed, removed, inserted or cut off?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet

from audit.models import Chain, Chained, Event
from audit.record import events_of, hash_of
from foundation.wording import count


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain, and what is wrong with it, in sentences; no faults if nothing is."""

    subject_type: str
    subject_id: str
    #: What its row is called now.
    name: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, in a sentence; `sequence` is of the event that it is about, where it is about one."""

    subject_type: str
    subject_id: str
    #: What its row is called now.
    name: str
    message: str
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What was read, and what is wrong with it: nothing if `ok`."""

    ok: bool
    events: int
    #: Number of chains by the type of their row.
    chains: Mapping[str, int]
    #: The first of them; `fault_count` counts all.
    faults: tuple[Fault, ...]
    fault_count: int


#: So many faults are kept; the rest is counted.
MOST_FAULTS = 1000


def verify(subject_ids: Collection[str] = (), *, heads: Path | None = None) -> Verification:
    """Verify every chain of the audit trail, or those of the rows with these ids.

    `heads`: a file of heads that was kept outside the database, or a directory of them, to be held against.
    """
    events, chains, kept, number = 0, Counter[str](), list[Fault](), 0
    for chain in verified_chains(subject_ids):
        chains[chain.subject_type] += 1
        events += Event.objects.filter(subject_type=chain.subject_type, subject_id=chain.subject_id).count()
        for message in chain.faults:
            number += 1
            if number <= MOST_FAULTS:
                kept.append(Fault(chain.subject_type, chain.subject_id, chain.name, message))
    return Verification(not number, events, chains, tuple(kept), number)


def verified_chains(subject_ids: Collection[str] = ()) -> Iterator[Verified]:
    """Every chain of the audit trail, or those of the rows with these ids, one after the other."""
    for model in _chained():
        for subject in _rows(model, subject_ids).order_by("pk").iterator():
            yield Verified(subject.subject_type, subject.subject_id, str(subject), tuple(faults(subject)))
    yield from _of_no_row(subject_ids)


def is_known(subject_id: str) -> bool:
    """True if a row with this id can have a chain, or if there are events of one."""
    rows = any(_rows(model, [subject_id]).exists() for model in _chained())
    return rows or Event.objects.filter(subject_id=subject_id).exists()


def faults(subject: Chained) -> list[str]:
    """What is wrong with the row's chain, in sentences; empty if nothing is."""
    while True:
        end = _end(subject)
        found = list(faults_in(events_of(subject).iterator(), *end))
        # What looks wrong may have been appended while it was read: then it is read again.
        if not found or end == _end(subject):
            return found


def faults_in(events: Iterable[Event], written: int, last_hash: str) -> Iterator[str]:
    """What is wrong with a chain that has so many events, and this hash at its end."""
    previous, expected = "", 1
    for event in events:
        if event.sequence != expected:
            yield f"Event {expected} is missing: the next one is {event.sequence}."
            expected = event.sequence
        if event.previous_hash != previous:
            yield f"Event {event.sequence} does not continue from the event before it."
        if event.hash != hash_of(event):
            yield f"Event {event.sequence} was changed after it was written."
        previous, expected = event.hash, expected + 1
    if (expected - 1, previous) != (written, last_hash):
        stored = expected - 1
        yield f"The end was changed: {count(written, 'event')} written, {stored} stored."


def _chained() -> list[type[Chained]]:
    return [model for model in apps.get_models() if issubclass(model, Chained)]


def _rows(model: type[Chained], subject_ids: Collection[str] = ()) -> QuerySet[Chained]:
    rows = model._base_manager.all()
    if subject_ids and model is Chain:
        return cast("QuerySet[Chained]", Chain.objects.filter(subject_id__in=subject_ids))
    return rows.filter(pk__in=[*_keys(model, subject_ids)]) if subject_ids else rows


def _keys(model: type[Chained], subject_ids: Collection[str]) -> Iterator[object]:
    for text in subject_ids:
        try:
            yield model._meta.pk.to_python(text)
        except ValidationError:
            continue  # no row of this kind can be called that


def _end(subject: Chained) -> tuple[int, str]:
    rows = type(subject)._base_manager.filter(pk=subject.pk)
    return rows.values_list("event_count", "last_event_hash").get()


def _of_no_row(subject_ids: Collection[str]) -> Iterator[Verified]:
    """Chains whose row does not exist."""
    models = {model.subject_type: model for model in _chained() if model is not Chain}
    chains = Event.objects.filter(subject_id__in=subject_ids) if subject_ids else Event.objects.all()
    counted = chains.order_by("subject_type", "subject_id").values_list("subject_type", "subject_id")
    for subject_type, subject_id, number in counted.annotate(events=Count("*")).iterator():
        model = models.get(subject_type)
        if model is None:
            known = Chain.objects.filter(subject_type=subject_type, subject_id=subject_id).exists()
        else:
            known = subject_id in {row.subject_id for row in _rows(model, [subject_id])}
        if not known:
            why = f"The row does not exist, but its audit trail has {count(number, 'event')}."
            yield Verified(subject_type, subject_id, subject_type, (why,))
