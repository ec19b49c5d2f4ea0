"""Bulk requests are planned and answered as the SCIM library does it, in less time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from scim2_models import InvalidValueException, Meta, Resource
from scim2_server.bulk import BulkPlan
from scim2_server.service import ScimService

from tenure.scim_server.protocol import Service, service
from tests.scim_server.conftest import BULK

pytestmark = pytest.mark.django_db

BASE = "https://tenure.example/scim/v2"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def read(operations: list[dict[str, Any]], *, escaped: bool = False) -> tuple[Service, BulkPlan]:
    found = service()
    body = orjson.dumps({"schemas": [BULK], "Operations": operations})
    if escaped:
        body = body.replace(b"bulkId:", b"\\u0062ulkId:")
    with found.provider:
        return found, found.read_bulk(body, "application/scim+json")


def made(name: str, manager: str = "") -> dict[str, Any]:
    extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    more = {extension: {"manager": {"value": manager}}} if manager else {}
    user = {"schemas": [USER, *more], "userName": name, **more}
    return {"method": "POST", "path": "/Users", "bulkId": name, "data": user}


def test_the_answer_is_the_librarys() -> None:
    gone = {"method": "DELETE", "path": "/Users/7"}
    found, plan = read([made("anna"), gone, {**made("eva"), "data": {}}])
    with found.provider:
        for step in plan:
            operation = plan.operation(step)
            outcome = found.bulk_outcome(BASE, operation)
            resource = operation.data if isinstance(operation.data, Resource) else None
            if failure := found.bulk_validation_failure(operation, outcome):
                plan.record(step, failure, None)
                continue
            if resource is not None:
                at = datetime(2026, 1, 1, tzinfo=UTC)
                meta = Meta(resource_type="User", created=at, last_modified=at, version='W/"1"')
                resource = resource.model_copy(update={"id": "1", "meta": meta})
            told = found.bulk_success(BASE, operation, dict(outcome), resource)
            theirs = ScimService.bulk_success(found, BASE, operation, dict(outcome), resource)
            assert told == theirs
            plan.record(step, told, resource)
        whole = found.bulk_response(plan).body or {}
        assert whole == ScimService.bulk_response(found, plan).body
        del plan.results[2]
        assert found.bulk_response(plan).body == ScimService.bulk_response(found, plan).body
        assert [item["status"] for item in whole["Operations"]] == ["201", "204", "400"]


@pytest.mark.parametrize("escaped", [False, True])
def test_who_is_referred_to_is_made_first(escaped: bool) -> None:
    _, plan = read([made("eva", "bulkId:anna"), made("anna")], escaped=escaped)
    assert [step.index for step in plan.steps] == [1, 0]


def test_a_bulk_id_that_is_there_twice_is_refused() -> None:
    _, plan = read([made("anna"), made("anna")])
    first, second = plan.steps
    assert plan.resolve(first).bulk_id == "anna"
    with pytest.raises(InvalidValueException, match="not unique"):
        plan.resolve(second)
