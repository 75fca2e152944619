"""What the database itself refuses: to change or delete rows that are written once, whoever asks.

A database administrator can drop a trigger. Then the signatures tell.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper

#: The tables of this app; a migration of each app that has `append_only.AppendOnly` rows installs the triggers of its.
TABLES = ("audit_event", "audit_sealeddocument", "audit_milestone")

_BODY = """
BEGIN
    RAISE EXCEPTION '% is written once: % is refused.', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END """
_POSTGRESQL = f"CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$;"
#: BEFORE, DELETE, UPDATE, TRUNCATE, for each statement: the bits of `pg_trigger.tgtype` (PostgreSQL's pg_trigger.h).
_BEFORE_ANY_CHANGE = 2 + 8 + 16 + 32
#: `tgenabled` of a trigger that fires for an ordinary session: as origin, or always.
_FIRES = ("O", "A")


def install(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> None:
    """Create the triggers of these tables; those that are there are replaced."""
    tables = list(tables)
    remove(connection, tables)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL)
            for table in tables:
                cursor.execute(
                    f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
                )
        else:
            for sql in _sqlite(tables).values():
                cursor.execute(sql)


def remove(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> None:
    """Drop the triggers, where a migration, or a test that empties its database, has to change these tables."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in tables:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_written_once ON {table}")
        else:
            for name in _sqlite(tables):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def unguarded(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> list[str]:
    """Those of the tables that the database does not guard: a trigger is missing, switched off, or another one."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
                "WHERE tgname = tgrelid::regclass::text || '_written_once' AND tgtype = %s AND tgqual IS NULL "
                "AND tgenabled::text = ANY(%s) AND prosrc = %s",
                [_BEFORE_ANY_CHANGE, list(_FIRES), _BODY],
            )
            guarded = {table for (table,) in cursor.fetchall()}
            return [table for table in tables if table not in guarded]
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        there = dict(cursor.fetchall())
        tables = list(tables)
        wrong = [name for name, sql in _sqlite(tables).items() if there.get(name) != sql]
        return [table for table in tables if any(name.startswith(f"{table}_") for name in wrong)]


def _sqlite(tables: Iterable[str]) -> dict[str, str]:
    """Name -> what creates it."""
    return {
        f"{table}_{what.lower()}_refused": f"CREATE TRIGGER {table}_{what.lower()}_refused BEFORE {what} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is written once: {what} is refused.'); END"
        for table in tables
        for what in ("UPDATE", "DELETE")
    }
