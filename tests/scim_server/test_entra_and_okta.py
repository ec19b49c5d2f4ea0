"""The requests of Microsoft Entra ID and Okta as they publish them, quirks and all.

Entra: learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups
and .../application-provisioning-config-problem-scim-compatibility (op in capitals, "True" as text,
paths with a filter that matches nothing yet, a value that names what to remove).
Okta: developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20 (looks a user up by userName
first, closes by PATCH without a path, lists with startIndex and count).
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.scim_server.conftest import ENTERPRISE, PATCH, USER, Pusher, person, user

pytestmark = pytest.mark.django_db


def test_entra_asks_for_somebody_who_is_not_there(pusher: Pusher) -> None:
    """That is its connection test: 200 and nothing, never 404."""
    query = quote('userName eq "non-existent user"')
    answer = pusher.send("GET", f"/Users?filter={query}")
    assert (answer.status, answer.document["totalResults"]) == (200, 0)
    assert answer.document["Resources"] == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [('name.familyName eq "KOVÁCS"', 3), ('name.givenName eq "GIVEN2"', 1),
     ('emails.value co "N2@ACME"', 1), ('name.givenName sw "given" and title ew "\\"Q\\""', 1),
     ('meta.resourceType eq "User"', 3), ('name.givenName eq "kim"', 1),
     ('name.givenName eq "nobody"', 0)],
)  # fmt: skip
def test_what_no_index_has_is_found_as_well(asked: str, found: int, pusher: Pusher) -> None:
    kim = {"givenName": "\N{KELVIN SIGN}im", "familyName": "Kovács"}
    for body in (user(1), user(2, title='The "Q"'), user(3, name=kim)):
        assert pusher.send("POST", "/Users", body).status == 201
    answer = pusher.send("GET", f"/Users?filter={quote(asked)}").document
    assert answer["totalResults"] == found


def test_entra_makes_changes_and_closes(pusher: Pusher) -> None:
    body = {
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Test_User_ab6490ee@acme.example",
        "active": True,
        "addresses": [],
        "displayName": "lennay",
        "emails": [{"type": "work", "value": "Test_User_ab6490ee@acme.example", "primary": True}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Adrienne McNally", "familyName": "McNally", "givenName": "Adrienne"},
        "phoneNumbers": [],
        "roles": [],
        ENTERPRISE: {"employeeNumber": "701984"},
    }
    made = pusher.send("POST", "/Users", body)
    assert made.status == 201, made.document
    uid = made.document["id"]
    query = quote('externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"')
    found = pusher.send("GET", f"/Users?filter={query}").document
    assert [item["id"] for item in found["Resources"]] == [uid]
    changed = pusher.patch(
        uid,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@acme.example"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+36 1"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Replace", "path": "name.familyName", "value": "Müller"},
    )
    assert changed.status in {200, 204}, changed.document
    adrienne = person(701984)
    assert adrienne.email == "new@acme.example"
    assert adrienne.attributes["department"] == "Sales"
    assert adrienne.display_name == "Adrienne Müller"
    closed = pusher.patch(uid, {"op": "Replace", "path": "active", "value": "False"})
    assert closed.status in {200, 204}, closed.document
    assert person(701984).state == "left"


def test_entra_names_a_manager_and_groups(pusher: Pusher) -> None:
    boss, uid = pusher.make(1), pusher.make(2)
    told = pusher.patch(uid, {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": boss})
    assert told.status in {200, 204}, told.document
    assert person(2).manager == person(1)
    made = pusher.send(
        "POST",
        "/Groups",
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "displayName",
            "meta": {"resourceType": "Group"},
        },
    )
    assert made.status == 201, made.document
    group = f"/Groups/{made.document['id']}"
    for operation in (
        {"op": "Add", "path": "members", "value": [{"value": uid}, {"value": boss}]},
        {"op": "Remove", "path": "members", "value": [{"value": uid}]},
    ):
        answer = pusher.send("PATCH", group, {"schemas": [PATCH], "Operations": [operation]})
        assert answer.status in {200, 204}, answer.document
    members = pusher.send("GET", group).document["members"]
    assert [item["value"] for item in members] == [boss]
    shown = pusher.send("GET", f"{group}?excludedAttributes=members").document
    assert "members" not in shown


def test_okta_finds_makes_replaces_and_closes(pusher: Pusher) -> None:
    query = quote('userName eq "given5@acme.example"')
    listed = f"/Users?filter={query}&startIndex=1&count=100"
    assert pusher.send("GET", listed).document["totalResults"] == 0
    uid = pusher.make(5, locale="en-US", groups=[], password="1mz050nq", displayName="G K")
    found = pusher.send("GET", listed).document
    assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (1, 1, 1)
    replaced = pusher.send("PUT", f"/Users/{uid}", {**user(5), "id": uid, "title": "Boss"})
    assert replaced.status == 200, replaced.document
    assert person(5).attributes["title"] == "Boss"
    closed = pusher.patch(uid, {"op": "replace", "value": {"active": False}})
    assert closed.status in {200, 204}, closed.document
    assert person(5).state == "left"
    opened = pusher.patch(uid, {"op": "replace", "value": {"active": True}})
    assert opened.status in {200, 204}
    assert person(5).state == "active"


def test_okta_pages_through_everybody(pusher: Pusher) -> None:
    uids = [pusher.make(number) for number in range(25)]
    seen: list[str] = []
    while True:
        page = pusher.send("GET", f"/Users?startIndex={len(seen) + 1}&count=10").document
        seen += [item["id"] for item in page["Resources"]]
        if len(seen) >= page["totalResults"]:
            break
    assert seen == uids


def test_pages_by_cursor_hold_while_people_come_and_go(pusher: Pusher) -> None:
    """RFC 9865."""
    uids = [pusher.make(number) for number in range(10)]
    page = pusher.send("GET", "/Users?cursor&count=4").document
    seen = [item["id"] for item in page["Resources"]]
    pusher.send("DELETE", f"/Users/{uids[0]}")
    while "nextCursor" in page:
        page = pusher.send("GET", f"/Users?cursor={page['nextCursor']}&count=4").document
        seen += [item["id"] for item in page["Resources"]]
    assert seen == uids


def test_sorted_and_asked_by_post(pusher: Pusher) -> None:
    for number, name in [(1, "Zoë"), (2, "Ádám"), (3, "Béla")]:
        pusher.make(number, name={"givenName": name, "familyName": "K"})
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": f'{ENTERPRISE}:department eq "sales" and not (name.givenName sw "B")',
        "sortBy": "name.givenName",
        "sortOrder": "descending",
        "attributes": ["userName", "name.givenName"],
    }
    found = pusher.send("POST", "/Users/.search", body).document
    assert found["totalResults"] == 2
    assert all(
        set(item) <= {"id", "schemas", "userName", "name", "meta"} for item in found["Resources"]
    )
    assert pusher.send("GET", "/Users?filter=nonsense").status == 400
