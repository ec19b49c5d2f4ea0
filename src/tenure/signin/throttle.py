"""How often something may be tried: counted in the database, so all workers count together.
Counting is one statement of its own, outside of any transaction that may yet be rolled back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from django.db import connection

from tenure.infra.clock import now


@dataclass(frozen=True, eq=False)
class _Limit:
    most: int
    window: timedelta


class Limit(Enum):
    """What is limited. By address the numbers allow for a large office behind one address at nine
    in the morning: they keep the database from being filled, and nothing there can be guessed."""

    CODE_SENT = _Limit(5, timedelta(hours=1))
    CODE_TRIED = _Limit(15, timedelta(hours=1))
    RECOVERY_BY_NAME = _Limit(5, timedelta(minutes=30))
    RECOVERY_BY_ADDRESS = _Limit(30, timedelta(minutes=30))
    REQUEST_BY_PERSON = _Limit(30, timedelta(hours=1))
    DEVICE_CODE_BY_PERSON = _Limit(30, timedelta(minutes=10))
    SIGN_ON_BY_ADDRESS = _Limit(12000, timedelta(minutes=10))
    PASSKEY_BY_ADDRESS = _Limit(3000, timedelta(minutes=10))
    PAIRING_BY_ADDRESS = _Limit(6000, timedelta(minutes=10))
    INVITATION_BY_ADDRESS = _Limit(2000, timedelta(minutes=10))
    APPLICATION_BY_ADDRESS = _Limit(5000, timedelta(minutes=10))
    #: Of what is not believed, so much is kept in the audit trail.
    DISBELIEVED_BY_ADDRESS = _Limit(100, timedelta(minutes=10))


class TooOften(ValueError):
    """Tried too often. `str()` says when it may be tried again."""

    def __init__(self, wait: timedelta) -> None:
        minutes = max(1, -(-int(wait.total_seconds()) // 60))
        super().__init__(
            f"That was tried too often. Try again in {minutes} minute{'s' if minutes != 1 else ''}."
        )
        self.wait = wait


def count(limit: Limit, who: object) -> None:
    """One more try by `who` (a person, an address). Raises `TooOften` beyond the limit."""
    most, window, at = limit.value.most, limit.value.window, now()
    key = f"{limit.name.lower()}:{hashlib.sha256(str(who).encode()).hexdigest()[:40]}"
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO signin_throttle AS row (key, since, count) VALUES (%s, %s, 1)
            ON CONFLICT (key) DO UPDATE SET
                count = CASE WHEN row.since <= %s THEN 1 ELSE least(row.count + 1, 1000000) END,
                since = CASE WHEN row.since <= %s THEN excluded.since ELSE row.since END
            RETURNING count, since
            """,
            [key, at, at - window, at - window],
        )
        tried, since = cursor.fetchone()
    if tried > most:
        raise TooOften(since + window - at)
