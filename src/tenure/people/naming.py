"""Generated names that nobody else has: formats tried in order, reserved in the database.

The unique constraint on `ReservedName` decides, so two workers can never give the same name. A
reservation is never taken back: an address whose owner left may still get their mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from tenure.core.model import Attributes
from tenure.core.names import candidates
from tenure.infra.bulk import insert_instances
from tenure.people.models import ReservedName

EMAIL = "email"
#: Candidates of one person that are asked for at once, from the second round on.
MOST_AT_ONCE = 64
DEFAULT_FORMATS = ("{first}.{last}", "{f}.{last}", "{first}.{last}{n}")


class NoNameLeft(ValueError):
    """All formats are used up, or the person has no name to make one from."""


def reserve_emails(
    people: Mapping[int, Attributes], *, formats: Sequence[str], domain: str
) -> tuple[dict[int, str], dict[int, str]]:
    """Person id -> a corporate address of their own, and person id -> why there is none.

    Proposals go round by round: everybody proposes their next candidate that is not taken yet, the
    database keeps those that are still free, the rest propose again. A round asks for twice as
    many candidates as the one before, so that the thousandth of a name is found as soon.
    """
    proposals: dict[int, Iterator[str]] = {
        key: _addresses(candidates(formats or DEFAULT_FORMATS, attributes), domain)
        for key, attributes in people.items()
    }
    given: dict[int, str] = {}
    failed: dict[int, str] = {}
    width = 1
    while proposals:
        batches = {key: list(islice(iterator, width)) for key, iterator in proposals.items()}
        taken = _taken({v for values in batches.values() for v in values}) if width > 1 else {}
        wanted: dict[str, int] = {}
        again: dict[int, list[str]] = {}
        for key, values in batches.items():
            if not values:
                failed[key] = "no address could be made from this name; all formats are used up"
                del proposals[key]
                continue
            free = [value for value in values if taken.get(value, key) == key]
            mine = next((value for value in free if value not in wanted), None)
            if mine is not None:
                wanted[mine] = key
            again[key] = [value for value in free if value != mine]
        for value in _keep(EMAIL, wanted):
            given[wanted[value]] = value
            del proposals[wanted[value]]
        for key in proposals:
            proposals[key] = chain(again[key], proposals[key])
        width = min(MOST_AT_ONCE, width * 2)
    return given, failed


def claim(kind: str, names: Mapping[str, int]) -> list[str]:
    """Reserve names that were given from outside. Returns those that somebody else holds."""
    kept = set(_keep(kind, names))
    return [value for value in names if value not in kept]


def _addresses(local_parts: Iterator[str], domain: str) -> Iterator[str]:
    for local in local_parts:
        yield f"{local}@{domain}".lower() if domain else local


def _taken(values: set[str]) -> dict[str, int | None]:
    """Address -> who has it."""
    rows = ReservedName.objects.filter(kind=EMAIL, value__in=values)
    return dict(rows.values_list("value", "person_id"))


def _keep(kind: str, wanted: Mapping[str, int]) -> list[str]:
    """Insert what is free; return the values that now belong to who wanted them. In order, so
    that two who want the same names never wait for each other."""
    insert_instances(
        [ReservedName(kind=kind, value=v, person_id=wanted[v]) for v in sorted(wanted)],
        unique=["kind", "value"],
    )
    owners = ReservedName.objects.filter(kind=kind, value__in=wanted).values_list(
        "value", "person_id"
    )
    return [value for value, owner in owners if owner == wanted[value]]
