"""Planning by several processes comes to what one process comes to, and tells what went wrong."""

from __future__ import annotations

import contextlib
from multiprocessing.connection import Connection

import psutil
import pytest
from django.db import transaction

from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import planners, plans
from tenure.provisioning.planning.drafting import Drafting, Scope
from tenure.provisioning.planning.sheets import Sheet
from tests.provisioning.company import Company

CONTENT = ("person_id", "application_id", "account_id", "kind", "state", "attributes", "grant")


@pytest.fixture
def several(sales: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    """Thirty people in small portions; one lacks what the mapping needs."""
    people = sales.people(30)
    people[3].attributes.pop("email")
    people[3].save()
    monkeypatch.setattr(planners, "CHUNK", 4)
    monkeypatch.setattr(planners, "_cores", lambda: 2)
    return sales


def stored() -> list[tuple[object, ...]]:
    rows = Operation.objects.exclude(state="cancelled").order_by("person_id", "kind")
    return list(rows.values_list(*CONTENT))


def test_several_processes_come_to_what_one_does(
    several: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = plans.store(Scope())
    expected = stored()
    assert len(expected) == 29
    Operation.objects.all().delete()
    raise_generation()
    monkeypatch.setattr(planners, "_WORTH_IT", 1)
    many = plans.store(Scope())
    assert stored() == expected
    assert (many.released, many.held, many.problems) == (one.released, one.held, one.problems)
    assert not Drafting(Scope(failed_too=False), many.run.started_at).keys()


def test_what_is_stored_already_is_compared(
    several: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planners, "_WORTH_IT", 1)
    plans.store(Scope())
    before = dict(Operation.objects.values_list("person_id", "pk"))
    moved = Person.objects.get(employee_number="7")
    moved.attributes["title"] = "Lead"
    moved.save()
    raise_generation()
    plans.store(Scope())
    after = dict(Operation.objects.exclude(state="cancelled").values_list("person_id", "pk"))
    assert {person for person in before if before[person] != after[person]} == {moved.pk}


def test_a_process_that_is_killed_stores_nothing(
    several: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planners, "_WORTH_IT", 1)
    received = planners._received

    def kill_and_receive(pipe: Connection) -> Sheet:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):  # Ended between the list and the question.
                if planners._PROCESS in child.cmdline():
                    child.kill()
        return received(pipe)

    monkeypatch.setattr(planners, "_received", kill_and_receive)
    with pytest.raises(planners.PlannerDied, match="plan again"):
        plans.store(Scope())
    assert Operation.objects.count() == 0


def test_inside_a_transaction_one_process_plans(
    several: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not committed yet is seen by nobody else."""
    monkeypatch.setattr(planners, "_WORTH_IT", 1)
    with transaction.atomic():
        several.person("99")
        plans.store(Scope())
    assert Operation.objects.filter(person__employee_number="99").count() == 1
