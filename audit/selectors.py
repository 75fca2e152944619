"""Reading the audit trail: by time, and narrowed to what is asked for. Each way to narrow it has its index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from audit import sight
from audit.event_types import EventType
from audit.models import Chain, Event
from audit.origin import Via
from audit.subjects import KINDS

#: Every type of event, and with `.*` all of a kind.
TYPES: Final = tuple(
    sorted({type.value for type in EventType} | {f"{type.value.partition('.')[0]}.*" for type in EventType})
)
PAGE: Final = 50
#: Whole chains that one name finds, the newest first: names are taken again after their owner was deleted.
_NAMESAKES: Final = 20


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is asked for; blank is everything."""

    subject_type: str = ""
    #: The id of what it is about, or its name: the last one, or that at the time.
    subject: str = ""
    #: The name at the time of whoever did it.
    actor: str = ""
    #: As in `TYPES`.
    type: str = ""
    via: str = ""
    after: datetime | None = None
    before: datetime | None = None


def events(asked: Narrowed, by: Any) -> QuerySet[Event]:
    """Events that the person may read, at or after `after`, before `before`, in no order yet."""
    found = sight.visible_to(Event.objects.order_by(), by)
    if asked.subject:
        found = found.filter(_about(asked))
    elif asked.subject_type:
        found = found.filter(subject_type=asked.subject_type)
    if asked.actor:
        found = found.filter(actor=asked.actor)
    if asked.type.endswith(".*"):
        kind = asked.type.removesuffix("*")
        found = found.filter(type__in=[type.value for type in EventType if type.value.startswith(kind)])
    elif asked.type:
        found = found.filter(type=asked.type)
    if asked.via:
        found = found.filter(via=asked.via)
        if asked.via != Via.ENGINE:
            found = found.exclude(via=Via.ENGINE)  # says so in the words of the index
    if asked.after is not None:
        found = found.filter(at__gte=asked.after)
    if asked.before is not None:
        found = found.filter(at__lt=asked.before)
    return found


def _about(asked: Narrowed) -> Q:
    """Chains by id, whole chains by the last name of what they are of, and single events by the name at the time."""
    # The types are named because the chains' index begins with them.
    types = [asked.subject_type] if asked.subject_type else list(KINDS)
    at_the_time = Q(subject=asked.subject)
    if asked.subject_type:
        at_the_time &= Q(subject_type=asked.subject_type)
    about = at_the_time | Q(subject_type__in=types, subject_id=asked.subject)
    named = Chain.objects.filter(name=asked.subject, subject_type__in=types).order_by("-id")
    for subject_type, subject_id in named.values_list("subject_type", "subject_id")[:_NAMESAKES]:
        about |= Q(subject_type=subject_type, subject_id=subject_id)
    return about


def once_called(subject_type: str, names: Collection[str]) -> dict[str, list[str]]:
    """The ids of what had each of these names at some time, whoever had it last first."""
    events = Event.objects.filter(subject_type=subject_type, subject__in=names).order_by("-id")
    found: dict[str, list[str]] = {}
    for name, subject_id in events.values_list("subject", "subject_id"):
        ids = found.setdefault(name, [])
        if subject_id not in ids:
            ids.append(subject_id)
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the events, newest first, and the ids to read on from: older and newer ones."""

    events: Sequence[Event]
    older: int | None
    newer: int | None


def page(found: QuerySet[Event], *, older_than: int | None = None, newer_than: int | None = None) -> Page:
    """A page, by key and not by number: the two-millionth event takes as long to read as the first."""
    backwards, beside = newer_than is not None, older_than if newer_than is None else newer_than
    edge = None if beside is None else Event.objects.filter(pk=beside).values_list("at", "pk").first()
    if edge is None:
        rows = list(found.order_by("-at", "-id")[: PAGE + 1])
        return Page(rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None, None)
    at, pk = edge
    if backwards:
        # The first condition is what the index is entered by.
        rows = list(found.filter(Q(at__gt=at) | Q(id__gt=pk), at__gte=at).order_by("at", "id")[: PAGE + 1])
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        if not more:
            return page(found)
        return Page(rows, rows[-1].pk, rows[0].pk)
    rows = list(found.filter(Q(at__lt=at) | Q(id__lt=pk), at__lte=at).order_by("-at", "-id")[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    return Page(rows, rows[-1].pk if more and rows else None, rows[0].pk if rows else pk)
