"""What the database itself refuses: to change or delete rows that are written once, whoever asks.

A database administrator can drop a trigger. Then the signatures tell.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

#: Tables of `append_only.AppendOnly` rows; a test holds the list complete.
TABLES = ("audit_event", "audit_sealeddocument", "audit_milestone")

_POSTGRESQL = """
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is written once: % is refused.', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
"""


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
            for table, what in _sqlite():
                cursor.execute(
                    f"CREATE TRIGGER {table}_{what.lower()}_refused BEFORE {what} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is written once: {what} is refused.'); END"
                )


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers, where a migration, or a test that empties its database, has to change these tables."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in TABLES:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_written_once ON {table}")
        else:
            for table, what in _sqlite():
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{what.lower()}_refused")


def _sqlite() -> list[tuple[str, str]]:
    return [(table, what) for table in TABLES for what in ("UPDATE", "DELETE")]
