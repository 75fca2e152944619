"""What the database itself refuses: to change or delete rows that are written once, whoever asks.

A database administrator can drop a trigger. Then the signatures tell.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

#: Tables of `append_only.AppendOnly` rows; a test holds the list complete.
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


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers; those that are there are replaced."""
    remove(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL)
            for table in TABLES:
                cursor.execute(
                    f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
                )
        else:
            for sql in _sqlite().values():
                cursor.execute(sql)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers, where a migration, or a test that empties its database, has to change these tables."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in TABLES:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_written_once ON {table}")
        else:
            for name in _sqlite():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def unguarded(connection: BaseDatabaseWrapper) -> list[str]:
    """The tables that the database does not guard: a trigger is missing, switched off, or another one."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
                "WHERE tgname = tgrelid::regclass::text || '_written_once' AND tgtype = %s AND tgqual IS NULL "
                "AND tgenabled::text = ANY(%s) AND prosrc = %s",
                [_BEFORE_ANY_CHANGE, list(_FIRES), _BODY],
            )
            guarded = {table for (table,) in cursor.fetchall()}
            return [table for table in TABLES if table not in guarded]
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        there = dict(cursor.fetchall())
        wrong = [name for name, sql in _sqlite().items() if there.get(name) != sql]
        return [table for table in TABLES if any(name.startswith(f"{table}_") for name in wrong)]


def _sqlite() -> dict[str, str]:
    """Name -> what creates it."""
    return {
        f"{table}_{what.lower()}_refused": f"CREATE TRIGGER {table}_{what.lower()}_refused BEFORE {what} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is written once: {what} is refused.'); END"
        for table in TABLES
        for what in ("UPDATE", "DELETE")
    }
