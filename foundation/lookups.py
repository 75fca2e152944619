"""Finding rows by what people and scripts call them."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from foundation.errors import Missing
from foundation.names import name_clean
from foundation.references import id_of
from foundation.storable import unstorable

M = TypeVar("M", bound=Model)


def rows_of(rows: QuerySet[M], reference: str, *, name: str = "name") -> QuerySet[M]:
    """Those of `rows` with this id, or with this in the column `name`: one at most, if it is unique."""
    if unstorable(reference):
        return rows.none()
    pk = id_of(reference)
    by: dict[str, Any] = {name: name_clean(reference)} if pk is None else {"pk": pk}
    return rows.filter(**by)


def row_of(rows: QuerySet[M], reference: str, noun: str) -> M:
    """The one of `rows`, each of which is a `noun`, with this id or name; raises `Missing`."""
    row = rows_of(rows, reference).first()
    if row is None:
        raise Missing(f"There is no {noun} “{reference}”.")
    return row
