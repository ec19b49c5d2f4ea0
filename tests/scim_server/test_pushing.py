"""What is pushed becomes people at once; what cannot be taken is refused whole, and says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenure.infra.clock import now, told_by
from tenure.people.models import Person, PlanMode
from tenure.people.services import company
from tenure.runs.models import Run, RunIssue, RunState
from tenure.scim_server import tokens
from tenure.scim_server.models import PushToken, Scope
from tenure.sources import answering
from tenure.sources.importing import import_source
from tenure.sources.models import PushedResource, RehireQuestion, Source, SourceRecord
from tests.scim_server.conftest import (
    BULK,
    ENTERPRISE,
    MAPPING,
    PATCH,
    USER,
    Pusher,
    person,
    source,
    user,
)
from tests.sources import hr

pytestmark = pytest.mark.django_db


def patched(*operations: Mapping[str, object]) -> dict[str, object]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def test_a_joiner_is_there_at_once(pusher: Pusher) -> None:
    answer = pusher.send("POST", "/Users", user(7))
    assert answer.status == 201
    uid = answer.document["id"]
    assert answer.headers["Location"].endswith(f"/scim/v2/Users/{uid}")
    assert answer.headers["ETag"] == answer.document["meta"]["version"] == 'W/"1"'
    anna = person(7)
    assert (anna.display_name, anna.email) == ("Given7 Kovács", "given7@acme.example")
    assert anna.attributes["department"] == "Sales"
    assert pusher.send("GET", f"/Users/{uid}").document[ENTERPRISE]["employeeNumber"] == "7"


def test_a_mover_and_a_leaver(pusher: Pusher) -> None:
    uid = pusher.make(7)
    changed = {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Support"}
    assert pusher.patch(uid, changed).status == 204
    assert person(7).attributes["department"] == "Support"
    generation = person(7).generation
    assert pusher.patch(uid, changed).status == 204
    assert person(7).generation == generation
    pusher.patch(uid, {"op": "replace", "path": "active", "value": False})
    assert person(7).state == "left"


def test_whoever_was_closed_is_not_opened_by_what_is_not_said(pusher: Pusher) -> None:
    """A PUT may leave `active` out: only who says that they are here again opens anything."""
    uid = pusher.make(7)
    pusher.patch(uid, {"op": "replace", "path": "active", "value": False})
    silent = user(7, title="Head")
    del silent["active"]
    answer = pusher.send("PUT", f"/Users/{uid}", silent)
    assert (answer.status, answer.document["active"]) == (200, False)
    assert (person(7).state, person(7).attributes["title"]) == ("left", "Head")
    assert pusher.send("PUT", f"/Users/{uid}", user(7)).status == 200
    assert person(7).state == "active"


def test_what_cannot_be_taken_is_refused_and_nothing_of_it_is_kept(pusher: Pusher) -> None:
    nobody = user(1)
    del nobody[ENTERPRISE]["employeeNumber"]
    answer = pusher.send("POST", "/Users", nobody)
    assert answer.status == 400
    assert "employee number is empty" in answer.document["detail"]
    nameless = user(2, name={}, title="x")
    assert "There is no name" in pusher.send("POST", "/Users", nameless).document["detail"]
    assert not PushedResource.objects.exists()
    assert not Person.objects.exists()


def test_a_name_or_number_that_is_taken(pusher: Pusher) -> None:
    pusher.make(1)
    again = pusher.send("POST", "/Users", user(2, userName="GIVEN1@acme.example"))
    assert (again.status, again.document["scimType"]) == (409, "uniqueness")
    twice = pusher.send("POST", "/Users", user(1, userName="other"))
    assert (twice.status, twice.document["scimType"]) == (409, "uniqueness")
    assert "Employee number 1 is another user's" in twice.document["detail"]


def test_leavers_beyond_the_guard_wait_and_stay_pushed(pusher: Pusher, entra: Source) -> None:
    uids = [pusher.make(number) for number in range(10)]
    for uid in uids[:2]:
        pusher.patch(uid, {"op": "replace", "path": "active", "value": False})
    assert Person.objects.filter(state="left").count() == 2
    answer = pusher.patch(uids[2], {"op": "replace", "path": "active", "value": False})
    assert answer.status == 204
    assert Person.objects.filter(state="left").count() == 2
    held = Run.objects.get(subject="entra", state=RunState.HELD)
    assert "1 leaver in" in held.message
    import_source(entra, accept="They have left, HR says so.")
    assert Person.objects.filter(state="left").count() == 3


def test_whom_other_sources_let_go_waits_too_when_it_is_pushed(
    pusher: Pusher, entra: Source, tmp_path: Path
) -> None:
    """The order of the sources is changed: each push would let somebody go whom it calls active."""
    uids = [pusher.make(number) for number in range(10)]
    old = hr.source("old", position=1, mapping={**hr.MAPPING, "email": '""'})
    rows = [hr.row(n, status="Terminated") for n in range(10)]
    hr.take(old, tmp_path, rows, accept="they are in the other one")
    assert Person.objects.filter(state="active").count() == 10
    Source.objects.filter(pk=entra.pk).update(position=2)
    for uid in uids:
        title = {"op": "replace", "path": "title", "value": "Lead"}
        assert pusher.patch(uid, title).status == 204
    assert Person.objects.filter(state="left").count() == 2
    held = Run.objects.get(subject="entra", state=RunState.HELD)
    assert "would leave by what other sources say of them" in held.message
    assert held.counters["held"] == 8
    entra.refresh_from_db()
    import_source(entra, accept="They have left, HR says so.")
    assert Person.objects.filter(state="left").count() == 10


def test_whoever_is_deleted_there_has_left_where_the_source_says_so(db: None) -> None:
    found = {}
    for slug, absence in [("a", "leave"), ("b", "ignore")]:
        prefix = '"' + slug + '" + row["enterprise.employeeNumber"]'
        source(slug, absence=absence, mapping={**MAPPING, "employee_number": prefix})
        pusher = Pusher(tokens.issue(slug, name="x"))
        uid = pusher.make(1, emails=[{"value": f"{slug}@acme.example", "type": "work"}])
        assert pusher.send("DELETE", f"/Users/{uid}").status == 204
        assert pusher.send("GET", f"/Users/{uid}").status == 404
        found[slug] = Person.objects.get(employee_number=f"{slug}1").state
    assert found == {"a": "left", "b": "active"}


def numbered(number: int | str) -> dict[str, object]:
    return {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": str(number)}


@pytest.mark.parametrize("absence", ["leave", "ignore"])
def test_a_number_that_is_corrected_is_the_same_persons(
    pusher: Pusher, entra: Source, absence: str
) -> None:
    entra.absence = absence
    entra.save()
    uid = pusher.make(1)
    pusher.make(7, **{ENTERPRISE: {"employeeNumber": "7", "manager": {"value": uid}}})
    key = person(1).pk
    assert pusher.patch(uid, numbered(2)).status == 204
    anna = person(2)
    assert (anna.pk, anna.state, anna.attributes["employee_number"]) == (key, "active", "2")
    assert anna.email == "given1@acme.example"
    assert (person(7).manager, person(7).attributes["manager"]) == (anna, "2")
    assert Person.objects.count() == 2
    bo = user(2, name={"givenName": "Bo", "familyName": "Lind"})
    bulk = [
        {"method": "PATCH", "path": f"/Users/{uid}", "data": patched(numbered(3))},
        {"method": "POST", "path": "/Users", "bulkId": "x", "data": bo},
    ]
    assert pusher.send("POST", "/Bulk", {"schemas": [BULK], "Operations": bulk}).status == 200
    assert (person(3).pk, person(2).display_name) == (key, "Bo Lind")
    assert Person.objects.filter(state="left").count() == 0


def test_somebody_else_in_the_place_of_a_user_is_another_person(
    pusher: Pusher, entra: Source
) -> None:
    entra.absence = "leave"
    entra.save()
    uid = pusher.make(1)
    other = user(2, name={"givenName": "Bo", "familyName": "Lind"})
    assert pusher.send("PUT", f"/Users/{uid}", other).status == 200
    assert (person(1).state, person(2).state) == ("left", "active")


def test_a_number_that_somebody_is_known_by_elsewhere_decides(
    pusher: Pusher, entra: Source
) -> None:
    """HR has Anna, 1, and Bo, 2; of Bo it was pushed first that he is 1."""
    hr = source("hr", reader="memory", position=-1, mapping=MAPPING)
    for number in (1, 2):
        one = Person.objects.create(employee_number=str(number), display_name=f"{number}")
        attributes = {"given_name": "Anna" if number == 1 else "Bo"}
        SourceRecord.objects.create(source=hr, key=str(number), person=one, attributes=attributes)
    uid = pusher.make(1)
    assert pusher.patch(uid, numbered(2)).status == 204
    assert SourceRecord.objects.get(source=entra, key="2").person == person(2)
    assert Person.objects.count() == 2


def test_who_comes_under_another_number_may_be_asked_about(pusher: Pusher, entra: Source) -> None:
    entra.absence, entra.rehire = "leave", [["given_name", "family_name"]]
    entra.save()
    uid = pusher.make(1)
    assert pusher.send("DELETE", f"/Users/{uid}").status == 204
    uid = pusher.make(2, name={"givenName": "Given1", "familyName": "Kovács"})
    assert list(Person.objects.values_list("employee_number", "state")) == [("1", "left")]
    question = RehireQuestion.objects.get()
    assert (question.key, question.candidates) == ("2", [person(1).pk])
    answering.same(question=question, now=now())
    assert person(2).state == "active"
    title = {"op": "replace", "path": "title", "value": "Head"}
    assert pusher.patch(uid, title).status == 204
    assert person(2).attributes["title"] == "Head"
    assert Person.objects.count() == 1


def test_what_was_stored_is_taken_though_the_next_change_of_it_is_refused(pusher: Pusher) -> None:
    uid = pusher.make(1)
    pusher.make(2)
    title = {"op": "replace", "path": "title", "value": "Head"}
    taken = {"op": "replace", "path": "userName", "value": "Given2@acme.example"}
    bulk = [
        {"method": "PATCH", "path": f"/Users/{uid}", "data": patched(one)} for one in (title, taken)
    ]
    answer = pusher.send("POST", "/Bulk", {"schemas": [BULK], "Operations": bulk})
    assert [one["status"] for one in answer.document["Operations"]] == ["200", "409"]
    assert person(1).attributes["title"] == "Head"


def test_a_question_about_who_is_deleted_again_is_gone(pusher: Pusher, entra: Source) -> None:
    entra.absence, entra.rehire = "leave", [["family_name"]]
    entra.save()
    pusher.make(1)
    uid = pusher.make(2)
    assert RehireQuestion.objects.get().key == "2"
    assert pusher.send("DELETE", f"/Users/{uid}").status == 204
    assert not RehireQuestion.objects.exists()


def test_a_manager_is_named_by_their_id(pusher: Pusher) -> None:
    boss = pusher.make(1)
    uid = pusher.make(2, **{ENTERPRISE: {"employeeNumber": "2", "manager": {"value": boss}}})
    assert person(2).manager == person(1)
    late = pusher.make(3, **{ENTERPRISE: {"employeeNumber": "3", "manager": {"value": "4"}}})
    assert person(3).manager is None
    pusher.make(4)
    assert person(3).manager == person(4)
    assert uid != late


def test_groups_are_a_column(db: None) -> None:
    source(mapping={**MAPPING, "title": 'row["groups"]'})
    pusher = Pusher(tokens.issue("entra", name="x"))
    uid = pusher.make(1)
    made = pusher.send(
        "POST",
        "/Groups",
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Board",
            "members": [{"value": uid}],
        },
    )
    assert made.status == 201, made.document
    assert person(1).attributes["title"] == "Board"
    group = made.document["id"]
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": f'members[value eq "{uid}"]'}],
    }
    assert pusher.send("PATCH", f"/Groups/{group}", body).status in {200, 204}
    assert "title" not in person(1).attributes


def test_a_thousand_at_once_are_taken_together(pusher: Pusher) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(n), "data": user(n)} for n in range(300)
    ]
    operations[7]["data"] = {**user(7), ENTERPRISE: {}}
    answer = pusher.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    assert answer.status == 200
    found = [item["status"] for item in answer.document["Operations"]]
    assert found.count("201") == 299
    assert found[7] == "400"
    assert Person.objects.count() == 299
    assert Run.objects.filter(subject="entra").count() == 1


def test_bulk_stops_where_nothing_may_fail(pusher: Pusher) -> None:
    """failOnErrors stops it; what was done before stays, as RFC 7644, 3.7.3 says."""
    bad = {"method": "POST", "path": "/Users", "bulkId": "1", "data": {**user(1), ENTERPRISE: {}}}
    good = {"method": "POST", "path": "/Users", "bulkId": "2", "data": user(2)}
    body = {"schemas": [BULK], "failOnErrors": 1, "Operations": [bad, good]}
    answer = pusher.send("POST", "/Bulk", body)
    assert [item["status"] for item in answer.document["Operations"]] == ["400"]
    assert not Person.objects.exists()


def test_while_the_source_is_imported_pushes_wait(pusher: Pusher, entra: Source) -> None:
    """Otherwise the import could take what was pushed before for what is true now."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [0x7E500003, entra.pk])
        answer = pusher.send("POST", "/Users", user(1))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    finally:
        other.close()


