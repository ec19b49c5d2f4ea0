"""An application that nobody can speak to: every verb says that a person has to do it."""

from __future__ import annotations

import pytest

from tenure.connectors.base import ConnectorConfig, Unsupported
from tenure.connectors.registry import open_connector


async def test_every_change_is_for_a_person_and_nothing_is_read() -> None:
    settings = {"instructions": "Sign in at the till, Menu 4."}
    async with open_connector("manual", ConnectorConfig("till", settings)) as till:
        assert [check.ok for check in await till.check()] == [True]
        assert [page async for page in till.accounts()] == []
        assert await till.find("userName", "anna") == []
        for call in (
            till.create({"userName": "anna"}, external_id="1", active=True),
            till.update("1", {"userName": "a"}),
            till.disable("1"),
            till.enable("1"),
            till.delete("1"),
            till.change_members("group", "g", add=["1"]),
        ):
            with pytest.raises(Unsupported) as caught:
                await call
            assert caught.value.instructions == "Sign in at the till, Menu 4."
