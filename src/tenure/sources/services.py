"""Writing sources: where people come from, and how their rows are read. Importing is another
module's; nothing here opens a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.duration import duration_iso_string

from tenure.core.model import LifecycleState
from tenure.people.configured import Configured
from tenure.sources.authorizing import party
from tenure.sources.models import Source, SourceRecord
from tenure.vault.giving_back import give_back


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """The configured part of one source: the names and shapes are those of the model. `secrets` are
    references, never values."""

    slug: str
    name: str
    reader: str
    catalogue_entry: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    oauth: Mapping[str, Any] = field(default_factory=dict)
    expires: Mapping[str, str] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    dates: Sequence[str] = ()
    statuses: Mapping[str, str] = field(default_factory=dict)
    absence: str = "ignore"
    guard: Mapping[str, Any] = field(default_factory=dict)
    rehire: Sequence[Sequence[str]] = ()
    correlation: Sequence[Mapping[str, str]] = ()
    suggest: Sequence[Sequence[str]] = ()
    schedule: Mapping[str, Any] = field(default_factory=dict)
    full_every: timedelta = timedelta(days=1)
    value_tables: Mapping[str, Any] = field(default_factory=dict)
    clean: Mapping[str, Sequence[str]] = field(default_factory=dict)
    region: str = ""
    time_zones: Mapping[str, str] = field(default_factory=dict)
    manager_by: str = "employee_number"
    first_for: Sequence[str] = ()
    write_back: Mapping[str, str] = field(default_factory=dict)
    authoritative: bool = False


class SourceInUse(ValueError):
    """People are known from it alone. `str()` says how many and what to do."""


def definitions() -> list[SourceDefinition]:
    """All sources in their order, which is also their precedence."""
    return _SOURCES.all()


@transaction.atomic
def save_source(*, definition: SourceDefinition, position: int | None = None) -> bool:
    """Make the source, or change what differs. Returns whether anything did.

    Nobody is planned anew: a changed mapping gives people other attributes at the next import.
    """
    changed = _SOURCES.save(definition, position)
    if "schedule" in changed:
        # By the new one from now on; a source that was never due is due at once.
        Source.objects.filter(slug=definition.slug).update(due_at=None)
    return bool(changed)


@transaction.atomic
def remove_source(*, slug: str) -> None:
    """Forget a source and its records. Raises `SourceInUse` while somebody who has not left is
    known from nowhere else: they would stay, and nothing would ever say that they leave."""
    source = Source.objects.select_for_update().get(slug=slug)
    elsewhere = SourceRecord.objects.filter(present=True).exclude(source=source)
    alone = (
        SourceRecord.objects.filter(source=source)
        .exclude(person__state=LifecycleState.LEFT.value)
        .exclude(person__in=elsewhere.values("person"))
        .values("person")
        .distinct()
        .count()
    )
    if alone:
        people = "person is" if alone == 1 else "people are"
        raise SourceInUse(
            f"{alone} {people} known from {source.name} alone. Import them from another source "
            "first (the employee number ties the records together), or let them leave; until "
            "then keep it in the configuration."
        )
    give_back(party(source))
    _SOURCES.remove(source)


def _definition(source: Source) -> SourceDefinition:
    return SourceDefinition(
        slug=source.slug,
        name=source.name,
        reader=source.reader,
        catalogue_entry=source.catalogue_entry,
        settings=source.settings,
        secrets=source.secrets,
        oauth=source.oauth,
        expires=source.expires,
        mapping=source.mapping,
        dates=source.dates,
        statuses=source.statuses,
        absence=source.absence,
        guard=source.guard,
        rehire=source.rehire,
        correlation=source.correlation,
        suggest=source.suggest,
        schedule=source.schedule,
        full_every=source.full_every,
        value_tables=source.value_tables,
        clean=source.clean,
        region=source.region,
        time_zones=source.time_zones,
        manager_by=source.manager_by,
        first_for=source.first_for,
        write_back=source.write_back,
        authoritative=source.authoritative,
    )


def _plain(definition: SourceDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "reader": definition.reader,
        "catalogue_entry": definition.catalogue_entry,
        "settings": dict(definition.settings),
        "secrets": dict(definition.secrets),
        "oauth": dict(definition.oauth),
        "expires": dict(definition.expires),
        "mapping": dict(definition.mapping),
        "dates": list(definition.dates),
        "statuses": dict(definition.statuses),
        "absence": definition.absence,
        "guard": dict(definition.guard),
        "rehire": [list(names) for names in definition.rehire],
        "correlation": [dict(rule) for rule in definition.correlation],
        "suggest": [list(names) for names in definition.suggest],
        "schedule": dict(definition.schedule),
        "full_every": duration_iso_string(definition.full_every),
        "value_tables": dict(definition.value_tables),
        "clean": {name: list(kinds) for name, kinds in definition.clean.items()},
        "region": definition.region,
        "time_zones": dict(definition.time_zones),
        "manager_by": definition.manager_by,
        "first_for": list(definition.first_for),
        "write_back": dict(definition.write_back),
        "authoritative": definition.authoritative,
    }


def _columns(definition: SourceDefinition) -> dict[str, Any]:
    return {"full_every": definition.full_every}


_SOURCES = Configured("source", Source, _definition, _plain, _columns)
