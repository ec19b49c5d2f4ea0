"""Asking the database for rows whose text could be the same as another one, however Python
compares the two: without regard to case, or to how Unicode writes letters. A database does that
otherwise, so it is asked for too many rather than too few, and whoever asks has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from django.db.models import Q

#: Anything but ASCII may be folded into something else.
_NOT_PLAIN: Final = r"[^\x01-\x7f]"
#: Written otherwise within JSON, or as a number or an instant by Python and by PostgreSQL.
_UNSURE: Final = re.compile(r'["\\\x00-\x1f]|^[\d.+-]*e[\d.+-]*$|^\d{4}-\d\d-\d\d', re.IGNORECASE)


def can_be_found(text: str) -> bool:
    """Whether `could_hold` finds it: whether it stands in the database as it is written here."""
    return _UNSURE.search(text) is None


def could_hold(place: str, texts: Iterable[str]) -> Q:
    """Rows in whose `place`, JSON or text, one of these could stand."""
    found = Q(**{f"{place}__regex": _NOT_PLAIN})
    for text in texts:
        if text.isascii():
            found |= Q(**{f"{place}__icontains": text})
    return found
