"""People come from a real Tryton, by the catalogue's entry: dates, supervisors, terminations, only
what changed, and the e-mail address that goes back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tenure.audit.models import Action, Event
from tenure.catalogue import filling
from tenure.catalogue.loading import source
from tenure.people.models import Company, Person
from tenure.readers.base import Fetching, Gone, Incremental, Row, WritingBack
from tenure.readers.registry import open_reader
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.writeback import delivery
from tests.acceptance.tryton import DATABASE, PASSWORD, SERVER, USER, Tryton, day, tryton

pytestmark = pytest.mark.skipif(
    "TENURE_ACCEPTANCE" not in os.environ or not SERVER.exists(),
    reason="needs Tryton: make acceptance",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    with tryton(tmp_path_factory.mktemp("tryton")) as running:
        yield running


def settings(server: Tryton) -> dict[str, Any]:
    return {"url": server.address, "database": DATABASE, "user": USER}


def reader(server: Tryton) -> Any:
    entry = source("tryton")
    told = {"spec": filling.specification(entry), **settings(server)}
    return open_reader("rest", told, secrets={"password": PASSWORD})


def by_name(items: Any) -> dict[str, Row]:
    return {one.values["Name"]: one for one in items if isinstance(one, Row)}


def test_everybody_what_changed_one_and_an_address_written_back(server: Tryton) -> None:
    boss = server.employee(server.party("Bea Boss"), start_date=day(date(2020, 1, 5)))
    ada = server.employee(
        server.party("Ada Byron", "ada@private.example"),
        start_date=day(date(2026, 10, 31)),
        supervisor=boss,
    )
    people = reader(server)
    found = by_name(people.rows())
    values = found["Ada Byron"].values
    assert found["Ada Byron"].id == str(ada)
    assert values["Supervisor"] == found["Bea Boss"].values["Party code"]
    assert (values["Start date"], values["End date"]) == ("2026-10-31", "")
    assert (values["E-mail"], values["Company"]) == ("ada@private.example", "Acme")
    lines = {line.what: line for line in people.check()}
    assert lines["People"].ok
    assert lines["Changes"].ok
    assert "Phone" in lines["Columns"].detail, "nobody has one"

    assert isinstance(people, Incremental)
    assert isinstance(people, WritingBack)
    assert isinstance(people, Fetching)
    cursor = people.cursor()
    server.end(ada, date(2026, 12, 5))
    changed = by_name(people.changes(cursor))
    assert changed["Ada Byron"].values["End date"] == "2026-12-05"

    people.write(str(ada), {"E-mail": "ada.byron@acme.example"})
    people.write(str(boss), {"E-mail": "bea.boss@acme.example"})
    people.write(str(boss), {"E-mail": "bea.boss@acme.example"})
    found = by_name(people.rows())
    assert found["Ada Byron"].values["E-mail"] == "ada.byron@acme.example"
    assert found["Bea Boss"].values["E-mail"] == "bea.boss@acme.example"
    assert len(server.call("party.contact_mechanism.search", [["type", "=", "email"]])) == 2

    one = people.fetch(str(ada))
    assert isinstance(one, Row)
    assert one.values == found["Ada Byron"].values
    server.call("company.employee.delete", [ada])
    assert people.fetch(str(ada)) == Gone(str(ada))
    server.call("company.employee.delete", [boss])


@pytest.mark.django_db
def test_addresses_that_are_made_here_go_into_the_records(
    server: Tryton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRYTON_PASSWORD", PASSWORD)
    Company.objects.update_or_create(
        pk=1, defaults={"domain": "acme.example", "on_rename": "change"}
    )
    hr = Source.objects.create(
        slug="tryton",
        name="Tryton",
        reader="rest",
        catalogue_entry="tryton",
        settings=settings(server),
        secrets={"password": "${env:TRYTON_PASSWORD}"},
        mapping=dict(source("tryton").mapping),
        write_back={"email": "E-mail"},
    )
    party = server.party("Wilma Writer")
    wilma = server.employee(party, start_date=day(date(2024, 1, 1)))
    import_source(hr)
    assert delivery.write_due(hr) == 1
    assert by_name(reader(server).rows())["Wilma Writer"].values["E-mail"] == (
        "wilma.writer@acme.example"
    )
    hr.refresh_from_db()
    assert import_source(hr).counts["changed"] == 0, "what was written is no news"
    assert delivery.write_due(hr) == 0

    server.call("party.party.write", [party], {"name": "Wilma Author"})
    import_source(hr, full=True)
    assert delivery.write_due(hr) == 1
    assert by_name(reader(server).rows())["Wilma Author"].values["E-mail"] == (
        "wilma.author@acme.example"
    )
    (event,) = Event.objects.filter(action=Action.WRITTEN_BACK)[:1]
    assert event.before == {"E-mail": "wilma.writer@acme.example"}
    assert import_source(hr, full=True).counts["changed"] == 0
    server.call("company.employee.delete", [wilma])
    addresses = server.call("party.contact_mechanism.search", [["party", "=", party]])
    server.call("party.contact_mechanism.delete", addresses)


@pytest.mark.django_db
def test_people_join_and_leave(server: Tryton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRYTON_PASSWORD", PASSWORD)
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    entry = source("tryton")
    hr = Source.objects.create(
        slug="hr",
        name="Tryton",
        reader="rest",
        catalogue_entry="tryton",
        settings=settings(server),
        secrets={"password": "${env:TRYTON_PASSWORD}"},
        mapping=dict(entry.mapping),
    )
    today = date.today()  # noqa: DTZ011 - a day of the test's own
    employees = [
        server.employee(server.party(f"Given{n} Family{n}"), start_date=day(date(2024, 1, n)))
        for n in range(1, 8)
    ]
    server.employee(server.party("Late Comer"), start_date=day(today + timedelta(days=30)))
    result = import_source(hr)
    assert (result.counts["added"], result.counts.get("errors", 0)) == (8, 0)
    assert Person.objects.get(display_name="Late Comer").state == "upcoming"
    server.end(employees[0], today - timedelta(days=3))
    server.end(employees[1], today + timedelta(days=20))
    hr.refresh_from_db()
    result = import_source(hr)
    states = dict(Person.objects.values_list("display_name", "state"))
    assert (states["Given1 Family1"], states["Given2 Family2"]) == ("left", "active")
    assert result.counts["left"] == 1
