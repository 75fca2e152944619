"""What keeps a row from being deleted, in a number of queries that does not grow with how much there is.

Django's own answer (`ProtectedError`) carries every row that is in the way: a million, for a site with a history.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import PROTECT, ForeignObjectRel, Model


def protectors(row: Model, most: int) -> list[Model]:
    """At most `most` rows that refer to `row` and keep it, no two of the same owner: an execution, or a wave.

    Takes at most `most` + 1 queries for each kind of row that may refer to it, each of which an index serves.
    """
    found: list[Model] = []
    for relation in row._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and relation.on_delete is PROTECT:
            found += list(_of(relation, row, most - len(found)))
    return found


def _of(relation: ForeignObjectRel, row: Model, most: int) -> Iterator[Model]:
    model: Any = relation.related_model
    columns = {field.name for field in model._meta.fields}
    owner = next((name for name in ("execution", "wave") if name in columns), "")
    seen: list[Any] = []
    while len(seen) < most:
        # One after the other, skipping the owners that were found: DISTINCT would read every row.
        rows = model._default_manager.filter(**{relation.field.name: row})
        if seen:
            rows = rows.exclude(**{f"{owner or 'pk'}__in": seen})
        one = next(iter((rows.select_related(owner) if owner else rows).order_by()[:1]), None)
        if one is None:
            return
        seen.append(getattr(one, f"{owner}_id") if owner else one.pk)
        yield one
