"""What was pushed, as rows: the columns of each stored user that the mapping reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from django.db import connection

from tenure.connectors.scim.attributes import flatten
from tenure.readers.push import text
from tenure.sources.models import PushedResource, Source
from tenure.sources.rows import RowMapping

GROUPS = "groups"
MANAGER = "enterprise.manager"
USER, GROUP = "User", "Group"
_BATCH = 500


def stored_rows(source: Source, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Everything that was pushed, for an import of the whole source."""
    resources = PushedResource.objects.filter(source=source, kind=USER).order_by("pk")
    iterator = resources.iterator(_BATCH)
    while batch := list(islice(iterator, _BATCH)):
        for resource, row in zip(batch, values(source, batch, columns), strict=True):
            yield resource.pk, row


def values_of(resource: PushedResource, mapping: RowMapping) -> Mapping[str, str]:
    """The columns of one resource that the mapping reads."""
    return next(iter(values(resource.source, [resource], mapping.columns)))


def values(
    source: Source, resources: Sequence[PushedResource], columns: Sequence[str]
) -> Iterator[dict[str, str]]:
    """These columns of each resource, as texts."""
    names = [name for name in columns if name != GROUPS]
    groups = _groups(source, resources) if GROUPS in columns else {}
    keys = _keys_of_managers(source, resources) if MANAGER in columns else {}
    for resource in resources:
        found = flatten(resource.document, names)
        row = {name: text(found.get(name)) for name in columns}
        if GROUPS in columns:
            row[GROUPS] = ",".join(sorted(groups.get(resource.uid, ())))
        if MANAGER in columns:
            row[MANAGER] = keys.get(row[MANAGER], row[MANAGER])
        yield row


def _groups(source: Source, resources: Sequence[PushedResource]) -> dict[str, list[str]]:
    """uid -> names of the groups that they are in."""
    uids = [resource.uid for resource in resources]
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT member ->> 'value', "group".document ->> 'displayName'
            FROM sources_pushedresource AS "group",
                jsonb_array_elements(coalesce("group".document -> 'members', '[]')) AS member
            WHERE "group".source_id = %s AND "group".kind = 'Group'
                AND member ->> 'value' = ANY(%s)
            ORDER BY "group".id
            """,
            [source.pk, uids],
        )
        for uid, name in cursor.fetchall():
            found.setdefault(uid, []).append(name)
    return found


def _keys_of_managers(source: Source, resources: Sequence[PushedResource]) -> dict[str, str]:
    """A manager is named by the id of their resource; people know employee numbers."""
    wanted = {text(flatten(item.document, [MANAGER]).get(MANAGER)) for item in resources} - {""}
    rows = PushedResource.objects.filter(source=source, uid__in=wanted).exclude(key="")
    return dict(rows.values_list("uid", "key"))
