"""What is pushed one by one meets the guards as a flood does: it stays pushed, and nobody is made
another by it until somebody has looked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.infra.clock import now, told_by
from tenure.people.models import Person
from tenure.runs.models import Run, RunState
from tenure.sources import held_pushes
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.scim_server.conftest import BULK, ENTERPRISE, PATCH, Pusher, person, user

pytestmark = pytest.mark.django_db
GUARD = {"changes": {"percent": 20, "floor": 2}, "leavers": {"percent": 10, "floor": 1}}
GONE = {"op": "replace", "path": "active", "value": False}


def department(name: str) -> dict[str, object]:
    return {"op": "replace", "path": f"{ENTERPRISE}:department", "value": name}


def numbered(number: int) -> dict[str, object]:
    return {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": str(number)}


def departments() -> dict[str, int]:
    found = Person.objects.values_list("attributes__department", flat=True)
    return {name: list(found).count(name) for name in set(found)}


def last() -> Run:
    return Run.objects.filter(subject="entra").latest("pk")


@pytest.fixture
def company(entra: Source, pusher: Pusher) -> list[str]:
    Source.objects.update(guard=GUARD)
    return [pusher.make(number) for number in range(20)]


def test_a_wrong_department_for_everybody_one_by_one_is_held(
    pusher: Pusher, company: list[str], entra: Source
) -> None:
    for uid in company:
        assert pusher.patch(uid, department("Wrong")).status == 204
    assert departments() == {"Wrong": 4, "Sales": 16}
    held = last()
    assert held.state == RunState.HELD
    assert "1 changed person in Entra after 4 within the last 24 hours" in held.message
    assert held.counters["would_change"] == 16
    # Whoever pushes sees there what was pushed: nothing was wrong with the request.
    assert pusher.send("GET", f"/Users/{company[9]}").document[ENTERPRISE]["department"] == "Wrong"
    import_source(entra, accept="A new organisation.")
    assert departments() == {"Wrong": 20}
    assert last().state == RunState.DONE
    assert pusher.make(30)
    assert last().state == RunState.DONE


def test_what_is_held_is_told_until_somebody_decides(pusher: Pusher, company: list[str]) -> None:
    for uid in company[:3]:
        pusher.patch(uid, GONE)
    told = last().message
    assert "1 leaver in Entra" in told
    # Somebody else joins, within the hour and after it.
    pusher.make(30)
    assert (last().state, last().message) == (RunState.HELD, told)
    later = now() + timedelta(hours=2)
    with told_by(lambda: later):
        pusher.make(31)
    assert (last().state, last().message) == (RunState.HELD, told)
    assert last().counters["added"] == 1


def test_what_is_pushed_back_waits_no_more(pusher: Pusher, company: list[str]) -> None:
    for uid in company[:6]:
        pusher.patch(uid, department("Wrong"))
    pusher.patch(company[4], department("Sales"))
    assert last().state == RunState.HELD
    pusher.patch(company[5], department("Sales"))
    assert (last().state, last().message) == (RunState.DONE, "")
    for uid in company[3:6]:
        pusher.patch(uid, GONE)
    assert last().state == RunState.HELD
    pusher.patch(company[5], {**GONE, "value": True})
    assert last().state == RunState.DONE
    assert person(5).state == "active"


def test_one_person_counts_once_however_often_they_change(
    pusher: Pusher, company: list[str]
) -> None:
    for number in range(12):
        assert pusher.patch(company[0], department(f"No {number}")).status == 204
    assert departments() == {"No 11": 1, "Sales": 19}
    assert last().state == RunState.DONE


def test_when_the_window_is_over_there_is_room_again(
    pusher: Pusher, company: list[str], entra: Source
) -> None:
    Source.objects.update(guard={"changes": {**GUARD["changes"], "window": 3600}})
    for uid in company[:5]:
        pusher.patch(uid, department("Moved"))
    assert departments() == {"Moved": 4, "Sales": 16}
    later = now() + timedelta(hours=2)
    with told_by(lambda: later):
        pusher.patch(company[5], department("Moved"))
        assert departments() == {"Moved": 5, "Sales": 15}
        # What waited waits for somebody all the same.
        assert last().state == RunState.HELD
        import_source(entra)
    assert departments() == {"Moved": 6, "Sales": 14}
    assert last().state == RunState.DONE


def test_one_large_request_is_held_whole_and_those_who_join_with_it_are_taken(
    pusher: Pusher, company: list[str]
) -> None:
    operations = [
        {
            "method": "PATCH",
            "path": f"/Users/{uid}",
            "data": {"schemas": [PATCH], "Operations": [department("Wrong")]},
        }
        for uid in company
    ]
    operations.append({"method": "POST", "path": "/Users", "bulkId": "x", "data": user(30)})
    answer = pusher.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    assert {one["status"] for one in answer.document["Operations"]} == {"200", "201"}
    assert departments() == {"Sales": 21}
    assert "20 changed people in Entra" in last().message


def test_a_leaver_who_is_deleted_there_waits_and_is_told(
    pusher: Pusher, company: list[str], entra: Source
) -> None:
    Source.objects.update(absence="leave")
    for uid in company[:3]:
        assert pusher.send("DELETE", f"/Users/{uid}").status == 204
    assert Person.objects.filter(state="left").count() == 2
    pusher.make(30)
    assert last().state == RunState.HELD
    # They are there again, as they were.
    pusher.make(2)
    assert last().state == RunState.DONE
    assert person(2).state == "active"


def test_who_leaves_goes_though_a_change_of_theirs_waits(
    pusher: Pusher, company: list[str]
) -> None:
    for uid in company[:5]:
        pusher.patch(uid, department("Wrong"))
    assert pusher.patch(company[4], GONE).status == 204
    assert person(4).state == "left"
    assert last().state == RunState.DONE


def test_another_number_for_everybody_is_held(
    pusher: Pusher, company: list[str], entra: Source
) -> None:
    """A column that was mixed up, for instance: each account would be made another's by it."""
    Source.objects.update(absence="leave")
    ids = {number: person(number).pk for number in range(20)}
    for number, uid in enumerate(company):
        assert pusher.patch(uid, numbered(number + 100)).status == 204
    assert Person.objects.filter(employee_number__in=range(100, 120)).count() == 4
    assert (last().state, last().counters["would_change"]) == (RunState.HELD, 16)
    # What comes of somebody who waits changes nobody else.
    assert pusher.patch(company[9], department("Support")).status == 204
    assert (Person.objects.count(), Person.objects.filter(state="left").count()) == (20, 0)
    import_source(entra)
    assert Person.objects.filter(employee_number__in=range(100, 120)).count() == 4
    import_source(entra, accept="A new way to count.")
    assert {n: person(n + 100).pk for n in range(20)} == ids
    assert person(109).attributes["department"] == "Support"
    assert (Person.objects.count(), Person.objects.filter(state="left").count()) == (20, 0)
    assert held_pushes.count(entra) == 0


