"""Bulk requests without work that nobody sees: the SCIM library copies each user for an answer that
holds none of it, looks three times through each for references to others, and checks our answers as
it does a stranger's. Reading and checking what is pushed is left to it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Union, cast

from scim2_models import (
    Bulk,
    BulkOperation,
    BulkRequest,
    BulkResponse,
    Context,
    PayloadTooLargeException,
    Resource,
)
from scim2_server.bulk import BULK_ID_PREFIX, BulkPlan, BulkStep
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService
from scim2_server.utils import parametrize


class _Independent(BulkPlan):
    """Operations of which none refers to what another one makes."""

    @staticmethod
    def references(operation: BulkOperation[Resource[Any]]) -> list[str]:
        return []

    def resolve(self, step: BulkStep) -> BulkOperation[Resource[Any]]:
        operation = self.operation(step)
        if self.is_creation(step.index, operation.bulk_id):
            return operation
        # The library says what is wrong with a `bulkId` that is there twice.
        return super().resolve(step)


class BulkService(ScimService):
    """Answers as `ScimService` does."""

    def read_bulk(self, body: bytes, content_type: str | None) -> BulkPlan:
        if _may_refer(body):
            return super().read_bulk(body, content_type)
        self.ensure_supported(self.config.bulk, "Bulk")
        self.ensure_bulk_payload_size(len(body))
        # Of as many models as there are.
        model = parametrize(BulkRequest, Union[tuple(self.get_models())])  # noqa: UP007
        asked = self.read_body(model, body, content_type, Context.BULK_REQUEST)
        operations = cast(list[BulkOperation[Resource[Any]]], asked.operations or [])
        most = cast(Bulk, self.config.bulk).max_operations
        if most is not None and len(operations) > most:
            raise PayloadTooLargeException(
                detail=f"The number of operations exceeds the maxOperations ({most})"
            )
        return _Independent(operations, asked.fail_on_errors)

    def bulk_success(
        self,
        base_url: str,
        operation: BulkOperation[Resource[Any]],
        outcome: dict[str, Any],
        resource: Resource[Any] | None,
    ) -> dict[str, Any]:
        """Where the resource is and which version it has. It may itself be left out (RFC 7644,
        3.7.3), so no copy of it is made for that."""
        told = super().bulk_success(base_url, operation, outcome, None)
        if resource is not None and resource.id is not None:
            kind = self.get_resource_type_of(resource)
            told["location"] = self.resource_location(base_url, kind, resource.id)
            if resource.meta is not None and self.etag_supported:
                told["version"] = resource.meta.version
        return told

    def bulk_response(self, plan: BulkPlan) -> ScimResponse:
        outcomes = plan.outcomes()
        if not outcomes or any(outcome.get("response") is not None for outcome in outcomes):
            return super().bulk_response(plan)
        answer = {
            "schemas": [str(BulkResponse.__schema__)],
            "Operations": [_told(outcome) for outcome in outcomes],
        }
        return ScimResponse(HTTPStatus.OK, answer)


def _may_refer(body: bytes) -> bool:
    """Whether anything in it may be a reference, or a letter of one be written as an escape."""
    return BULK_ID_PREFIX.encode() in body or b"\\u" in body


def _told(outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome of one operation that went well, by the names of RFC 7644, 3.7."""
    named = {
        "method": str(outcome["method"].value),
        "bulkId": outcome["bulk_id"],
        "version": outcome.get("version"),
        "location": outcome.get("location"),
        "status": str(int(outcome["status"])),
    }
    return {name: value for name, value in named.items() if value is not None}
