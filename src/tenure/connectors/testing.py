"""What every connector has to keep, as tests that it inherits.

A connector's test file gives a `connector` fixture, opened on an application that nobody else
changes meanwhile, with `attributes=ConnectorConformance.mapped` (or its own) and a `page_size` of
at most 10; everything else is here. This module must not know any one connector. The application in
memory is offered here too, since tests of everything above the connectors want it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import ClassVar

import pytest

from tenure.connectors import leftovers, trial
from tenure.connectors.base import (
    AlreadyExists,
    Bulking,
    Change,
    Connector,
    ConnectorError,
    EndsSessions,
    Listed,
    NotFound,
    RemoteAccount,
    RemoteEntitlement,
    Transferring,
    Unsupported,
)
from tenure.connectors.faults import (
    ANY,
    Fault,
    Faults,
    lost_after,
    lost_before,
    rejected,
    retry_later,
    slow,
    stopped,
)
from tenure.connectors.memory import Call, MemoryApplication, MemoryConnector
from tenure.connectors.steps import Outcome, Step
from tenure.core.diff import same
from tenure.core.model import Value

__all__ = [
    "ANY",
    "Call",
    "ConnectorConformance",
    "Fault",
    "Faults",
    "MemoryApplication",
    "MemoryConnector",
    "lost_after",
    "lost_before",
    "rejected",
    "retry_later",
    "slow",
    "stopped",
]


class ConnectorConformance:
    """Inherit, name the class `Test...`, and give a `connector` fixture."""

    #: Attributes that the fixture's mapping uses; every one of them must survive a round trip.
    mapped: ClassVar[frozenset[str]] = frozenset(
        {"userName", "name.givenName", "name.familyName", "title", "emails.work"}
    )
    #: One that may be empty.
    clearable: ClassVar[str] = "title"
    #: More accounts than fit on two of the fixture's pages.
    many: ClassVar[int] = 25
    #: How a name that is taken is refused, where one breaks instead of saying so.
    refusal: ClassVar[type[ConnectorError]] = AlreadyExists

    def sample(self, name: str | None = None) -> dict[str, Value]:
        """The attributes of a new account."""
        name = name or f"user-{uuid.uuid4().hex[:12]}"
        return {
            "userName": name,
            "name.givenName": "Ada",
            "name.familyName": "Byron",
            "title": "Clerk",
            "emails.work": f"{uuid.uuid4().hex[:12]}@example.com",
        }

    async def made(self, connector: Connector, **other: Value) -> RemoteAccount:
        """A new, active account."""
        return await connector.create(
            {**self.sample(), **other}, external_id=uuid.uuid4().hex, active=True
        )

    async def test_the_check_finds_nothing_wrong(self, connector: Connector) -> None:
        lines = await connector.check()
        assert lines
        assert [line for line in lines if not line.ok] == []

    async def test_forms_can_be_made_from_the_schemas(self, connector: Connector) -> None:
        for schema in (connector.Settings, connector.Secrets):
            properties = schema.model_json_schema().get("properties", {})
            assert [name for name, field in properties.items() if not field.get("title")] == []

    async def test_what_is_created_can_be_read(self, connector: Connector) -> None:
        wanted = self.sample()
        made = await connector.create(wanted, external_id=uuid.uuid4().hex, active=True)
        read = await connector.read(made.remote_id)
        _assert_same(read.attributes, wanted)
        assert read.remote_id == made.remote_id
        assert read.active is True
        assert read.fingerprint == made.fingerprint != b""

    async def test_an_account_can_be_created_disabled(self, connector: Connector) -> None:
        made = await connector.create(self.sample(), external_id=uuid.uuid4().hex, active=False)
        assert (await connector.read(made.remote_id)).active is False

    async def test_a_name_that_is_taken_is_refused(self, connector: Connector) -> None:
        made = await self.made(connector)
        name = str(made.attributes["userName"])
        for taken in (name, name.upper()):
            with pytest.raises(AlreadyExists):
                await connector.create(
                    self.sample(taken), external_id=uuid.uuid4().hex, active=True
                )
        assert len(await connector.find("userName", name)) == 1

    async def test_nothing_is_read_where_nothing_is(self, connector: Connector) -> None:
        made = await self.made(connector)
        missing = made.remote_id[:-4] + "ffff"
        with pytest.raises(NotFound):
            await connector.read(missing)

    async def test_accounts_are_found_whatever_the_case(self, connector: Connector) -> None:
        made = await self.made(connector)
        await self.made(connector)
        for name in ("userName", "emails.work"):
            value = str(made.attributes[name])
            found = await connector.find(name, value.upper())
            assert [account.remote_id for account in found] == [made.remote_id], name
        assert await connector.find("userName", f"{made.attributes['userName']}-not") == []

    async def test_accounts_are_found_by_our_own_id(self, connector: Connector) -> None:
        if "externalId" not in connector.capabilities.searchable:
            pytest.skip("this application keeps no external id")
        external_id = uuid.uuid4().hex
        made = await connector.create(self.sample(), external_id=external_id, active=True)
        found = await connector.find("externalId", external_id)
        assert [account.remote_id for account in found] == [made.remote_id]

    @pytest.mark.parametrize("odd", ['a"b', "a\\", "a' or 1", "ä ö", '" or userName pr or "'])
    async def test_a_search_is_not_a_program(self, connector: Connector, odd: str) -> None:
        await self.made(connector)
        assert await connector.find("userName", odd) == []

    async def test_an_update_leaves_the_rest_alone(self, connector: Connector) -> None:
        wanted = self.sample()
        made = await connector.create(wanted, external_id=uuid.uuid4().hex, active=True)
        changes: dict[str, Value | None] = {
            "name.givenName": "Grace",
            "emails.work": "g@example.com",
        }
        await connector.update(made.remote_id, changes)
        read = await connector.read(made.remote_id)
        _assert_same(read.attributes, {**wanted, **changes})
        assert read.active is True

    async def test_a_rename_keeps_the_account(self, connector: Connector) -> None:
        made = await self.made(connector)
        other = await self.made(connector)
        name = f"renamed-{uuid.uuid4().hex[:12]}"
        await connector.update(made.remote_id, {"userName": name})
        assert [one.remote_id for one in await connector.find("userName", name)] == [made.remote_id]
        with pytest.raises(AlreadyExists):
            await connector.update(other.remote_id, {"userName": name})

    async def test_a_cleared_attribute_is_gone(self, connector: Connector) -> None:
        wanted = self.sample()
        made = await connector.create(wanted, external_id=uuid.uuid4().hex, active=True)
        for _ in range(2):
            await connector.update(made.remote_id, {self.clearable: None})
            read = await connector.read(made.remote_id)
            _assert_same(read.attributes, {**wanted, self.clearable: None})
        await connector.update(made.remote_id, {self.clearable: "Again"})
        assert (await connector.read(made.remote_id)).attributes[self.clearable] == "Again"

    async def test_what_can_hand_over_may_do_it_twice(self, connector: Connector) -> None:
        if not connector.capabilities.transfer:
            return
        assert isinstance(connector, Transferring)
        leaver, heir = await self.made(connector), await self.made(connector)
        await connector.disable(leaver.remote_id)
        await connector.transfer(leaver.remote_id, heir.remote_id)
        await connector.transfer(leaver.remote_id, heir.remote_id)
        with pytest.raises(NotFound):
            await connector.transfer(leaver.remote_id, "nobody")

    async def test_who_is_signed_out_keeps_the_account(self, connector: Connector) -> None:
        if not connector.capabilities.ends_sessions:
            return
        assert isinstance(connector, EndsSessions)
        made = await self.made(connector)
        for _ in range(2):
            await connector.end_sessions(made.remote_id)
            assert (await connector.read(made.remote_id)).active is not False
        with pytest.raises(NotFound):
            await connector.end_sessions(made.remote_id[:-4] + "ffff")

    async def test_disable_and_enable_may_be_repeated(self, connector: Connector) -> None:
        wanted = self.sample()
        made = await connector.create(wanted, external_id=uuid.uuid4().hex, active=True)
        for verb, active in ((connector.disable, False), (connector.enable, True)):
            for _ in range(2):
                await verb(made.remote_id)
                read = await connector.read(made.remote_id)
                assert read.active is active
                _assert_same(read.attributes, wanted)

    async def test_an_update_does_not_enable(self, connector: Connector) -> None:
        made = await self.made(connector)
        await connector.disable(made.remote_id)
        await connector.update(made.remote_id, {"name.givenName": "Grace"})
        assert (await connector.read(made.remote_id)).active is False

    async def test_a_deleted_account_is_gone(self, connector: Connector) -> None:
        made = await self.made(connector)
        await connector.delete(made.remote_id)
        for again in (
            connector.delete(made.remote_id),
            connector.read(made.remote_id),
            connector.disable(made.remote_id),
            connector.update(made.remote_id, {"name.givenName": "Grace"}),
        ):
            with pytest.raises(NotFound):
                await again
        assert made.remote_id not in await _listed(connector)

    async def test_a_listing_is_complete(self, connector: Connector) -> None:
        made = await asyncio.gather(*(self.made(connector) for _ in range(self.many)))
        assert len({one.remote_id for one in made}) == self.many
        listed = await _listed(connector)
        assert {one.remote_id for one in made} <= listed.keys()
        for one in made:
            found = listed[one.remote_id].load()
            assert found.remote_id == one.remote_id
            assert found.fingerprint == listed[one.remote_id].fingerprint
            assert found.active is True
            _assert_same(found.attributes, one.attributes)

    async def test_the_fingerprint_tells_changes(self, connector: Connector) -> None:
        made = await self.made(connector)
        other = await self.made(connector)
        seen = [(await _listed(connector))[made.remote_id].fingerprint]
        assert seen[0] == made.fingerprint
        still = (await _listed(connector))[other.remote_id].fingerprint
        for step in (
            connector.update(made.remote_id, {"name.givenName": "Grace"}),
            connector.disable(made.remote_id),
            connector.update(made.remote_id, {self.clearable: None}),
        ):
            await step
            listed = await _listed(connector)
            assert listed[made.remote_id].fingerprint not in seen
            assert listed[other.remote_id].fingerprint == still
            seen.append(listed[made.remote_id].fingerprint)

    @pytest.mark.parametrize(
        "name", ["Žofie Nováková", "李小龍", "Nguyễn Thị Hương", "O'Neil-Ünal"]
    )
    async def test_names_are_kept_as_they_are(self, connector: Connector, name: str) -> None:
        made = await self.made(connector, **{"name.familyName": name})
        read = await connector.read(made.remote_id)
        _assert_same(read.attributes, {**made.attributes, "name.familyName": name})
        found = await connector.find("name.familyName", name)
        assert made.remote_id in {account.remote_id for account in found}

    async def test_members_are_added_and_removed_as_a_difference(
        self, connector: Connector
    ) -> None:
        group = await self.group(connector)
        one, two, three = [(await self.made(connector)).remote_id for _ in range(3)]
        for add, remove, left in (
            ([one, two], [], {one, two}),
            ([one, two], [], {one, two}),
            ([three], [one], {two, three}),
            ([], [one], {two, three}),
            ([], [two, three], set()),
        ):
            await connector.change_members("group", group.remote_id, add=add, remove=remove)
            assert await _members(connector, group.remote_id) in (left, None)

    async def test_a_group_may_be_large(self, connector: Connector) -> None:
        group = await self.group(connector)
        made = await asyncio.gather(*(self.made(connector) for _ in range(120)))
        everyone = [account.remote_id for account in made]
        await connector.change_members("group", group.remote_id, add=everyone)
        assert await _members(connector, group.remote_id) in (set(everyone), None)
        await connector.change_members("group", group.remote_id, remove=everyone[1:])
        assert await _members(connector, group.remote_id) in ({everyone[0]}, None)

    async def test_members_of_no_group_cannot_be_changed(self, connector: Connector) -> None:
        group = await self.group(connector)
        made = await self.made(connector)
        with pytest.raises(NotFound):
            await connector.change_members(
                "group", group.remote_id[:-4] + "ffff", add=[made.remote_id]
            )

    async def test_several_changes_in_one_request_are_as_each_alone(
        self, connector: Connector
    ) -> None:
        if not isinstance(connector, Bulking):
            pytest.skip("this connector sends each change alone")
        one, two, three = [await self.made(connector) for _ in range(3)]
        name, wanted = str(one.attributes["userName"]), self.sample()
        made, taken, changed, missing, *rest = await connector.bulk(
            [
                Change("create", attributes=wanted, external_id=uuid.uuid4().hex),
                Change("create", attributes=self.sample(name), external_id=uuid.uuid4().hex),
                Change("update", one.remote_id, {self.clearable: None, "name.givenName": "Zoe"}),
                Change("update", one.remote_id[:-4] + "ffff", {"name.givenName": "Zoe"}),
                Change("disable", two.remote_id),
                Change("delete", three.remote_id),
            ]
        )
        assert isinstance(made, RemoteAccount), made
        _assert_same((await connector.read(made.remote_id)).attributes, wanted)
        assert isinstance(taken, self.refusal), taken
        assert isinstance(missing, NotFound), missing
        read = (await connector.read(one.remote_id)).attributes
        assert (changed, read.get(self.clearable)) == (None, None)
        assert read["name.givenName"] == "Zoe"
        if connector.capabilities.disable and connector.capabilities.enable:
            assert rest[0] is None
            assert (await connector.read(two.remote_id)).active is False
        if connector.capabilities.delete:
            assert rest[1] is None

    async def test_a_trial_fails_nowhere_and_leaves_nothing(self, connector: Connector) -> None:
        async def tell(step: Step) -> None:
            pass

        mark = leftovers.mark()
        found = await trial.run(connector, tell, canary=self.sample(mark), name=mark)
        failed = [step for step in found.steps if step.outcome is Outcome.FAILS]
        assert not failed, failed
        assert found.left == []
        listed = await _listed(connector)
        assert mark not in {one.load().attributes.get("userName") for one in listed.values()}

    async def test_what_it_cannot_do_it_says(self, connector: Connector) -> None:
        with pytest.raises(Unsupported) as told:
            await connector.change_members("spell", "1", add=["2"])
        assert told.value.instructions

    async def group(self, connector: Connector) -> RemoteEntitlement:
        """A new group, which a listing shows; skips where there are none."""
        if not connector.capabilities.create_entitlements:
            pytest.skip("this application has no groups that we can make")
        name = f"Group {uuid.uuid4().hex[:8]}"
        made = await connector.create_entitlement("group", name)
        assert (made.kind, made.name) == ("group", name)
        assert made.remote_id in {one.remote_id async for one in connector.entitlements()}
        return made


async def _listed(connector: Connector) -> dict[str, Listed]:
    return {one.remote_id: one async for page in connector.accounts() for one in page}


async def _members(connector: Connector, remote_id: str) -> set[str] | None:
    async for one in connector.entitlements():
        if one.remote_id == remote_id:
            return None if one.members is None else set(one.members)
    raise AssertionError(f"the group {remote_id} is not listed")


def _assert_same(shown: Mapping[str, Value], wanted: Mapping[str, Value | None]) -> None:
    different = {
        name: (shown.get(name), value)
        for name, value in wanted.items()
        if not same(value, shown.get(name))
    }
    assert different == {}
