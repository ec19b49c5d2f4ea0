"""Who works an application: whoever has its locks, and shows that it lives.

A process that dies loses its sessions of the database, and the locks with them. One that only
stands still (stopped, swapped out, its machine paused) keeps both. So a drain says something to the
database every few seconds; whoever finds it silent ends its sessions and takes over, and a drain
that was not heard for a while sends nothing more, whatever it was about to send.
"""

from __future__ import annotations

import logging
import time

from django.db import connection

from tenure.applications.models import Application
from tenure.provisioning.execution.tables import try_lock

log = logging.getLogger(__name__)

#: Locks of the wide lane, the fast one, and of claims; their second key is the application's.
WIDE, FAST, CLAIMS = 0x7E5, 0x7E8, 0x7EB
PULSE_SECONDS = 3.0
#: A drain that was not heard for so long writes no more; and after so long it may be put out.
_EXPIRES_SECONDS, SILENT_SECONDS = 20.0, 30
#: How long sessions that are ended may take for it.
_PATIENCE_SECONDS = 3
#: Goes on while the machine sleeps, where there is such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

# A session at which the server works for its client is not silent, however long that takes.
_PUT_OUT = """
WITH holding AS (
    SELECT DISTINCT activity.pid, activity.state_change,
        activity.state = 'active' AND activity.wait_event_type IS DISTINCT FROM 'Client' AS busy
    FROM pg_locks AS held
    JOIN pg_stat_activity AS activity ON activity.pid = held.pid
    WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 2
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND held.classid::bigint = ANY(%(locks)s) AND held.objid::bigint = %(application)s
      AND held.pid <> pg_backend_pid()
)
SELECT pg_terminate_backend(pid, %(patience)s) FROM holding
WHERE (SELECT max(state_change) < clock_timestamp() - make_interval(secs => %(silent)s)
       AND NOT bool_or(busy) FROM holding)
"""


class Pulse:
    """When a drain was last heard."""

    def __init__(self) -> None:
        self._at = _now()

    def beat(self) -> None:
        """Say something to the database. In the thread of the session that has the lock."""
        began = _now()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        self._at = began

    def is_felt(self) -> bool:
        """Whether nobody can have taken over."""
        return _now() - self._at < _EXPIRES_SECONDS


def put_out_silent(application: Application) -> bool:
    """End the sessions of whoever has the application's locks, and has not been heard. Whether
    there was such a one."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PUT_OUT,
            {
                "locks": [WIDE, FAST, CLAIMS],
                "application": application.pk,
                "patience": _PATIENCE_SECONDS * 1000,
                "silent": SILENT_SECONDS,
            },
        )
        ended = [row[0] for row in cursor.fetchall()]
    if ended:
        log.warning(
            "The worker that is at %s has said nothing for %d seconds: its connections to the "
            "database are ended, and this one takes over.",
            application.name,
            SILENT_SECONDS,
        )
    return bool(ended)


def take(application: int) -> bool:
    """The locks with which a drain begins; whether nobody else has them."""
    return all(try_lock(lock, application) for lock in (WIDE, CLAIMS))


def _now() -> float:
    return time.clock_gettime(_CLOCK)
