"""Users and groups of Canaille are fully managed in spite of all its quirks, found out by itself.

It refuses types of e-mail addresses, fails when it is asked for a number, ignores filters, forgets
our ids, answers a name that is taken with a broken page, and names members by their user names.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from tenure.applications.models import Application
from tenure.catalogue.loading import source
from tenure.connectors import leftovers, trial
from tenure.connectors.base import (
    Connector,
    ConnectorConfig,
    ConnectorError,
    OutcomeUnknown,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.scim import declared
from tenure.connectors.steps import Outcome, Step
from tenure.connectors.testing import ConnectorConformance
from tenure.core.model import Value
from tenure.people.models import Person
from tenure.provisioning.reconciliation import connection
from tenure.readers.base import Row
from tenure.readers.registry import open_reader
from tenure.readers.scim import ScimReader
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.acceptance.canaille import Canaille, canaille
from tests.provisioning.whole_life import Seen, application, live

pytestmark = pytest.mark.skipif(
    "TENURE_ACCEPTANCE" not in os.environ, reason="needs Canaille: make acceptance"
)
FITTED = {
    "typed": False,
    "external_id": False,
    "pages": {"count": False},
    "members": {"by": "put", "shown": "users"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaille]:
    program = Path(os.environ["TENURE_ACCEPTANCE"]) / "canaille" / "bin" / "canaille"
    with canaille(tmp_path_factory.mktemp("canaille"), program) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    declared.forget()
    yield
    declared.forget()


def config(server: Canaille) -> ConnectorConfig:
    return ConnectorConfig(
        "canaille",
        {"base_url": server.scim, "page_size": 10},
        {"token": server.token},
        ConnectorConformance.mapped | {"name.formatted", "externalId"},
    )


class TestCanaille(ConnectorConformance):
    """Nothing is said of its dialect."""

    many: ClassVar[int] = 25
    refusal: ClassVar[type[ConnectorError]] = OutcomeUnknown

    @pytest.fixture
    async def connector(self, server: Canaille) -> AsyncIterator[Connector]:
        async with open_connector("scim", config(server)) as opened:
            yield opened

    def sample(self, name: str | None = None) -> dict[str, Value]:
        return {**super().sample(name), "name.formatted": "Ada Byron"}

    async def test_accounts_are_found_by_our_own_id(self, connector: Connector) -> None:
        pytest.skip("it forgets our ids")

    async def test_a_name_that_is_taken_is_refused(self, connector: Connector) -> None:
        made = await self.made(connector)
        name = str(made.attributes["userName"])
        # It breaks, so nobody knows: the engine looks, and finds who is there.
        with pytest.raises(OutcomeUnknown):
            await connector.create(self.sample(name), external_id=uuid.uuid4().hex, active=True)
        found = await connector.find("userName", name)
        assert [account.remote_id for account in found] == [made.remote_id]

    async def test_a_rename_keeps_the_account(self, connector: Connector) -> None:
        made = await self.made(connector)
        name = f"renamed-{uuid.uuid4().hex[:12]}"
        await connector.update(made.remote_id, {"userName": name})
        assert [one.remote_id for one in await connector.find("userName", name)] == [made.remote_id]


async def test_what_fits_is_found_out(server: Canaille) -> None:
    async def tell(step: Step) -> None:
        pass

    mark = leftovers.mark()
    given = {**ConnectorConformance().sample(mark), "name.formatted": "Tenure Canary"}
    async with open_connector("scim", config(server)) as connector:
        found = await trial.run(connector, tell, canary=given, name=mark)
        left = [one async for page in connector.accounts() for one in page]
    assert found.ok, [step for step in found.steps if step.outcome is Outcome.FAILS]
    assert found.settings["dialect"] == FITTED
    assert mark not in {one.load().attributes["userName"] for one in left}


def test_a_whole_life(
    transactional_db: None, server: Canaille, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_TOKEN", server.token)
    empty(server)
    row = application(server.scim, {})
    done = asyncio.run(connection.conduct(connection.begin(row, write=True)))
    assert connection.outcome(done), done.steps
    connection.keep(done)
    assert Application.objects.get().settings["dialect"] == FITTED
    live(tmp_path, lambda: asyncio.run(seen(server)))


def empty(server: Canaille) -> None:
    """Nobody is left of the tests before."""

    async def emptied() -> None:
        async with open_connector("scim", config(server)) as connector:
            every = [one.remote_id async for page in connector.accounts() for one in page]
            for remote_id in every:
                await connector.delete(remote_id)

    asyncio.run(emptied())


async def seen(server: Canaille) -> Mapping[str, Seen]:
    """As it says itself, through a connection of its own."""
    async with open_connector("scim", config(server)) as connector:
        groups = [group async for group in connector.entitlements()]
        return {
            str(account.attributes["userName"]): Seen(
                bool(account.active),
                str(account.attributes["name.givenName"]),
                frozenset(g.name for g in groups if account.remote_id in (g.members or ())),
            )
            async for page in connector.accounts()
            for account in (one.load() for one in page)
        }


def test_people_are_read_from_it(server: Canaille) -> None:
    """Everybody and their managers, although it fails when it is asked for a number and ignores
    filters."""
    empty(server)

    async def made() -> list[str]:
        async with open_connector("scim", config(server)) as connector:
            ids = []
            for number in range(1, 13):
                sample = ConnectorConformance().sample(f"u{number}")
                given = {**sample, "name.formatted": "Ada Byron"}
                given["enterprise.employeeNumber"] = f"{number:04d}"
                account = await connector.create(given, external_id="", active=number != 3)
                ids.append(account.remote_id)
            return ids

    ids = asyncio.run(made())
    settings = {"base_url": server.scim, "page_size": 5}
    people = open_reader("scim", settings, secrets={"token": server.token})
    assert isinstance(people, ScimReader)
    found = {one.id: one.values for one in people.rows() if isinstance(one, Row)}
    assert found.keys() == set(ids)
    assert [found[one]["enterprise.employeeNumber"] for one in ids[:2]] == ["0001", "0002"]
    assert {one for one in ids if found[one]["status"] == "inactive"} == {ids[2]}
    assert people.cursor() == "", "it says that it has no filters"
    lines = people.check()
    assert [line.ok for line in lines] == [True, True]
    one = people.fetch(ids[0])
    assert isinstance(one, Row)
    assert one.values == found[ids[0]]


@pytest.mark.django_db
def test_people_of_it_are_imported(server: Canaille, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the entry of the catalogue: whoever is switched off there has left."""
    empty(server)
    monkeypatch.setenv("CANAILLE_TOKEN", server.token)

    async def made(active: bool) -> list[str]:
        async with open_connector("scim", config(server)) as connector:
            if not active:
                await connector.disable(ids[0])
                return ids
            accounts = []
            for number in range(1, 4):
                sample = ConnectorConformance().sample(f"p{number}")
                given = {**sample, "name.formatted": "Ada Byron"}
                given["enterprise.employeeNumber"] = f"{number:04d}"
                accounts.append(await connector.create(given, external_id="", active=True))
            return [one.remote_id for one in accounts]

    ids = asyncio.run(made(active=True))
    entry = source("scim-people")
    people = Source.objects.create(
        slug="canaille",
        name="Canaille",
        reader="scim",
        catalogue_entry="scim-people",
        settings={"base_url": server.scim, "page_size": 5},
        secrets={"token": "${env:CANAILLE_TOKEN}"},
        mapping=dict(entry.mapping),
        statuses=dict(entry.statuses),
    )
    assert import_source(people).counts["added"] == 3
    assert set(Person.objects.values_list("state", flat=True)) == {"active"}
    asyncio.run(made(active=False))
    assert import_source(people).counts["left"] == 1
    assert Person.objects.get(employee_number="0001").state == "left"
