"""One person put together from what each of their sources says, the first in order first.

The first source that has a value for an attribute owns it, unless another one is the first for that
attribute. The first that says anything of their status decides whether they are here: a directory
that knows no status calls nobody back whom HR calls a leaver. Of several authoritative sources the
one that keeps them longest decides, of their dates too, and one that has let them go comes last for
everything else. Otherwise dates are merged one by one, but
never into a start after an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tenure.core.lifecycle import midnight
from tenure.core.model import Value
from tenure.people import naming
from tenure.people.models import Person
from tenure.people.services import zone_of
from tenure.sources.rows import KEY, STATUS, read_date

#: The origin of what no source gave.
MADE_HERE = ""
_DATES = ("start_date", "end_date")


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says of one person."""

    position: int
    slug: str
    attributes: dict[str, Value]
    on_leave: bool = False
    ended_at: datetime | None = None
    #: Attributes for which it goes before all others.
    first_for: frozenset[str] = frozenset()
    authoritative: bool = False
    #: Of the record, which tells apart those of one source.
    key: str = ""

    @property
    def speaks_of_status(self) -> bool:
        return STATUS in self.attributes or self.ended_at is not None


def put_together(person: Person, layers: Sequence[Layer], default_zone: str) -> list[str]:
    """Set everything that the layers say on the person, who is not saved. Returns what to know.

    Names and addresses that were made here are kept until a source gives them.
    """
    ordered = _one_employment(sorted(layers, key=_place)) if len(layers) > 1 else layers
    authority = _authority(ordered)
    attributes, origins = _on_top_of_each_other(_who_has_them_first(ordered, authority))
    if authority is not None:
        # Their number stays what it is, whoever lets them go.
        _first_word(KEY, ordered, attributes, origins)
    if authority is not None:
        _dates_of(authority, attributes, origins, (*_DATES, STATUS))
    told = _agreeing_dates(ordered, attributes, origins)
    made: dict[str, Value] = {"display_name": full_name(attributes), "time_zone": default_zone}
    for name in (naming.EMAIL, naming.USER_NAME, naming.ALIASES):
        if person.origins.get(name) == MADE_HERE and name in person.attributes:
            made[name] = person.attributes[name]
    for name, value in made.items():
        if name not in attributes:
            attributes[name], origins[name] = value, MADE_HERE
    status = authority or next((item for item in ordered if item.speaks_of_status), ordered[0])
    started_before = person.start_date
    person.attributes, person.origins = attributes, origins
    person.display_name = str(attributes["display_name"])[:300]
    person.email = str(attributes.get("email", ""))
    person.start_date = read_date(attributes.get("start_date"))
    person.end_date = read_date(attributes.get("end_date"))
    person.time_zone = str(attributes["time_zone"])
    person.on_leave = status.on_leave
    person.ended_by_source_at = status.ended_at
    return told + hired_again(person, started_before)


def _on_top_of_each_other(ordered: Sequence[Layer]) -> tuple[dict[str, Value], dict[str, str]]:
    """What the layers say together, and whose word each attribute is."""
    first = ordered[0]
    if len(ordered) == 1:
        return dict(first.attributes), dict.fromkeys(first.attributes, first.slug)
    attributes: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for layer in ordered:
        for name in layer.first_for & layer.attributes.keys():
            attributes[name], origins[name] = layer.attributes[name], layer.slug
    for layer in ordered:
        for name, value in layer.attributes.items():
            if name not in attributes:
                attributes[name], origins[name] = value, layer.slug
    return attributes, origins


def _who_has_them_first(ordered: Sequence[Layer], authority: Layer | None) -> Sequence[Layer]:
    """Of several authoritative sources those that have let them go say only what nobody else does:
    a department that somebody left would be theirs, and all that it gives, for as long as another
    source has them."""
    if authority is None or authority.ended_at is not None:
        return ordered
    over = [layer for layer in ordered if layer.authoritative and layer.ended_at is not None]
    here = [layer for layer in ordered if layer not in over]
    return [*here, *(replace(layer, first_for=frozenset()) for layer in over)]


def _first_word(
    name: str, ordered: Sequence[Layer], attributes: dict[str, Value], origins: dict[str, str]
) -> None:
    found = next((layer for layer in ordered if name in layer.attributes), None)
    own = next((one for one in ordered if name in one.first_for & one.attributes.keys()), found)
    if own is not None:
        attributes[name], origins[name] = own.attributes[name], own.slug


