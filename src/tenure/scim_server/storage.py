"""Where pushed resources are: one source's rows in PostgreSQL, as the SCIM service wants to see
them. What the database can narrow down it does; whether a resource matches, and how matches are
sorted and paged, is the SCIM library's to say.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from scim2_models import (
    InvalidCursorException,
    InvalidValueException,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.storage import ScimStorage, SearchPage

from tenure.infra.bulk import insert_instances
from tenure.infra.clock import now
from tenure.infra.folding import can_be_found, could_hold
from tenure.sources.models import PushedResource
from tenure.sources.pushed_rows import GROUP, USER
from tenure.sources.pushing import BadRow, Push, TakenKey

#: Attribute -> column, and whether the column holds it in lower case. "eq" on these uses an index.
_INDEXED = {
    "id": ("uid", False),
    "externalid": ("external_id", False),
    "username": ("name", True),
    "displayname": ("name", True),
}
#: What is compared has to stand in the resource.
_WITHIN = frozenset(
    {CompareOperator.eq, CompareOperator.co, CompareOperator.sw, CompareOperator.ew}
)
_CORE = re.compile(r"^urn:ietf:params:scim:schemas:core:2\.0:(user|group):")
_NAMES = {USER: "userName", GROUP: "displayName"}
_BATCH = 1000


class PushedStorage(ScimStorage):
    """The resources of one source, during one request. What changes goes into `push`, which is
    taken when the request ends."""

    supports_cursors = True

    def __init__(self, service: ScimService, push: Push, *, expected: Sequence[Any] = ()) -> None:
        """`expected`: the users that this request makes, where it makes many."""
        self._service = service
        self._push = push
        self._source = push.source
        self._together = bool(expected)
        #: Made in this request, and not in the database yet.
        self._fresh: list[PushedResource] = []
        self._names: set[tuple[str, str]] = set()
        if expected:
            push.expect(expected)

    def flush(self) -> None:
        """What was made together, into the database. Raises `IntegrityError` where somebody else
        has just made one of the same name: then nothing of the request is kept."""
        fresh, self._fresh = self._fresh, []
        insert_instances(fresh, numbered=True)

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        return self._loaded(resource_type, self._row(resource_type, resource_id))

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        self.flush()
        kinds = {str(item.name): item for item in resource_types}
        rows = PushedResource.objects.filter(source=self._source, kind__in=list(kinds))
        if search_request.filter is None and search_request.sort_by is None:
            return self._page(rows.order_by("pk"), kinds, search_request, position)
        if search_request.filter is not None:
            rows = _narrowed(rows, search_request.filter.ast, kinds)
        found = InMemoryStorage()
        found.resources = [self._loaded(kinds[row.kind], row) for row in rows.iterator(_BATCH)]
        return found.search(resource_types, search_request, position=position)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        at = now()
        row = PushedResource(
            source=self._source,
            kind=str(resource_type.name),
            uid=str(uuid.uuid4()),
            created_at=at,
            modified_at=at,
        )
        with self._whole(row):
            self._write(row, resource, at_birth=True)
        # What was read is what is kept, but for what we say of it.
        return resource.model_copy(update={"id": row.uid, "meta": _meta(row)})

    def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        row = self._row(resource_type, str(resource.id), lock=True)
        _check_version(row, expected_version)
        before = _members(row)
        document = _document(resource)
        if document == row.document:
            return self._loaded(resource_type, row)
        row.version += 1
        row.modified_at = now()
        with self._whole(row):
            self._write(row, resource, at_birth=False)
            self._members_changed(before ^ _members(row))
        return self._loaded(resource_type, row)

    def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        row = self._row(resource_type, resource_id, lock=True)
        _check_version(row, expected_version)
        members = _members(row)
        with self._whole(row):
            row.delete()
            self._members_changed(members)
        self._push.deleted(row)

    def _page(
        self,
        rows: QuerySet[PushedResource],
        kinds: dict[str, ResourceType],
        request: SearchRequest[Any],
        position: Any,
    ) -> SearchPage:
        """Everything, in the order in which it came. By cursor: after or before an id."""
        total = rows.count()
        count = request.count
        if request.cursor is None:
            start = request.start_index_0 or 0
            stop = None if count is None else start + count
            page = [] if count == 0 else list(rows[start:stop])
            return SearchPage(total, [self._loaded(kinds[row.kind], row) for row in page])
        page, before, after = _keyset(rows, position, count)
        found = [self._loaded(kinds[row.kind], row) for row in page]
        return SearchPage(
            total,
            found,
            next={"d": "next", "i": page[-1].pk} if page and after else None,
            previous={"d": "previous", "i": page[0].pk} if page and before else None,
        )

    def _write(self, row: PushedResource, resource: Resource[Any], *, at_birth: bool) -> None:
        row.document = _document(resource)
        row.name = str(row.document.get(_NAMES.get(row.kind, ""), "")).lower()[:500]
        row.external_id = str(row.document.get("externalId", ""))[:500]
        try:
            if row.kind == USER:
                self._push.changed(row)
            if at_birth and self._together and row.kind == USER:
                self._keep_for_later(row)
                return
            with transaction.atomic():
                row.save(force_insert=at_birth)
        except BadRow as error:
            raise InvalidValueException(detail=str(error)) from error
        except TakenKey as error:
            raise UniquenessException(detail=str(error)) from error
        except IntegrityError as error:
            self._push.refused(row)
            raise UniquenessException(
                detail=f"Another user has the userName {row.name!r}, or their employee number."
            ) from error
        if at_birth:
            self._members_changed(_members(row))

    def _whole(self, row: PushedResource) -> AbstractContextManager[object]:
        """A group and what it means for its members are stored together, or neither is: other
        operations of a bulk request go on."""
        return transaction.atomic() if row.kind == GROUP else nullcontext()

    def _members_changed(self, uids: set[str]) -> None:
        """A group may be all that somebody's mapping has against them."""
        if not uids:
            return
        self.flush()
        try:
            self._push.members_changed(sorted(uids))
        except (BadRow, TakenKey) as error:
            raise InvalidValueException(
                detail=f"With these members somebody cannot be taken. {error}"
            ) from error

    def _keep_for_later(self, row: PushedResource) -> None:
        """Raises `IntegrityError`, as the database would."""
        mine = {("name", row.name), ("key", row.key)}
        if self._push.is_taken(row) or mine & self._names:
            raise IntegrityError
        self._names |= mine
        self._fresh.append(row)

    def _row(
        self, resource_type: ResourceType, resource_id: str, *, lock: bool = False
    ) -> PushedResource:
        self.flush()
        rows = PushedResource.objects.filter(source=self._source, kind=str(resource_type.name))
        if lock:
            rows = rows.select_for_update()
        row = rows.filter(uid=resource_id).first()
        if row is None:
            raise NotFoundException(detail=f"{resource_type.name} {resource_id!r} not found")
        row.source = self._source
        return row

    def _loaded(self, resource_type: ResourceType, row: PushedResource) -> Resource[Any]:
        model = self._service.get_model(resource_type)
        return model.model_validate(
            {
                **row.document,
                "id": row.uid,
                "meta": _meta(row),
            }
        )


