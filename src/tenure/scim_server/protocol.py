"""What this SCIM service announces: users with the enterprise extension and the company's own
attributes, groups, and everything of RFC 7644 but passwords."""

from __future__ import annotations

import functools
from typing import Any

import orjson
from django.conf import settings
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    ForbiddenException,
    Pagination,
    Patch,
    PatchOp,
    Resource,
    ResourceType,
    Schema,
    SchemaExtension,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.conditions import Conditions
from scim2_server.requests import ScimRequest
from scim2_server.routing import Operation, Target
from scim2_server.utils import load_default_resource_types, load_default_schemas

from tenure.core.expressions import AttributeType
from tenure.people.attributes import STANDARD
from tenure.people.configuration import CustomAttribute, custom_attributes
from tenure.scim_server.bulk import BulkService
from tenure.scim_server.models import PushToken, Scope

#: Where the company's own attributes are.
OWN_SCHEMA = "urn:ietf:params:scim:schemas:extension:tenure:2.0:User"
_MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager"
MOST_OPERATIONS = 1000
LARGEST_BULK = 10 * 1024 * 1024
LARGEST = 1024 * 1024
MOST_RESULTS = 1000
_READS = frozenset({Operation.query, Operation.search, Operation.search_with_body})
_TYPES = {
    AttributeType.STRING: "string",
    AttributeType.STRINGS: "string",
    AttributeType.DATE: "string",
    AttributeType.INTEGER: "integer",
    AttributeType.NUMBER: "decimal",
    AttributeType.BOOLEAN: "boolean",
}
#: What Entra and Okta send beyond the letter of the RFC is taken as they mean it.
_POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class Service(BulkService):
    """The protocol, for whoever the token lets in. `subject` of a request is the token."""

    def authorize(self, request: ScimRequest, target: Target, resource_type: ResourceType) -> None:
        token = request.subject
        if not isinstance(token, PushToken) or (
            token.scope != Scope.WRITE and target.operation not in _READS
        ):
            raise ForbiddenException(detail="This token may only read.")

    def apply_replacement(
        self, current: Resource[Any], replacement: Resource[Any], conditions: Conditions
    ) -> Resource[Any] | None:
        """Whoever was closed stays so where nothing is said of it: what a PUT leaves out may be
        cleared or have its default (RFC 7644, 3.5.1), and the default would let a leaver in."""
        before: Any = current
        said: Any = replacement
        if getattr(before, "active", None) is False and said.active is None:
            said.active = False
        return super().apply_replacement(current, replacement, conditions)

    def read_patch(
        self, resource_type: ResourceType, body: bytes, content_type: str | None
    ) -> PatchOp[Any]:
        return super().read_patch(resource_type, _with_whole_managers(body), content_type)

    def max_body_size(self, request: ScimRequest) -> int | None:
        found = super().max_body_size(request)
        return LARGEST if found is None else found


def service() -> Service:
    """With the attributes that the company has now."""
    return _service(tuple(item for item in custom_attributes() if item.name not in STANDARD))


@functools.lru_cache(maxsize=4)
def _service(own: tuple[CustomAttribute, ...]) -> Service:
    schemas: dict[str, Schema] = dict(load_default_schemas())
    types: dict[str, ResourceType] = dict(load_default_resource_types())
    if own:
        schemas[OWN_SCHEMA] = Schema.model_validate(_schema(own))
        user = types["User"]
        extension = SchemaExtension.model_validate({"schema": OWN_SCHEMA, "required": False})
        user.schema_extensions = [*(user.schema_extensions or []), extension]
    provider = ScimProvider.from_discovery(
        schemas.values(), types.values(), config=_config(), policy=_POLICY
    )
    return Service(provider, secret=settings.SECRET_KEY)


def _with_whole_managers(body: bytes) -> bytes:
    """Entra names a manager by the id alone, where the attribute is complex (RFC 7643, 4.3)."""
    if b":manager" not in body.lower():
        return body
    try:
        document = orjson.loads(body)
        operations = [v for k, v in document.items() if k.casefold() == "operations"]
    except (orjson.JSONDecodeError, AttributeError):
        return body
    for operation in operations[0] if operations else ():
        if not isinstance(operation, dict) or not isinstance(operation.get("value"), str):
            continue
        if str(operation.get("path", "")).casefold() == _MANAGER:
            operation["value"] = {"value": operation["value"]}
    return orjson.dumps(document)


def _config() -> ServiceProviderConfig:
    bearer = AuthenticationScheme(
        type=AuthenticationScheme.Type.oauthbearertoken,
        name="Bearer token",
        description="Made by `tenure push token`, for one source.",
        primary=True,
    )
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=MOST_OPERATIONS, max_payload_size=LARGEST_BULK),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=100,
            max_page_size=MOST_RESULTS,
        ),
        authentication_schemes=[bearer],
    )


def _schema(own: tuple[CustomAttribute, ...]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": OWN_SCHEMA,
        "name": "Company",
        "description": "The company's own attributes of people.",
        "attributes": [
            {
                "name": item.name,
                "type": _TYPES[item.type],
                "multiValued": item.type is AttributeType.STRINGS,
                "description": item.label,
                "required": False,
                "mutability": "readWrite",
                "returned": "default",
                "uniqueness": "none",
                **({"caseExact": False} if _TYPES[item.type] == "string" else {}),
            }
            for item in own
        ],
    }