def test_a_number_that_waits_and_is_taken_back_or_deleted(
    pusher: Pusher, company: list[str]
) -> None:
    Source.objects.update(absence="leave")
    for number, uid in enumerate(company[:8]):
        pusher.patch(uid, numbered(number + 100))
    assert last().state == RunState.HELD
    for number in (4, 5, 6):
        pusher.patch(company[number], numbered(number))
    assert last().state == RunState.HELD
    assert pusher.send("DELETE", f"/Users/{company[7]}").status == 204
    assert person(7).state == "left"
    assert last().state == RunState.DONE
    assert {one.employee_number for one in Person.objects.all()} == {
        *(str(n) for n in range(100, 104)),
        *(str(n) for n in range(4, 20)),
    }


def test_who_leaves_goes_though_their_number_waits(pusher: Pusher, company: list[str]) -> None:
    for number, uid in enumerate(company[:8]):
        pusher.patch(uid, numbered(number + 100))
    assert last().state == RunState.HELD
    assert pusher.patch(company[7], GONE).status == 204
    assert person(7).state == "left"
    assert person(6).state == "active"
    assert not Person.objects.filter(employee_number="107").exists()


def test_who_waits_for_a_number_is_nobody_else(
    pusher: Pusher, company: list[str], entra: Source
) -> None:
    """Numbers go round while they wait: nobody gets the record that has somebody else's number."""
    ids = {number: person(number).pk for number in range(20)}
    for number in range(4):
        pusher.patch(company[number], department("Moved"))
    for number, new in ((4, 200), (5, 4), (4, 5)):
        assert pusher.patch(company[number], numbered(new)).status == 204
    newcomer = user(50, name={"givenName": "Bo", "familyName": "Lind"})
    newcomer[ENTERPRISE]["employeeNumber"] = "5"
    assert pusher.send("POST", "/Users", newcomer).status == 409
    Source.objects.update(guard={"changes": {"percent": 100, "floor": 50}})
    # There is room again, but the record of 4 is still of somebody who waits.
    assert pusher.patch(company[6], numbered(300)).status == 204
    assert (person(4).display_name, person(300).pk) == ("Given4 Kovács", ids[6])
    import_source(Source.objects.get(), accept="HR counts anew.")
    assert (person(5).pk, person(4).pk) == (ids[4], ids[5])
    assert (person(5).display_name, person(4).display_name) == ("Given4 Kovács", "Given5 Kovács")
    assert (Person.objects.count(), held_pushes.count(entra)) == (20, 0)
