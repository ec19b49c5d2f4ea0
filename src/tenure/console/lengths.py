"""Lengths of time as people type them: a number of days, or the document's own form (PT12H)."""

from __future__ import annotations

from datetime import timedelta

from tenure.configuration.durations import format_duration, parse_duration


def shown(length: str | timedelta | None) -> str:
    """In days where it is whole days, otherwise as the document writes it; "" for none."""
    if length is None or length == "":
        return ""
    if isinstance(length, str):
        if not length.startswith("P"):
            return length
        length = parse_duration(length)
    whole = length == timedelta(days=length.days)
    return str(length.days) if whole else format_duration(length)


def typed(text: str) -> str | None:
    """As the document writes it; None for nothing. What cannot be read is given back as it is,
    for the document's own check to say so."""
    text = text.strip()
    if not text:
        return None
    return f"P{text}D" if text.isdecimal() else text
