"""Whose chains a person may read: everyone's; or, where the right to read the trail is limited to sites or plans, those
of what they may see there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Replace

from audit.models import Event
from audit.subjects import KINDS

#: Says who reads everyone's chains: set by the app that knows rights, when it is ready. Until then, no one.
_deciding: list[Callable[[Any], bool]] = []


def decide(reads_all: Callable[[Any], bool]) -> None:
    """Called once, by the app that knows rights, when it is ready."""
    _deciding[:] = [reads_all]


def reads_all(person: Any) -> bool:
    """True for who may read everyone's chains, and have the whole trail verified."""
    return any(decides(person) for decides in _deciding)


def visible_to(events: QuerySet[Event], person: Any) -> QuerySet[Event]:
    """Those in chains that the person may read. Whether they may read the trail at all is asked elsewhere."""
    if reads_all(person):
        return events
    seen = Q(pk=None)
    for type, kind in KINDS.items():
        if kind.visible is not None:
            rows = kind.visible(person).order_by().annotate(_bare=_bare(Cast("pk", CharField())))
            seen |= Q(Exists(rows.filter(_bare=OuterRef("_bare_id"))), subject_type=type)
    return events.annotate(_bare_id=_bare("subject_id")).filter(seen)


def may_read(person: Any, subject_type: str, subject_id: str) -> bool:
    """True if this chain is one that the person may read."""
    chain = Event.objects.filter(subject_type=subject_type, subject_id=subject_id, sequence=1)
    return reads_all(person) or visible_to(chain, person).exists()


def _bare(id: Any) -> Replace:
    """Databases write a UUID with hyphens or without."""
    return Replace(id, Value("-"), Value(""), output_field=CharField())
