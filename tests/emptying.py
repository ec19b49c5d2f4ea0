"""How the database is emptied after a test that commits: only tables that were written, row by row
while they are small. Truncating every table of ours takes longer than most of these tests.

What Django itself writes when it migrates, content types and permissions, is the same for all tests
and stays.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import transaction
from django.db.backends.postgresql.operations import DatabaseOperations

KEPT = frozenset({"django_content_type", "auth_permission"})
#: The audit trail refuses deletions; nothing refers to it.
REFUSING = frozenset({"audit_event"})
#: What others being deleted is counted in, and deleted last.
COUNTING = frozenset({"applications_accounttally"})
#: A table of more bytes than that is truncated, and all others with it, as they refer to each
#: other: so nothing is left of what a test with many rows made of its size and its statistics.
LARGE = 512 * 1024
_SIZES = """
    SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname = ANY(%s)
"""

_truncating = DatabaseOperations.execute_sql_flush


def install() -> None:
    """From now on, for the whole run."""
    DatabaseOperations.execute_sql_flush = _emptying  # type: ignore[method-assign, assignment]
    flush.sql_flush = _statements  # type: ignore[attr-defined]
    flush.emit_post_migrate_signal = _nothing  # type: ignore[attr-defined]


def _tables(connection: Any) -> list[str]:
    every = connection.introspection.django_table_names(include_views=False)
    return [name for name in every if name not in KEPT]


def _statements(style: Any, connection: Any, **options: bool) -> list[str]:
    """What a flush would do."""
    statements: list[str] = connection.ops.sql_flush(style, _tables(connection), **options)
    return statements


def _emptying(self: Any, statements: list[str]) -> None:
    """What is done instead, where little was written."""
    tables, quote = _tables(self.connection), self.quote_name
    with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
        # A web server of the tests may be writing still.
        cursor.execute(f"LOCK TABLE {', '.join(map(quote, tables))} IN EXCLUSIVE MODE")
        cursor.execute(_SIZES, [tables])
        written = {name: size for name, size in cursor.fetchall() if size}
        if max(written.values(), default=0) > LARGE:
            _truncating(self, statements)
            return
        for name in sorted(written.keys() & REFUSING):
            cursor.execute(f"TRUNCATE {quote(name)}")
        # Keys are checked at the end, when all of it is gone.
        for name in sorted(written.keys() - REFUSING, key=lambda name: (name in COUNTING, name)):
            cursor.execute(f"DELETE FROM {quote(name)}")


def _nothing(*_: Any, **__: Any) -> None:
    """What is made after a migration is there still."""
