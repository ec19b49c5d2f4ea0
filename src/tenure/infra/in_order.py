"""Reading rows in the order of an index, whatever PostgreSQL believes to be in a table.

Right after many rows were stored, and until it has looked at them, PostgreSQL takes them for a few:
it then reads and sorts all of them where the first hundred, in the order of an index, are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def in_order_of_index() -> Iterator[None]:
    """In the caller's transaction, until the block ends: what is asked for in an order is sorted
    only where no index has that order."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        yield
        # Not where the block failed: nothing can be said in that transaction any more.
        cursor.execute("RESET enable_sort")
