"""The application in memory keeps the promises of the port, and breaks as planned."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tenure.connectors.base import (
    Connector,
    ConnectorConfig,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import (
    ANY,
    Call,
    ConnectorConformance,
    MemoryApplication,
    lost_after,
    lost_before,
    rejected,
    retry_later,
    slow,
    stopped,
)


@pytest.fixture
def application() -> Iterator[MemoryApplication]:
    name = uuid.uuid4().hex
    yield MemoryApplication.named(name)
    MemoryApplication.forget(name)


@pytest.fixture
async def connector(application: MemoryApplication) -> AsyncIterator[Connector]:
    config = ConnectorConfig(
        application="memory",
        settings={"name": application.name, "page_size": 10, "sessions": True},
        attributes=ConnectorConformance.mapped,
    )
    async with open_connector("memory", config) as opened:
        yield opened


class TestMemory(ConnectorConformance):
    pass


ANN = {"userName": "ann"}


async def make(connector: Connector) -> str:
    return (await connector.create(ANN, external_id="1", active=True)).remote_id


async def test_connectors_with_one_name_share_one_application(
    application: MemoryApplication, connector: Connector
) -> None:
    remote_id = await make(connector)
    config = ConnectorConfig("other", {"name": application.name})
    async with open_connector("memory", config) as other:
        await other.disable(remote_id)
    assert application.users[remote_id].active is False
    assert application.calls == [Call("create", "1"), Call("disable", remote_id)]


async def test_a_lost_answer_means_it_was_done(
    application: MemoryApplication, connector: Connector
) -> None:
    application.faults.nth("create", 1, lost_after())
    with pytest.raises(OutcomeUnknown):
        await make(connector)
    assert len(application.users) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (lost_before(), OutcomeUnknown),
        (retry_later(3), RetryLater),
        (rejected("userName"), Rejected),
        (stopped(), StopApplication),
    ],
)
async def test_the_other_faults_mean_that_nothing_was(
    application: MemoryApplication, connector: Connector, fault: object, error: type[Exception]
) -> None:
    application.faults.next("create", fault)  # type: ignore[arg-type]
    with pytest.raises(error):
        await make(connector)
    assert application.users == {}
    await make(connector)
    assert len(application.users) == 1


async def test_chance_is_the_same_for_the_same_seed() -> None:
    outcomes = []
    for _ in range(2):
        application = MemoryApplication.named(uuid.uuid4().hex)
        application.faults.sometimes(ANY, 0.5, retry_later())
        outcome = []
        async with open_connector(
            "memory", ConnectorConfig("memory", {"name": application.name})
        ) as connector:
            for _ in range(40):
                try:
                    await connector.find("userName", "ann")
                    outcome.append(True)
                except RetryLater:
                    outcome.append(False)
        outcomes.append(outcome)
        MemoryApplication.forget(application.name)
    assert outcomes[0] == outcomes[1]
    assert set(outcomes[0]) == {True, False}


async def test_slow_and_always_last_until_cleared(
    application: MemoryApplication, connector: Connector
) -> None:
    application.faults.always("create", slow(0.001))
    remote_id = await make(connector)
    application.faults.always(ANY, stopped())
    with pytest.raises(StopApplication):
        await connector.read(remote_id)
    application.faults.clear()
    assert (await connector.read(remote_id)).remote_id == remote_id
