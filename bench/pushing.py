"""Pushing people by SCIM: new users, a thousand in each bulk request, into records and people."""

from __future__ import annotations

import time

from bench.measure import Result

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
MAPPING = {
    "employee_number": 'row["enterprise.employeeNumber"]',
    "given_name": 'row["name.givenName"]',
    "family_name": 'row["name.familyName"]',
    "email": 'lower(row["emails.work"])',
    "department": 'row["enterprise.department"]',
    "title": 'row["title"]',
    "status": 'row["active"]',
}
#: Users a second that it aims at.
AIM = 1000.0
_IN_ONE = 1000


def run(users: int) -> list[Result]:
    """Users a second, from the first byte of the first request to the last of the last answer. The
    other side waits for each answer before it sends more, in this process, without HTTP."""
    import orjson
    from django.test import Client

    from bench import company
    from tenure.people.models import Company, Person
    from tenure.scim_server.tokens import issue
    from tenure.sources.models import Source

    company.clear()
    Source.objects.all().delete()
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    statuses = {"true": "active", "false": "left"}
    Source.objects.create(
        slug="push", name="Push", reader="push", mapping=MAPPING, statuses=statuses
    )
    headers = {"Authorization": f"Bearer {issue('push', name='bench')}"}
    bodies = [
        orjson.dumps(_bulk(range(first, min(first + _IN_ONE, users))))
        for first in range(0, users, _IN_ONE)
    ]
    client = Client(SERVER_NAME="localhost")
    client.get("/scim/v2/ServiceProviderConfig")
    started = time.perf_counter()
    for body in bodies:
        answer = client.post(
            "/scim/v2/Bulk", body, content_type="application/scim+json", headers=headers
        )
        if answer.status_code != 200:
            raise RuntimeError(f"The push was answered {answer.status_code}: {answer.content!r}")
    rate = users / (time.perf_counter() - started)
    if Person.objects.count() != users:
        raise RuntimeError(f"{Person.objects.count()} people came of {users}.")
    return [Result(f"push {users:,} users in bulk", rate, AIM, "users/s", rate / AIM, 1)]


def _bulk(numbers: range) -> dict[str, object]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": str(n), "data": _user(n)}
            for n in numbers
        ],
    }


def _user(number: int) -> dict[str, object]:
    address = f"given{number}.family{number}@acme.example"
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": address,
        "externalId": f"ext-{number}",
        "active": True,
        "title": "Engineer",
        "name": {"givenName": f"Given{number}", "familyName": f"Family{number}"},
        "emails": [{"value": address, "type": "work", "primary": True}],
        ENTERPRISE: {"employeeNumber": str(number), "department": "Engineering"},
    }
