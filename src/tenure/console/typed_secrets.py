"""Secrets typed into the form of a source: sealed in the box, with the last day of those that die
by themselves; where they are is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from tenure.console import schema_form
from tenure.console.page import ConsoleRequest
from tenure.vault.services import Kept, keep, kept, opened

_LAST_DAY: Final = "expires-"


def taken(
    request: ConsoleRequest, slug: str, asked: Mapping[str, bool], known: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Name -> reference, and name -> what is wrong. `asked`: name -> whether it has to be there;
    `known`: those that were there before, which stay where nothing was typed."""
    found, errors = dict(known), {}
    for name, required in asked.items():
        text = schema_form.secret_text(request.POST.get(f"secret-{name}", ""))
        if text.startswith("${"):
            found[name] = text
        elif required and not text and name not in found:
            errors[name] = "This is needed."
        else:
            try:
                found |= _sealed(request, _box(slug, name), name, text)
            except ValueError as error:
                errors[name] = str(error)
    return found, errors


def last_day(request: ConsoleRequest, slug: str, name: str) -> schema_form.Field:
    """The field for the last day of one, with what was typed, or said of the one in the box."""
    there = _there(_box(slug, name))
    day = there.expires_on if there else None
    shown = day.isoformat() if day else ""
    return schema_form.Field(
        f"{_LAST_DAY}{name}",
        "Last day",
        "If it dies by itself: you are told three weeks ahead.",
        request.POST.get(f"{_LAST_DAY}{name}", shown),
        kind="date",
    )


def _sealed(request: ConsoleRequest, box: str, name: str, text: str) -> dict[str, str]:
    """Its reference, where it or its last day was typed. Raises `ValueError`."""
    there = _there(box)
    # Another secret has another last day, or none.
    day = there.expires_on if there and not text else None
    said = request.POST.get(f"{_LAST_DAY}{name}")
    if said is not None:
        try:
            day = date.fromisoformat(said.strip()) if said.strip() else None
        except ValueError:
            raise ValueError(f"The last day {said!r} is no day: expected 2027-03-31.") from None
    changed = there is not None and day != there.expires_on
    if not text and not changed:
        return {}
    keep(box, text or opened(box), expires_on=day)
    return {name: f"${{box:{box}}}"} if text else {}


def _box(slug: str, name: str) -> str:
    return f"{slug}-{name}".replace("_", "-")


def _there(box: str) -> Kept | None:
    return next((one for one in kept() if one.name == box), None)
