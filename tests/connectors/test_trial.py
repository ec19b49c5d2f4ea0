"""A connection check finds out what is so, and leaves nothing behind, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tenure.connectors import leftovers, trial
from tenure.connectors.base import Connector, ConnectorConfig
from tenure.connectors.registry import open_connector
from tenure.connectors.scim import declared
from tenure.connectors.steps import Outcome, Step, Trial
from tenure.connectors.testing import (
    MemoryApplication,
    lost_after,
    lost_before,
    rejected,
    slow,
    stopped,
)
from tenure.core.model import Value
from tests.connectors.odd_scim import Odd, Quirks, odd_scim
from tests.connectors.test_scim_dialects import CASES, config

NAME = "a-company-of-its-own"


@pytest.fixture
def application() -> Iterator[MemoryApplication]:
    MemoryApplication.forget(NAME)
    yield MemoryApplication.named(NAME)
    MemoryApplication.forget(NAME)


@pytest.fixture
async def connector(application: MemoryApplication) -> AsyncIterator[Connector]:
    names = frozenset({"userName", "name.givenName", "title", "emails.work", "externalId"})
    made = open_connector("memory", ConnectorConfig(NAME, {"name": NAME}, {}, names))
    async with made:
        yield made


def account(mark: str) -> dict[str, Value]:
    return {
        "userName": mark,
        "name.givenName": "Tenure",
        "name.familyName": "Canary",
        "title": "Connection check",
        "emails.work": f"{mark}@example.com",
    }


async def tried(connector: Connector, **more: Value) -> Trial:
    async def tell(step: Step) -> None:
        pass

    mark = leftovers.mark()
    return await trial.run(connector, tell, canary={**account(mark), **more}, name=mark)


def outcomes(found: Trial) -> dict[str, Outcome]:
    return {step.what: step.outcome for step in found.steps}


async def test_by_reading_alone_nothing_is_made(
    connector: Connector, application: MemoryApplication
) -> None:
    told: list[Step] = []

    async def tell(step: Step) -> None:
        told.append(step)

    found = await trial.run(connector, tell)
    assert found.ok
    assert found.steps == told
    assert [step.what for step in told] == [
        "Users",
        "List accounts",
        "List groups and other entitlements",
    ]
    assert application.history == []


async def test_a_whole_life(connector: Connector, application: MemoryApplication) -> None:
    application.add_user({"userName": "ann"})
    found = await tried(connector)
    assert found.ok
    # The application in memory knows no family name, as it is not among what is read.
    assert {what for what, how in outcomes(found).items() if how is not Outcome.WORKS} == {
        "Read it back"
    }
    assert [user.attributes["userName"] for user in application.users.values()] == ["ann"]
    assert application.groups == {}
    happened = [one.what for one in application.history[1:]]
    assert happened == [
        "created",
        "updated",
        "updated",
        "joined",
        "left",
        "closed",
        "opened",
        "deleted",
    ]


async def test_what_a_killed_check_left_is_removed(
    connector: Connector, application: MemoryApplication
) -> None:
    application.add_user(account("tenure-canary-0a1b2c3d"))
    application.add_user({"userName": "Tenure-Canary-11223344@example.com"})
    application.add_user({"userName": "tenure-canary-or-not"})
    application.add_group("tenure-canary-0a1b2c3d")
    application.add_group("canaries")
    found = await tried(connector)
    assert outcomes(found)["Left by earlier checks"] is Outcome.WORKS
    names = [user.attributes["userName"] for user in application.users.values()]
    assert names == ["tenure-canary-or-not"]
    assert [group.name for group in application.groups.values()] == ["canaries"]


@pytest.mark.parametrize("fault", [lost_after(), lost_before(), rejected("title"), stopped()])
@pytest.mark.parametrize(
    "verb",
    ["create", "read", "find", "update", "disable", "enable", "create_entitlement",
     "change_members", "delete"],
)  # fmt: skip
async def test_whatever_goes_wrong_nothing_is_left(
    connector: Connector, application: MemoryApplication, verb: str, fault: Any
) -> None:
    application.faults.next(verb, fault)
    found = await tried(connector)
    assert application.users == {}
    assert application.groups == {}
    assert found.left == []
    assert not found.ok


async def test_what_cannot_be_removed_is_named(
    connector: Connector, application: MemoryApplication
) -> None:
    application.faults.always("delete", rejected())
    found = await tried(connector)
    (user,) = application.users
    assert not found.ok
    assert [user in text for text in found.left] == [True]
    application.faults.clear()
    await tried(connector)
    assert application.users == {}


@pytest.mark.parametrize("verb", ["create", "update", "create_entitlement", "disable", "delete"])
async def test_interrupted_it_cleans_up_first(
    connector: Connector, application: MemoryApplication, verb: str
) -> None:
    application.faults.next(verb, slow(0.05))
    task = asyncio.create_task(tried(connector))
    async with asyncio.timeout(60):
        while verb not in {call.verb for call in application.calls}:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.1)
    assert application.groups == {}
    assert application.users == {}


@pytest.mark.parametrize("case", CASES, ids=lambda name: name.replace(" ", "-"))
async def test_every_dialect_is_tried_found_out_and_left_clean(case: str) -> None:
    declared.forget()
    quirks, dialect = CASES[case]
    async with odd_scim(quirks) as odd:
        async with open_connector("scim", config(odd, dialect)) as opened:
            found = await tried(opened)
        assert found.ok, [step for step in found.steps if step.outcome is Outcome.FAILS]
        assert (odd.users, odd.groups, found.left) == ({}, {}, [])
        fitted = dict(found.settings["dialect"])
        # With what was found out, nothing more is learnt, and everything works still.
        async with open_connector("scim", config(odd, fitted)) as opened:
            again = await tried(opened)
        assert again.ok
        assert (dict(again.settings["dialect"]), list(again.notes)) == (fitted, [])
    declared.forget()


@pytest.mark.parametrize(
    ("quirks", "fitted"),
    [
        (Quirks(), {}),
        (Quirks(count="broken"), {"pages": {"count": False}}),
        (Quirks(pages="none"), {"pages": {"by": "none"}}),
        (Quirks(typed=False), {"typed": False}),
        (Quirks(external_id=False), {"external_id": False}),
        (Quirks(patch="none", declares=False), {"changes": {"by": "put"}}),
        (Quirks(patch="pathless"), {"changes": {"paths": False}}),
        (Quirks(filters="ignored", declares=False), {"filters": []}),
        (Quirks(filterable=frozenset({"userName"})), {"filters": ["userName"]}),
        (Quirks(etags="required", declares=False), {"etags": True}),
        (Quirks(delete="switches_off"), {"delete": "switches_off"}),
        (Quirks(off="final"), {"off": {"final": True}}),
        (Quirks(members="never"), {"members": {"shown": "never"}}),
        (Quirks(members_named="userName"), {"members": {"shown": "users"}}),
        (Quirks(references=True), {"members": {"references": True}}),
    ],
)
async def test_the_dialect_that_fits(quirks: Quirks, fitted: dict[str, Any]) -> None:
    declared.forget()
    async with odd_scim(quirks) as odd, open_connector("scim", config(odd, {})) as opened:
        found = await tried(opened)
    declared.forget()
    assert dict(found.settings["dialect"]) == fitted, found.notes
    assert len(found.notes) >= len(fitted)


async def test_where_nothing_is_deleted_it_is_closed() -> None:
    async with odd_scim(Quirks(delete="switches_off")) as odd:
        async with open_connector("scim", config(odd, {})) as opened:
            found = await tried(opened)
        assert found.ok
        assert [user["active"] for user in odd.users.values()] == [False]
        assert outcomes(found)["Delete it"] is Outcome.DIFFERS


async def test_what_it_accepts_and_does_not_do_fails() -> None:
    class Lazy(Odd):
        """Says yes to every change and changes nothing."""

        def _one_user(self, request: Any, user: Any, body: Any) -> Any:
            if request.method == "PATCH":
                return self._answered(self._shown_user(user))
            return super()._one_user(request, user, body)

    async with odd_scim(Quirks(), Lazy) as odd, open_connector("scim", config(odd, {})) as opened:
        found = await tried(opened)
    how = outcomes(found)
    assert how["Change it"] is how["Close it"] is Outcome.FAILS
    assert how["Clean up"] is Outcome.WORKS if "Clean up" in how else True
    assert odd.users == {}
