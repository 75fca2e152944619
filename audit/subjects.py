"""What has a chain: what it is called, and where its page is. Each app declares its kinds (`<app>/events.py`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Model, QuerySet
from django.urls import reverse

from audit.models import Chain, Event
from foundation.references import id_of


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose chain an event is in. `page` is empty once it was deleted, and where it has none."""

    noun: str
    name: str
    page: str = ""

    @property
    def words(self) -> str:
        """What it is and what it is called: “site Frankfurt”."""
        return self.name if self.name.startswith(self.noun) else f"{self.noun} {self.name}"


@dataclass(frozen=True, slots=True)
class SubjectKind:
    noun: str
    #: Of the subjects with these ids that still exist: id -> (name, address of its page).
    find: Callable[[Collection[str]], Mapping[str, tuple[str, str]]]
    #: Of the subjects that exist: those that this person may see. None: they are for those who read everyone's chains.
    visible: Callable[[Any], QuerySet[Any]] | None = None


def _nothing(ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
    return {}


#: By the type of subject, in the order in which people choose from them.
KINDS: Final[dict[str, SubjectKind]] = {}


def declare_subject(
    type: str,
    noun: str,
    find: Callable[[Collection[str]], Mapping[str, tuple[str, str]]],
    visible: Callable[[Any], QuerySet[Any]] | None = None,
) -> None:
    """Say what subjects of this type are called, how to find their pages, and whose chains a person may read whose
    right to read the trail is limited."""
    KINDS[type] = SubjectKind(noun, find, visible)


def rows_with_pages(model: type[Model]) -> Callable[[Collection[str]], Mapping[str, tuple[str, str]]]:
    """For rows with a number as their key, and a page of their own in the admin."""

    def find(ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        keys = [key for text in ids if (key := id_of(text)) is not None]
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        rows = model._default_manager.filter(pk__in=keys)
        return {str(row.pk): (str(row), reverse(page, args=[row.pk])) for row in rows}

    return find


declare_subject("attempt", "attempts of unknown people", _nothing)
declare_subject("settings", "settings", _nothing)


def subjects_of(events: Iterable[Event]) -> dict[tuple[str, str], Subject]:
    """Whose chains these events are in, by type and id: two queries for each type at most, however many they are."""
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        ids[event.subject_type].add(event.subject_id)
    found = {}
    for type, wanted in ids.items():
        kind = KINDS.get(type, SubjectKind(type, _nothing))
        existing = kind.find(wanted)
        gone = Chain.objects.filter(subject_type=type, subject_id__in=wanted - existing.keys())
        names = dict(gone.values_list("subject_id", "name")) if len(existing) < len(wanted) else {}
        for each in wanted:
            name, page = existing.get(each, (names.get(each, each), ""))
            found[type, each] = Subject(kind.noun, name, page)
    return found