def _meta(row: PushedResource) -> Meta:
    return Meta(
        resource_type=row.kind,
        created=row.created_at,
        last_modified=row.modified_at,
        version=_version(row),
    )


def _document(resource: Resource[Any]) -> dict[str, Any]:
    """What is kept: never a password."""
    document: dict[str, Any] = resource.model_dump(mode="json")
    for name in ("id", "meta", "password"):
        document.pop(name, None)
    return document


def _version(row: PushedResource) -> str:
    return f'W/"{row.version}"'


def _check_version(row: PushedResource, expected: str | None) -> None:
    if expected is not None and expected != _version(row):
        raise PreconditionFailedException


def _members(row: PushedResource) -> set[str]:
    if row.kind != GROUP:
        return set()
    return {str(item.get("value")) for item in row.document.get("members") or []}


def _keyset(
    rows: QuerySet[PushedResource], position: Any, count: int | None
) -> tuple[list[PushedResource], bool, bool]:
    """A page, and whether there is anything before and after it."""
    if count == 0:
        return [], False, False
    if position is not None and not (
        isinstance(position, dict) and isinstance(position.get("i"), int)
    ):
        raise InvalidCursorException
    if position is not None and position.get("d") == "previous":
        backwards = rows.filter(pk__lt=position["i"]).order_by("-pk")
        page = list(backwards if count is None else backwards[: count + 1])
        more = count is not None and len(page) > count
        return list(reversed(page[:count])), more, True
    if position is not None:
        rows = rows.filter(pk__gt=position["i"])
    page = list(rows if count is None else rows[: count + 1])
    more = count is not None and len(page) > count
    return page[:count], position is not None, more


def _narrowed(
    rows: QuerySet[PushedResource], node: FilterNode, kinds: dict[str, ResourceType]
) -> QuerySet[PushedResource]:
    """Rows that a filter could match: all of those that it does, and maybe more."""
    for part in _all_of(node):
        if not isinstance(part, Comparison) or not isinstance(part.value, str):
            continue
        name = _CORE.sub("", str(part.attr_path).lower())
        indexed = part.op == CompareOperator.eq and name in _INDEXED
        if (name == "username" and USER not in kinds) or (
            name == "displayname" and set(kinds) != {GROUP}
        ):
            indexed = False
        if indexed:
            column, lower = _INDEXED[name]
            rows = rows.filter(**{column: part.value.lower()[:500] if lower else part.value[:500]})
        elif part.op in _WITHIN and _is_kept(name) and can_be_found(part.value):
            written = rows.alias(written=Cast("document", TextField()))
            rows = written.filter(could_hold("written", [part.value]))
    return rows


def _is_kept(name: str) -> bool:
    """Whether an attribute stands in the document, as it was given."""
    return name.partition(".")[0] not in ("id", "meta", "password")


def _all_of(node: FilterNode) -> Sequence[FilterNode]:
    """The parts of which every one has to hold."""
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
        return [part for term in node.terms for part in _all_of(term)]
    return [node]