def _one_employment(ordered: Sequence[Layer]) -> list[Layer]:
    """Of several records in one source the first says when they are here, from the day on which
    the one before it began where there is no day between them."""
    if len({layer.slug for layer in ordered}) == len(ordered):
        return list(ordered)
    done: dict[str, Layer] = {}
    found = []
    for layer in ordered:
        first = done.setdefault(layer.slug, layer)
        if first is layer:
            found.append(layer)
            continue
        rest = {n: v for n, v in layer.attributes.items() if n not in (*_DATES, STATUS)}
        found.append(replace(layer, attributes=rest, ended_at=None))
        began = read_date(first.attributes.get("start_date"))
        earlier, until = (read_date(layer.attributes.get(name)) for name in _DATES)
        if layer.ended_at is not None or began is None or earlier is None:
            continue
        if earlier < began and (until is None or until >= began - timedelta(days=1)):
            longer = {**first.attributes, "start_date": earlier.isoformat()}
            done[layer.slug] = replace(first, attributes=longer)
    return [done[one.slug] if one.key == done[one.slug].key else one for one in found]


def _place(layer: Layer) -> tuple[int, str, bool, int, str]:
    """By the order of the sources. Of several records in one, that which keeps them longest: who
    has two contracts is here until both are over."""
    here, until = _keeps_until(layer)
    day = date.max if until[:4] == "9999" else date.fromisoformat(until[:10])
    return layer.position, layer.slug, not here, -day.toordinal(), layer.key


def _authority(ordered: Sequence[Layer]) -> Layer | None:
    """Where more than one authoritative source has the person, the one that keeps them longest."""
    if len(ordered) < 2:
        return None
    found = [layer for layer in ordered if layer.authoritative]
    if len(found) < 2:
        return None
    # `max` keeps the first of equals.
    return max(found, key=_keeps_until)


def _keeps_until(layer: Layer) -> tuple[bool, str]:
    """Whether it says that they are here, and until when."""
    if layer.ended_at is not None:
        return False, layer.ended_at.isoformat()
    return True, str(layer.attributes.get("end_date") or "9999-12-31")


def _dates_of(
    layer: Layer, attributes: dict[str, Value], origins: dict[str, str], names: Sequence[str]
) -> None:
    """These are what this layer says, and nothing where it says nothing."""
    for name in names:
        attributes.pop(name, None)
        origins.pop(name, None)
        if name in layer.attributes:
            attributes[name], origins[name] = layer.attributes[name], layer.slug


def _agreeing_dates(
    ordered: Sequence[Layer], attributes: dict[str, Value], origins: dict[str, str]
) -> list[str]:
    """Where one source's start is after another's end, both are the first source's that has one."""
    starts, ends = (read_date(attributes.get(name)) for name in _DATES)
    if starts is None or ends is None or starts <= ends:
        return []
    first = next(layer for layer in ordered if any(n in layer.attributes for n in _DATES))
    told = (
        f"The start date {starts} (from {origins['start_date']}) is after the end date {ends} "
        f"(from {origins['end_date']}): only {first.slug} counts. Correct one of the sources."
    )
    _dates_of(first, attributes, origins, _DATES)
    return [told]


def hired_again(person: Person, started_before: date | None) -> list[str]:
    """A termination by hand stands against whatever a source says of that employment. A new first
    day after it is another employment: the termination is over, or they could never come back."""
    ended, starts = person.terminated_at, person.start_date
    if ended is None or starts is None or starts == started_before:
        return []
    begins = midnight(starts, zone_of(person))
    if begins is None or begins <= ended:
        return []
    person.terminated_at, person.termination_reason = None, ""
    return [
        f"They were terminated by hand on {ended:%Y-%m-%d}, and now have a new first day, "
        f"{starts}: they come back then. Terminate them again if that is wrong."
    ]


def full_name(attributes: Mapping[str, Value]) -> str:
    """The name by which somebody goes, where no source says."""
    first = attributes.get("preferred_name") or attributes.get("given_name") or ""
    return " ".join(part for part in (str(first), str(attributes.get("family_name", ""))) if part)
