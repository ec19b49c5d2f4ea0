"""Names that go from one account to another at one stroke: who takes one waits for who gives it
up, and where that goes round in a circle one of them makes way."""

from __future__ import annotations

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Event
from tenure.connectors.faults import rejected
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.records import exchanging, settling
from tests.provisioning.company import Company, apply, change, drain, linked, states


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.05)


@pytest.fixture(params=[0, 10], ids=["alone", "bulk"])
def offices(sales: Company, request: pytest.FixtureRequest) -> Company:
    row = Application.objects.get()
    Application.objects.update(settings={**row.settings, "bulk": request.param})
    return sales


def rename(people: list[Person], *names: str) -> None:
    for person, name in zip(people, names, strict=True):
        change(person, email=f"{name}@acme.example")


def whose(company: Company) -> dict[str, str]:
    """Display name -> userName, as the application has it."""
    return {
        str(user.attributes["displayName"])[7:]: name.split("@")[0]
        for name, user in company.users().items()
    }


def test_who_takes_a_name_waits_for_who_gives_it_up(offices: Company) -> None:
    people = offices.people(4)
    apply()
    rename(people, "p2", "p3", "p4", "p5")
    apply()
    assert whose(offices) == {"1": "p2", "2": "p3", "3": "p4", "4": "p5"}
    assert states() == {"done": 8}
    assert sorted(linked()) == sorted(offices.users())


@pytest.mark.parametrize("count", [2, 3])
def test_in_a_circle_one_makes_way(offices: Company, count: int) -> None:
    people = offices.people(count + 1)
    apply()
    names = [f"p{number % count + 1}" for number in range(1, count + 1)]
    rename(people[:count], *names)
    apply()
    expected = {str(number): name for number, name in enumerate(names, 1)}
    assert whose(offices) == {**expected, str(count + 1): f"p{count + 1}"}
    assert states() == {"done": 2 * count + 1}
    assert sorted(linked()) == sorted(offices.users())
    told = [event for event in Event.objects.filter(action="account.updated") if event.reason]
    assert sum("by way of" in event.reason for event in told) == 1
    services.store()
    assert not Operation.objects.exclude(state="done").exists(), "nothing is left to be done"


def test_who_is_hired_waits_for_the_name_that_a_colleague_gives_up(offices: Company) -> None:
    (old,) = offices.people(1)
    apply()
    change(old, email="p9@acme.example")
    new = offices.person("2")
    change(new, email="p1@acme.example")
    # Whoever is hired comes before whoever is renamed.
    services.store()
    Operation.objects.filter(kind="create").update(urgency=20)
    drain()
    assert whose(offices) == {"1": "p9", "2": "p1"}
    assert states() == {"done": 3}


def test_a_name_that_nobody_gives_up_is_refused_at_once(offices: Company) -> None:
    one, _ = offices.people(2)
    apply()
    change(one, email="p2@acme.example")
    apply()
    assert states() == {"done": 2, "failed": 1}


def test_who_waits_for_what_is_not_done_says_for_whom(offices: Company) -> None:
    one, two = offices.people(2)
    apply()
    change(one, email="p2@acme.example")
    change(two, email="p3@acme.example")
    services.store()
    Operation.objects.filter(person=two, kind="update").update(state="held", hold_reason="why")
    drain()
    failed = Operation.objects.get(state="failed")
    assert "Person 2" in failed.error
    assert "held" in failed.error


def test_where_the_name_on_the_way_is_refused_a_person_is_told_what_to_do(
    offices: Company,
) -> None:
    people = offices.people(2)
    apply()
    rename(people, "p2", "p1")
    memory = offices.memories["chat"]
    for number in range(3, 5):
        memory.faults.nth("update", number, rejected("userName"))
    apply()
    task = Operation.objects.get(state="manual")
    assert "exchange" in task.error
    assert "any other" in task.error
    assert whose(offices) == {"1": "p1", "2": "p2"}


def test_who_made_way_and_is_not_to_be_renamed_any_more_gets_the_old_name_back(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanging, "_MOST", 1)
    people = sales.people(2)
    apply()
    rename(people, "p2", "p1")
    services.store()
    # The second of them never goes.
    waits = Operation.objects.filter(person=people[1], kind="update")
    waits.update(state="retrying", not_before="2100-01-01T00:00:00Z")
    gone = Operation.objects.get(person=people[0], kind="update")
    gone.progress = {"by_way_of": {"userName": "p1-1@acme.example"}, "behind": waits.get().pk}
    gone.save()
    drain()
    assert whose(sales) == {"1": "p1-1", "2": "p2"}
    gone.refresh_from_db()
    assert gone.state == "failed"
    assert "Until then it has the userName p1-1@acme.example there" in gone.error
    assert Account.objects.get(person=people[0]).unsure == ["userName"]
    rename(people, "p1", "p2")
    apply()
    assert whose(sales) == {"1": "p1", "2": "p2"}
