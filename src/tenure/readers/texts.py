"""Values that are not text as the texts of a row: dates as ISO 8601 has them, whole numbers without
a point, several values with commas."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import orjson


def text(value: object) -> str:
    """ "" for what is empty. A point in time at midnight that has no zone is a day."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        is_day = value.tzinfo is None and value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(text(one) for one in value)
    if isinstance(value, dict):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=text).decode()
    return str(value)
