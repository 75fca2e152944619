"""What scenarios do with the database itself: ask how it would read, and try what is then undone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import QuerySet

T = TypeVar("T")


def how(rows: QuerySet[Any]) -> str:
    """The database's plan for the query.

    PostgreSQL chooses by what it knows of the rows, so it is told first, not left with what an earlier test had there;
    and it would read a table this small as a whole, so it is kept from it.
    """
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(rows.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {table}; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    return rows.explain()


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is undone. Many changes of one scenario are tried so without telling it anew for each."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def odd_ones(cases: Iterable[T]) -> list[T]:
    """Of a table of names with odd values two thirds on PostgreSQL, which refuses most, and the last third on SQLite;
    always the same. Both see every name and every value, and each meets each on one of them.
    """
    every = list(cases)
    random.Random(7).shuffle(every)
    last_third = len(every) * 2 // 3
    return every[:last_third] if connection.vendor == "postgresql" else every[last_third:]