def test_an_old_version_is_not_overwritten(pusher: Pusher) -> None:
    uid = pusher.make(1)
    change = {"op": "replace", "path": "title", "value": "Boss"}
    assert pusher.patch(uid, change, **{"If-Match": 'W/"1"'}).status == 204
    assert pusher.patch(uid, {**change, "value": "x"}, **{"If-Match": 'W/"1"'}).status == 412
    assert person(1).attributes["title"] == "Boss"


def test_passwords_are_never_kept(pusher: Pusher) -> None:
    uid = pusher.make(1, password="correct horse battery")
    assert "password" not in pusher.send("GET", f"/Users/{uid}").document
    assert "correct horse" not in str(PushedResource.objects.values())


def test_the_companys_own_attributes_have_a_schema(entra: Source, pusher: Pusher) -> None:
    from tenure.people.configuration import CustomAttribute, save_attribute

    own = "urn:ietf:params:scim:schemas:extension:tenure:2.0:User"
    save_attribute(definition=CustomAttribute(name="badge", label="Badge number"))
    Source.objects.update(mapping={**MAPPING, "badge": f'row["{own}:badge"]'})
    pusher.make(1, schemas=[*user(1)["schemas"], own], **{own: {"badge": "B-17"}})
    assert person(1).attributes["badge"] == "B-17"
    schemas = pusher.send("GET", "/Schemas").document["Resources"]
    assert own in [item["id"] for item in schemas]


