"""Everything that hangs on a person, from one person to another and back again.

Whatever has a reference to `Person` goes along, in every app that there is: nothing has to be
listed here for that, and nothing can be forgotten. What cannot be there twice (two exceptions for
one application) is put away as it is written, so that it can be brought back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from django.core import serializers
from django.db import models
from django.db.models import Q
from django.db.models.fields.related import ForeignObjectRel

from tenure.people.models import Person

#: `app.Model.field` -> ids of its rows.
Moved: TypeAlias = dict[str, list[int]]
#: Rows as JSON, by which they can be brought back.
Written: TypeAlias = list[dict[str, Any]]
Closer: TypeAlias = Callable[[Person], None]
_closers: list[Closer] = []


def register(closer: Closer) -> None:
    """From now on `closer` is told of whoever is no more as a person of their own: it ends what
    they are signed in to. Once is enough."""
    if closer not in _closers:
        _closers.append(closer)


def sign_out(person: Person) -> None:
    """In the caller's transaction. What they sign in with is theirs still."""
    for closer in _closers:
        closer(person)


def move(source: Person, target: Person, *, but: Collection[str] = ()) -> tuple[Moved, Written]:
    """All that refers to `source` refers to `target` from now on, save for the references `but`.
    Returns what moved, and what could not, as it was: it is gone."""
    moved: Moved = {}
    put_away: Written = []
    for key, model, field in references():
        if key in but:
            continue
        twice = _twice(model, field, source, target)
        if twice:
            rows = model._default_manager.filter(pk__in=twice)
            put_away += written(rows)
            rows.delete()
        rows = model._default_manager.filter(**{field: source})
        found = list(rows.order_by("pk").values_list("pk", flat=True))
        if found:
            rows.update(**{field: target})
            moved[key] = found
    return moved, put_away


def move_back(moved: Mapping[str, Collection[int]], source: Person, target: Person) -> None:
    """What of it is still `source`'s is `target`'s again."""
    models_of = {key: (model, field) for key, model, field in references()}
    for key, rows in moved.items():
        if key in models_of:
            model, field = models_of[key]
            there = model._default_manager.filter(**{"pk__in": rows, field: source})
            there.update(**{field: target})


def written(rows: Iterable[models.Model]) -> Written:
    """As `read` reads them."""
    found: Written = json.loads(serializers.serialize("json", rows))
    return found


def read(rows: Written) -> list[Any]:
    """The rows as they were, not saved."""
    return [item.object for item in serializers.deserialize("json", json.dumps(rows))]


def bring_back(put_away: Written) -> None:
    """What was put away is there again. The person whom it refers to is."""
    for item in serializers.deserialize("json", json.dumps(put_away)):
        item.save()


def references() -> Iterator[tuple[str, type[models.Model], str]]:
    """`app.Model.field`, the model and the field, of all that refers to people."""
    for relation in Person._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and (relation.one_to_many or relation.one_to_one):
            model = relation.related_model
            assert not isinstance(model, str)
            yield f"{model._meta.label}.{relation.field.name}", model, relation.field.name


def _twice(model: type[models.Model], field: str, source: Person, target: Person) -> set[int]:
    """The ids of rows of `source` that would be what `target` has already."""
    found: set[int] = set()
    for fields, condition in _unique(model, field):
        others = [name for name in fields if name != field]
        rows = model._default_manager.filter(condition)
        taken = set(rows.filter(**{field: target}).values_list("pk", *others))
        values = {tuple(row[1:]) for row in taken}
        mine = rows.filter(**{field: source}).values_list("pk", *others)
        found |= {row[0] for row in mine if tuple(row[1:]) in values}
    return found


def _unique(model: type[models.Model], field: str) -> Iterator[tuple[Collection[str], Q]]:
    """The fields, `field` among them, of which no two rows may have the same."""
    if model._meta.get_field(field).unique:  # type: ignore[union-attr]
        yield (field,), Q()
    for names in model._meta.unique_together:
        if field in names:
            yield names, Q()
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and field in constraint.fields:
            yield constraint.fields, constraint.condition or Q()
