"""What every account of an application was like when it was last seen, as a comparison needs it."""

from __future__ import annotations

from django.db import connection

from tenure.applications.models import Application
from tenure.core.model import Situation

#: Of a fingerprint, in bytes.
_LENGTH = 16

#: As two values, not as a row for each account, which takes five times as long. What was last
#: written by us has no fingerprint: nothing that is listed has that of zeros.
_ALL = f"""
    SELECT array_agg(remote_id), string_agg(
        CASE WHEN length(fingerprint) = {_LENGTH} THEN fingerprint
             ELSE '\\x{"00" * _LENGTH}' END, ''
    )
    FROM applications_account WHERE application_id = %s AND situation <> %s
"""

#: What any of them has was asked for.
_NAMES = """
    SELECT DISTINCT jsonb_object_keys(attributes) FROM applications_account
    WHERE application_id = %s AND situation <> %s AND jsonb_typeof(attributes) = 'object'
"""


def of(application: Application) -> dict[str, bytes]:
    """Remote id -> fingerprint of every account that is not known to be gone."""
    with connection.cursor() as cursor:
        cursor.execute(_ALL, [application.pk, Situation.DELETED.value])
        keys, marks = cursor.fetchone() or (None, None)
    if keys is None or marks is None:
        return {}
    all_ = bytes(marks)
    return dict(
        zip(keys, (all_[n : n + _LENGTH] for n in range(0, len(all_), _LENGTH)), strict=True)
    )


def attributes(application: Application) -> frozenset[str]:
    """Names of the attributes that any of these accounts was seen with."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, [application.pk, Situation.DELETED.value])
        return frozenset(name for (name,) in cursor.fetchall())
