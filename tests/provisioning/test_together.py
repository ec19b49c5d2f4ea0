"""Several changes in one request: what becomes of each is settled as if it had gone alone."""

from __future__ import annotations

from collections import Counter

import pytest

from tenure.applications.models import Application
from tenure.connectors.base import ConnectorConfig, Together
from tenure.connectors.faults import Fault, lost_after, rejected, retry_later, stopped
from tenure.connectors.memory import MemoryConnector
from tenure.provisioning import services
from tenure.provisioning.execution.together import Race
from tenure.provisioning.records import settling
from tests.provisioning.company import Company, apply, change, drain, linked, states
from tests.provisioning.test_stopping import stop_in_the_middle


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.001)


@pytest.fixture
def bulk(sales: Company) -> Company:
    """As `sales`, ten changes a request."""
    row = Application.objects.get()
    Application.objects.update(settings={**row.settings, "bulk": 10})
    return sales


def calls(company: Company) -> Counter[str]:
    return Counter(call.verb for call in company.memories["chat"].calls)


def test_everything_goes_in_few_requests_and_what_is_wrong_alone_fails_alone(
    bulk: Company,
) -> None:
    bulk.person("0")
    apply()
    people = bulk.people(24)
    memory = bulk.memories["chat"]
    memory.calls.clear()
    memory.faults.nth("create", 4, rejected("title")).nth("create", 6, lost_after())
    memory.faults.nth("create", 8, retry_later())
    memory.add_user({"userName": "p9@acme.example"}, external_id=str(people[8].uid))
    apply()
    assert states() == {"done": 24, "failed": 1}
    assert len(bulk.users()) == len(linked()) == len(bulk.members("all")) == 24
    made = calls(bulk)
    assert made["bulk"] == 3
    assert made["create"] <= 1  # What may have been made is looked for; this one was not.

    for person in people[:10]:
        change(person, title="Chief")
    apply()
    services.terminate_now(people[20], reason="")
    drain()
    made = calls(bulk)
    assert made["update"] + made["disable"] < 4
    assert "p21@acme.example" not in bulk.open_users()
    chiefs = [user for user in bulk.users().values() if user.attributes.get("title") == "Chief"]
    assert len(chiefs) == 10


@pytest.mark.parametrize("fault", [retry_later, lost_after])
def test_a_request_of_which_nothing_is_known_is_settled_by_looking(
    bulk: Company, fault: object
) -> None:
    bulk.people(12)
    bulk.memories["chat"].unique = False
    bulk.memories["chat"].faults.next("bulk", fault())  # type: ignore[operator]
    apply()
    assert len(bulk.memories["chat"].users) == 12
    assert states() == {"done": 12}


def test_changes_that_nobody_answered_go_alone(bulk: Company) -> None:
    people = bulk.people(12)
    apply()
    for person in people:
        change(person, title="Chief")
    memory = bulk.memories["chat"]
    memory.calls.clear()
    memory.faults.next("bulk", lost_after())
    apply()
    assert states()["done"] == 24
    made = calls(bulk)
    assert (made["bulk"], made["update"]) == (2, 10), "ten had no answer, two travelled on"


def test_who_is_not_accepted_sends_no_more(bulk: Company) -> None:
    bulk.people(64)
    bulk.memories["chat"].faults.always("bulk", stopped())
    Application.objects.update(limits={"concurrency": 1})
    apply()
    assert calls(bulk)["bulk"] == 1
    assert states() == {"planned": 64}
    assert Application.objects.get().health == "stopped"


def test_a_stop_is_heard_between_two_requests(bulk: Company) -> None:
    Application.objects.update(limits={"concurrency": 1})
    bulk.people(60)
    services.store()
    bulk.memories["chat"].faults.always("bulk", Fault(delay=0.5))
    stop_in_the_middle(lambda: len(bulk.users()) >= 10)
    assert 10 <= len(bulk.users()) <= 20
    done = len(bulk.users())
    assert states() == {"done": done, "planned": 60 - done}


class Offering(MemoryConnector):
    """It says that it can take ten at once."""

    async def together(self) -> Together:
        return Together(10)


async def test_the_faster_way_is_kept_to_and_the_other_tried_again_now_and_then() -> None:
    connector = Offering(ConnectorConfig("memory", {"name": "race"}))
    for faster, slower, tries in ((True, 1.05, 7), (False, 1.05, 7), (True, 2.0, 2)):
        race, chosen = Race(), []
        for _ in range(130):
            together = bool(await race.choice(connector, 20))
            race.took(together, 20, 1.0 if together is faster else slower)
            chosen.append(together)
        assert chosen[:2] == [True, False]
        # The more it costs, the less often.
        assert chosen[2:].count(not faster) == tries
    assert await Race().choice(connector, 3) == 0
    # What failed says nothing of how fast it is.
    race = Race()
    race.took(True, 0, 0.001)
    assert await race.choice(connector, 20) == 10
