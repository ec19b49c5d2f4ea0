"""A source that people are pushed to, and whoever pushes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from tenure.people.models import Company, Person
from tenure.scim_server.models import Scope
from tenure.scim_server.tokens import issue
from tenure.sources.models import Source

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
MAPPING = {
    "employee_number": 'row["enterprise.employeeNumber"]',
    "given_name": 'row["name.givenName"]',
    "family_name": 'row["name.familyName"]',
    "email": 'lower(row["emails.work"])',
    "department": 'row["enterprise.department"]',
    "status": 'row["active"]',
    "manager": 'row["enterprise.manager"]',
    "title": 'row["title"]',
}


def source(slug: str = "entra", **more: Any) -> Source:
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    fields = {
        "name": slug.title(),
        "reader": "push",
        "mapping": MAPPING,
        "statuses": {"true": "active", "false": "left", "": "active"},
        "guard": {"leavers": {"percent": 10, "floor": 2}},
    }
    return Source.objects.create(slug=slug, **{**fields, **more})


def user(number: int, **more: Any) -> dict[str, Any]:
    """A user as an identity provider pushes one."""
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": f"Given{number}@acme.example",
        "externalId": f"ext-{number}",
        "active": True,
        "name": {"givenName": f"Given{number}", "familyName": "Kovács"},
        "emails": [{"value": f"given{number}@acme.example", "type": "work", "primary": True}],
        ENTERPRISE: {"employeeNumber": str(number), "department": "Sales"},
        **more,
    }


@dataclass
class Answer:
    """What came back."""

    status: int
    document: Any
    headers: Mapping[str, str]


@dataclass
class Pusher:
    """The other side."""

    token: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {"Authorization": f"Bearer {self.token}", **headers}
        answer = Client().generic(
            method,
            f"/scim/v2{path}",
            b"" if body is None else orjson.dumps(body),
            content_type="application/scim+json",
            headers=given,
        )
        document = orjson.loads(answer.content) if answer.content else None
        return Answer(answer.status_code, document, answer.headers)

    def make(self, number: int, **more: Any) -> str:
        """A user that is taken. Returns its id."""
        answer = self.send("POST", "/Users", user(number, **more))
        assert answer.status == 201, answer.document
        return str(answer.document["id"])

    def patch(self, uid: str, *operations: Mapping[str, Any], **headers: str) -> Answer:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return self.send("PATCH", f"/Users/{uid}", body, **headers)


@pytest.fixture
def entra(db: None) -> Source:
    return source()


@pytest.fixture
def pusher(entra: Source) -> Pusher:
    return Pusher(issue(entra.slug, name="Entra", scope=Scope.WRITE, valid=timedelta(days=1)))


def person(number: int) -> Person:
    return Person.objects.get(employee_number=str(number))