@pytest.mark.parametrize("token", ["", "wrong", "tnr_push_" + "x" * 43])
def test_strangers(entra: Source, token: str) -> None:
    answer = Pusher(token).send("GET", "/Users")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert Pusher(token).send("GET", "/ServiceProviderConfig").status == 200


def test_a_token_reads_only_expires_and_is_revoked(entra: Source) -> None:
    reader = Pusher(tokens.issue("entra", name="audit", scope=Scope.READ))
    assert reader.send("GET", "/Users").status == 200
    assert reader.send("POST", "/Users", user(1)).status == 403
    bulk = {"method": "POST", "path": "/Users", "bulkId": "1", "data": user(1)}
    answer = reader.send("POST", "/Bulk", {"schemas": [BULK], "Operations": [bulk]})
    assert [item["status"] for item in answer.document["Operations"]] == ["403"]
    later = now() + timedelta(days=366)
    with told_by(lambda: later):
        assert reader.send("GET", "/Users").status == 401
    tokens.revoke("entra", name="audit")
    assert reader.send("GET", "/Users").status == 401
    assert not Person.objects.exists()


def test_a_token_is_not_stored(entra: Source) -> None:
    token = tokens.issue("entra", name="x")
    assert token.encode() not in bytes(PushToken.objects.get().digest)
    with pytest.raises(ValueError, match="name that no other"):
        tokens.issue("entra", name="x")
    with pytest.raises(LookupError, match="entra"):
        tokens.issue("nowhere", name="x")


