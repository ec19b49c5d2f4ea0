"""An application that is a file keeps the promises of the port, also for who comes later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tenure.connectors.base import Connector, ConnectorConfig
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance


def config(folder: Path) -> ConnectorConfig:
    return ConnectorConfig(
        application="practice",
        settings={"name": "chat", "folder": str(folder)},
        attributes=ConnectorConformance.mapped,
    )


@pytest.fixture
async def connector(tmp_path: Path) -> AsyncIterator[Connector]:
    async with open_connector("practice", config(tmp_path)) as opened:
        yield opened


class TestPractice(ConnectorConformance):
    pass


async def test_what_was_made_is_there_for_the_next_one(tmp_path: Path) -> None:
    async with open_connector("practice", config(tmp_path)) as first:
        made = await first.create({"userName": "ann"}, external_id="1", active=True)
    async with open_connector("practice", config(tmp_path)) as second:
        assert (await second.read(made.remote_id)).attributes["userName"] == "ann"
        await second.disable(made.remote_id)
    async with open_connector("practice", config(tmp_path)) as third:
        assert (await third.read(made.remote_id)).active is False
