"""What the database gives in no order comes backwards in tests.

Without ORDER BY, PostgreSQL gives rows in whatever order it comes upon them: for a small table
mostly as they were written, until it has been vacuumed or another plan is cheaper. A test that
leans on the first passes here and fails elsewhere, and so does a page that shows such a list.
Backwards they fail here, each time.
"""

from __future__ import annotations

from typing import Any

from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import MULTI


def install() -> None:
    """Queries of this process that name no order give their rows backwards from now on."""
    prepared, executed = SQLCompiler.pre_sql_setup, SQLCompiler.execute_sql

    def pre_sql_setup(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = prepared(self, *args, **kwargs)
        self.names_order = bool(found[1])
        return found

    def execute_sql(
        self: Any, result_type: str = MULTI, chunked_fetch: bool = False, **kwargs: Any
    ) -> Any:
        found = executed(self, result_type, chunked_fetch=chunked_fetch, **kwargs)
        if result_type != MULTI or chunked_fetch or getattr(self, "names_order", True):
            return found
        return [rows[::-1] for rows in reversed(list(found))]

    SQLCompiler.pre_sql_setup = pre_sql_setup  # type: ignore[method-assign]
    SQLCompiler.execute_sql = execute_sql  # type: ignore[method-assign]