def test_another_source_is_not_seen(pusher: Pusher) -> None:
    uid = pusher.make(1)
    source("okta")
    other = Pusher(tokens.issue("okta", name="x"))
    assert other.send("GET", f"/Users/{uid}").status == 404
    assert other.send("GET", "/Users").document["totalResults"] == 0


def test_a_leaver_is_planned_at_once_where_plans_go_ahead(pusher: Pusher) -> None:
    row = company()
    row.plan_mode = PlanMode.AUTOMATIC
    row.save()
    uid = pusher.make(1)
    pusher.patch(uid, {"op": "replace", "path": "active", "value": False})
    anna = person(1)
    assert anna.planned_generation == anna.generation


def test_whoever_may_be_back_is_asked_about(db: None) -> None:
    source(rehire=[["given_name", "family_name"]])
    pusher = Pusher(tokens.issue("entra", name="x"))
    uid = pusher.make(1)
    pusher.patch(uid, {"op": "replace", "path": "active", "value": False})
    name = {"givenName": "Given1", "familyName": "Kovács"}
    pusher.make(2, name=name)
    question = RehireQuestion.objects.get()
    assert (question.key, question.candidates) == ("2", [person(1).pk])
    assert not Person.objects.filter(employee_number="2").exists()


def test_a_group_that_makes_somebody_impossible_is_refused(db: None) -> None:
    """The reason comes back to whoever pushed it, and nobody is changed."""
    source(mapping={**MAPPING, "start_date": 'row["groups"]'})
    pusher = Pusher(tokens.issue("entra", name="x"))
    uid = pusher.make(1)
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "No date at all",
        "members": [{"value": uid}],
    }
    answer = pusher.send("POST", "/Groups", group)
    assert (answer.status, answer.document["scimType"]) == (400, "invalidValue")
    assert "somebody cannot be taken. start_date:" in answer.document["detail"]
    assert "start_date" not in person(1).attributes
    bulk = {"method": "POST", "path": "/Groups", "bulkId": "1", "data": group}
    answer = pusher.send("POST", "/Bulk", {"schemas": [BULK], "Operations": [bulk]})
    assert [item["status"] for item in answer.document["Operations"]] == ["400"]
    assert not PushedResource.objects.filter(kind="Group").exists()
    assert "start_date" not in person(1).attributes


