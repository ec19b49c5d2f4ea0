"""Generated names that nobody else has: formats tried in order, reserved in the database.

The unique constraint on `ReservedName` decides, so two workers can never give the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tenure.core.model import Attributes
from tenure.core.names import candidates
from tenure.people.models import ReservedName

EMAIL = "email"
DEFAULT_FORMATS = ("{first}.{last}", "{f}.{last}", "{first}.{last}{n}")


class NoNameLeft(ValueError):
    """All formats are used up, or the person has no name to make one from."""


def reserve_emails(
    people: Mapping[int, Attributes], *, formats: Sequence[str], domain: str
) -> tuple[dict[int, str], dict[int, str]]:
    """Person id -> a corporate address of their own, and person id -> why there is none.

    Proposals go round by round: everybody proposes their next candidate, the database keeps those
    that are free, the rest propose again.
    """
    proposals: dict[int, Iterator[str]] = {
        key: candidates(formats or DEFAULT_FORMATS, attributes)
        for key, attributes in people.items()
    }
    given: dict[int, str] = {}
    failed: dict[int, str] = {}
    while proposals:
        wanted: dict[str, int] = {}
        for key, iterator in list(proposals.items()):
            value = _next_free(iterator, wanted, domain)
            if value is None:
                failed[key] = "no address could be made from this name; all formats are used up"
                del proposals[key]
            else:
                wanted[value] = key
        for value in _keep(EMAIL, wanted):
            given[wanted[value]] = value
            del proposals[wanted[value]]
    return given, failed


def claim(kind: str, names: Mapping[str, int]) -> list[str]:
    """Reserve names that were given from outside. Returns those that somebody else holds."""
    kept = set(_keep(kind, names))
    return [value for value in names if value not in kept]


def _next_free(iterator: Iterator[str], wanted: Mapping[str, int], domain: str) -> str | None:
    for local in iterator:
        value = f"{local}@{domain}" if domain else local
        if value not in wanted:
            return value
    return None


def _keep(kind: str, wanted: Mapping[str, int]) -> list[str]:
    """Insert what is free; return the values that now belong to who wanted them."""
    ReservedName.objects.bulk_create(
        [ReservedName(kind=kind, value=value, person_id=key) for value, key in wanted.items()],
        ignore_conflicts=True,
        batch_size=1000,
    )
    owners = ReservedName.objects.filter(kind=kind, value__in=wanted).values_list(
        "value", "person_id"
    )
    return [value for value, owner in owners if owner == wanted[value]]
