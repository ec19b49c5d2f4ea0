"""A process is held at a place that is known, so that it can be killed there: in the middle of a
transaction, when it writes a certain row of a certain table."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.survive.installation import Installation, until

_LOCK = 7_245_994
_SNARE = """
CREATE SEQUENCE snare_rows;
CREATE FUNCTION snare() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('snare_rows') = {row} THEN
        PERFORM pg_advisory_xact_lock({lock});
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER snare BEFORE {what} ON {table} FOR EACH ROW {when} EXECUTE FUNCTION snare();
"""
_CAUGHT = """
SELECT pid, application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND objid = {lock} AND NOT granted
"""


@contextmanager
def snared(
    installed: Installation, table: str, *, row: int, what: str = "INSERT", when: str = ""
) -> Iterator[None]:
    """Until the block ends, whoever writes that row waits; then it goes on, if it still lives.
    `what`: INSERT or UPDATE. `when`: a condition on NEW and OLD."""
    terms = {"lock": _LOCK, "row": row, "what": what, "table": table}
    with psycopg.connect(installed.postgres.url(), autocommit=True) as holder:
        holder.execute(f"SELECT pg_advisory_lock({_LOCK})")
        holder.execute(_SNARE.format(**terms, when=f"WHEN ({when})" if when else ""))
        try:
            yield
        finally:
            backends = installed.query(_CAUGHT.format(lock=_LOCK))
            holder.execute(f"SELECT pg_advisory_unlock({_LOCK})")
            # What the dead one had begun ends before anybody looks.
            until(lambda: not _alive(installed, [pid for pid, _ in backends]))
            holder.execute(f"DROP TRIGGER snare ON {table}")
            holder.execute("DROP FUNCTION snare")
            holder.execute("DROP SEQUENCE snare_rows")


def kill_in_the_middle(
    installed: Installation,
    table: str,
    *arguments: str,
    row: int,
    what: str = "INSERT",
    when: str = "",
) -> None:
    """Begin the command, and kill -9 it while it writes that row."""
    with snared(installed, table, row=row, what=what, when=when):
        process = installed.begin(*arguments)
        until(
            lambda: bool(installed.query(_CAUGHT.format(lock=_LOCK))) or process.poll() is not None
        )
        assert process.poll() is None, f"it never came to row {row} of {table}"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def _alive(installed: Installation, backends: list[object]) -> bool:
    listed = ", ".join(str(pid) for pid in backends) or "0"
    return bool(installed.query(f"SELECT pid FROM pg_stat_activity WHERE pid IN ({listed})"))
