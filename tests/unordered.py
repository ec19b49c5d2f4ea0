"""What the database gives in no order comes backwards in tests, and so does what ties.

Without ORDER BY, PostgreSQL gives rows in whatever order it comes upon them: for a small table
mostly as they were written, until it has been vacuumed or another plan is cheaper. The same goes
for rows that are equal in all that ORDER BY names: two people of one name, two events of one
transaction. A test that leans on the first passes here and fails elsewhere, and so does a page
that shows such a list. Backwards they fail here, each time.
"""

from __future__ import annotations

from typing import Any

from django.db.models.expressions import Col, OrderBy
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import MULTI


def install() -> None:
    """Queries of this process give rows of which they do not say the order backwards from now on:
    the last written first."""
    ordered, prepared = SQLCompiler.get_order_by, SQLCompiler.pre_sql_setup
    executed = SQLCompiler.execute_sql

    def get_order_by(self: Any) -> Any:
        found = ordered(self)
        if not found or not _can_be_told_apart(self.query) or _is_total(self.query, found):
            return found
        key = Col(self.query.get_initial_alias(), self.query.get_meta().pk)
        last = OrderBy(key, descending=True)
        return [*found, (last, (*self.compile(last), False))]

    def pre_sql_setup(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = prepared(self, *args, **kwargs)
        self.names_order = bool(found[1])
        return found

    def execute_sql(
        self: Any, result_type: Any = MULTI, chunked_fetch: bool = False, **kwargs: Any
    ) -> Any:
        found = executed(self, result_type, chunked_fetch=chunked_fetch, **kwargs)
        if result_type != MULTI or chunked_fetch or getattr(self, "names_order", True):
            return found
        return [rows[::-1] for rows in reversed(list(found))]

    SQLCompiler.get_order_by = get_order_by  # type: ignore[method-assign]
    SQLCompiler.pre_sql_setup = pre_sql_setup  # type: ignore[method-assign]
    SQLCompiler.execute_sql = execute_sql  # type: ignore[method-assign, assignment]


def _can_be_told_apart(query: Any) -> bool:
    """Whether each row that comes out is one of the table, and can be sorted by its key."""
    return not query.distinct and query.group_by is None and not query.combinator


def _is_total(query: Any, terms: list[Any]) -> bool:
    """Whether one of the terms is different in each row. A field of another table is not."""
    alias = query.get_initial_alias()
    columns = [term[0].expression for term in terms if isinstance(term[0].expression, Col)]
    own = [column.target for column in columns if column.alias == alias]
    return any(field.unique and not field.null for field in own)
