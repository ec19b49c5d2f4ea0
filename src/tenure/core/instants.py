"""Instants as a person reads them: never without the zone that they are told in."""

from __future__ import annotations

import re
from datetime import datetime


def zone_name(at: datetime) -> str:
    """`CET`; `UTC+3` where the zone has no letters of its own."""
    name = at.strftime("%Z")
    if re.fullmatch(r"[+-]\d+", name):
        hours, minutes = name[:3], name[3:]
        return f"UTC{hours[0]}{int(hours[1:])}" + (f":{minutes}" if minutes else "")
    return name


def told(at: datetime) -> str:
    """`5 Dec 2026 00:00 CET`, in the zone that it is in."""
    return f"{at:%-d %b %Y %H:%M} {zone_name(at)}"