def test_a_large_group_costs_no_query_for_each_member(db: None) -> None:
    source(mapping={**MAPPING, "title": 'row["groups"]'})
    pusher = Pusher(tokens.issue("entra", name="x"))
    uids = [pusher.make(number) for number in range(30)]
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "All",
        "members": [{"value": uid} for uid in uids],
    }
    with CaptureQueriesContext(connection) as queries:
        assert pusher.send("POST", "/Groups", group).status == 201
    assert len(queries) < 60
    assert Person.objects.filter(attributes__title="All").count() == 30


def test_managers_who_go_round_in_a_circle_are_told_as_by_an_import(pusher: Pusher) -> None:
    uids = [pusher.make(number) for number in (1, 2, 3)]

    def reports_to(uid: str, boss: str) -> None:
        change = {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": boss}
        assert pusher.patch(uid, change).status in (200, 204)

    reports_to(uids[0], uids[1])
    reports_to(uids[1], uids[2])
    assert person(1).manager == person(2)
    assert not RunIssue.objects.exists()
    reports_to(uids[2], uids[0])
    issue = RunIssue.objects.get()
    said = "The managers go round in a circle: 1 -> 2 -> 3 -> 1. None of them gets a manager here."
    assert (issue.severity, issue.message.startswith(said)) == ("warning", True)
    assert [person(n).manager for n in (1, 2, 3)] == [None] * 3
    assert person(1).attributes["manager"] == "2", "what was pushed is not lost"
    pusher.patch(uids[2], {"op": "Remove", "path": f"{ENTERPRISE}:manager"})
    assert [person(n).manager for n in (1, 2, 3)] == [person(2), person(3), None]


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_what_no_text_holds_is_refused_and_no_error_of_ours(pusher: Pusher, text: str) -> None:
    """What ends in an error of ours is pushed again and again."""
    group = "urn:ietf:params:scim:schemas:core:2.0:Group"
    search = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    written = json.dumps(text)
    for path, body in (
        ("/Users", f'{{"schemas": ["{USER}"], "userName": {written}}}'),
        ("/Groups", f'{{"schemas": ["{group}"], "displayName": {written}}}'),
        (
            "/Users/.search",
            json.dumps({"schemas": [search], "filter": f"userName eq {written}"}),
        ),
    ):
        answer = Client().post(
            f"/scim/v2{path}",
            body,
            content_type="application/scim+json",
            headers={"Authorization": f"Bearer {pusher.token}"},
        )
        assert answer.status_code == 400, (path, answer.content)
    assert pusher.send("GET", "/Users?startIndex=99999999999999999999").status == 400
    assert not PushedResource.objects.exists()


def test_who_is_switched_off_is_gone_now_whatever_last_day_is_to_come(
    pusher: Pusher, entra: Source
) -> None:
    """It is as it is there now; a last day is a word of somebody else's."""
    Source.objects.update(mapping={**MAPPING, "end_date": 'row["title"]'})
    uid = pusher.make(7, title="2099-12-31")
    assert person(7).state == "active"
    assert pusher.patch(uid, {"op": "replace", "path": "active", "value": False}).status == 204
    gone = person(7)
    assert (gone.state, str(gone.end_date)) == ("left", "2099-12-31")
    # An import of everything that was pushed says the same.
    import_source(entra)
    assert person(7).ended_by_source_at == gone.ended_by_source_at
    pusher.patch(uid, {"op": "replace", "path": "active", "value": True})
    assert person(7).state == "active"


def test_what_is_odd_about_somebody_who_is_taken_is_told(pusher: Pusher, entra: Source) -> None:
    words = {"Employee": "active", "Notice": "left"}
    Source.objects.update(
        statuses=words,
        mapping={**MAPPING, "end_date": 'row["title"]', "status": 'row["userType"]'},
    )
    uid = pusher.make(7, title="2099-12-31", userType="Employee")
    pusher.patch(uid, {"op": "replace", "path": "userType", "value": "Notice"})
    assert person(7).state == "active"
    assert "access ends with that day" in RunIssue.objects.get(key="7").message
