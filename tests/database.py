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
    block: Any = transaction.atomic()
    # One that a test wraps around itself: AWS may be called in it (`protection.gateways.assert_no_transaction`).
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def odd_ones(cases: Iterable[T], *, every: bool = False) -> list[T]:
    """Of a table of names with odd values half on PostgreSQL, which refuses most, and another quarter on SQLite; always
    the same. Both see every name and every value, and most meet on one of them. With `every` (`make test BOTH=1`) all
    meet on both.
    """
    shuffled = list(cases)
    random.Random(7).shuffle(shuffled)
    if every:
        return shuffled
    half, quarter = len(shuffled) // 2, len(shuffled) // 4
    return shuffled[:half] if connection.vendor == "postgresql" else shuffled[half : half + quarter]
