"""What stands in a record as the text of a column."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import orjson

from tenure.connectors.rest.templates import as_text
from tenure.readers.rest.spec import Kind

#: A date with a time, or, as XML has it, with a zone.
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:.*|Z|[+-]\d{2}:\d{2})")
#: OData 2.0 writes moments so: /Date(1514764800000)/, with the zone's minutes after it.
_ODATA = re.compile(r"/Date\((-?\d+)(?:[+-]\d+)?\)/")


def text_of(value: Any, kind: Kind = "text") -> str:
    """As a column has it: "" where nothing is, a list with commas. Dates as 2026-12-31; what is no
    date stays as it is, for whoever reads the row to complain of."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(text for one in value if (text := text_of(one, kind)))
    if isinstance(value, dict):
        return orjson.dumps(value).decode() if value else ""
    text = as_text(value)
    if kind == "text":
        return text
    if kind == "date":
        found = _MOMENT.fullmatch(text.strip())
        return found[1] if found else text
    return _since_1970(text, 1000 if kind == "epoch_ms" else 1)


def _since_1970(text: str, divisor: int) -> str:
    found = _ODATA.fullmatch(text.strip())
    if found:
        text, divisor = found[1], 1000
    try:
        return datetime.fromtimestamp(float(text) / divisor, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return text


def moment_as(moment: datetime, form: str) -> str:
    """A time as requests write it: iso, date, epoch, epoch_ms, or `strftime` style."""
    match form:
        case "iso":
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case "date":
            return moment.astimezone(UTC).date().isoformat()
        case "epoch":
            return str(int(moment.timestamp()))
        case "epoch_ms":
            return str(int(moment.timestamp() * 1000))
    return moment.astimezone(UTC).strftime(form)
