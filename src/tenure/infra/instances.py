"""Model instances without their constructor, where there are very many: Django's takes some twenty
microseconds for a table of thirty columns, ten times as long as everything else that a row costs.

What these make behaves as any other instance. What was not read is read when it is asked for, which
costs a query for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import QuerySet
from django.db.models.base import ModelState

from tenure.infra.bulk import one_of

M = TypeVar("M", bound=models.Model)


def blanks(model: type[M], **values: Any) -> Callable[[], M]:
    """Makes unsaved instances with these values, and the defaults of the others."""
    template = dict(model(**values).__dict__)
    del template["_state"]
    anew = {
        field.attname: field.default
        for field in model._meta.concrete_fields
        if field.has_default() and callable(field.default) and field.attname not in values
    }

    def blank() -> M:
        made = model.__new__(model)
        made.__dict__ = {"_state": ModelState(), **template}
        for name, default in anew.items():
            made.__dict__[name] = default()
        return made

    return blank


def loading(model: type[M], names: Sequence[str]) -> Callable[[Sequence[Any]], M]:
    """Makes instances of values that were read from the database by a query of one's own, in the
    order of these fields. Documents come as text there."""
    fields = [model._meta.get_field(name) for name in names]
    attributes = [field.attname for field in fields if isinstance(field, models.Field)]
    documents = [n for n, field in enumerate(fields) if isinstance(field, models.JSONField)]

    def load(values: Sequence[Any]) -> M:
        given = list(values)
        for number in documents:
            if given[number] is not None:
                given[number] = orjson.loads(given[number])
        made = model.__new__(model)
        state = ModelState()
        state.adding, state.db = False, "default"
        made.__dict__ = {"_state": state, **dict(zip(attributes, given, strict=True))}
        return made

    return load


def read(rows: QuerySet[M], names: Sequence[str] = ()) -> list[M]:
    """The rows of a query that names no columns of its own; of each the fields `names`, or all."""
    fields = names or [field.name for field in rows.model._meta.concrete_fields]
    load = loading(rows.model, fields)
    try:
        asked = rows.values_list(*fields).query.sql_with_params()
    except EmptyResultSet:
        return []  # Of no keys, for instance: nothing need be asked.
    with connection.cursor() as cursor:
        cursor.execute(*asked)
        return [load(row) for row in cursor.fetchall()]


def read_related(rows: Sequence[models.Model], name: str, names: Sequence[str] = ()) -> None:
    """Read what the foreign key `name` of these rows stands for, each row once whoever shares it,
    and of that the fields `names`, or all of them."""
    if not rows:
        return
    key = rows[0]._meta.get_field(name)
    assert isinstance(key, models.ForeignKey)
    model = key.related_model
    assert not isinstance(model, str)
    wanted = {getattr(row, key.attname) for row in rows} - {None}
    query = model._base_manager.order_by().filter(one_of("pk", wanted))
    found = {made.pk: made for made in read(query, names)} if wanted else {}
    for row in rows:
        of = getattr(row, key.attname)
        # One that is not found is left to be asked for, and missed.
        if of is None or of in found:
            relate(row, name, found.get(of))


def relate(row: models.Model, name: str, other: models.Model | None) -> None:
    """What the foreign key of that name stands for is known: it need not be read."""
    row._state.fields_cache[name] = other
