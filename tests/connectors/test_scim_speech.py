"""What a dialect says is done, what is found out is kept to, and nothing is risked to find out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    Limits,
    NotFound,
    Rejected,
    RemoteAccount,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.scim import ScimConnector, declared
from tenure.connectors.scim.dialect import Dialect, Pace
from tenure.connectors.scim.opening import kept_limits
from tests.connectors.odd_patch import Refused
from tests.connectors.odd_scim import Odd, Quirks, odd_scim
from tests.connectors.test_scim_dialects import config


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    declared.forget()
    yield
    declared.forget()


@asynccontextmanager
async def connected(
    quirks: Quirks, kind: type[Odd] = Odd, **dialect: Any
) -> AsyncIterator[tuple[Odd, ScimConnector]]:
    async with odd_scim(quirks, kind) as odd, open_connector("scim", config(odd, dialect)) as made:
        assert isinstance(made, ScimConnector)
        yield odd, made


async def made(connector: Connector, name: str = "ann") -> RemoteAccount:
    attributes = {"userName": name, "emails.work": f"{name}@example.com", "title": "Clerk"}
    return await connector.create(attributes, external_id=f"x-{name}", active=True)


# Versions.


async def test_a_change_that_is_too_late_is_made_anew_to_what_is_there() -> None:
    async with connected(Quirks(etags="offered", patch="none")) as (odd, connector):
        account = await made(connector)

        def somebody_else(user: dict[str, Any]) -> None:
            user["nickName"], user["meta"] = "Annie", {"version": 'W/"7"'}

        odd.meanwhile = somebody_else
        await connector.update(account.remote_id, {"title": "Lead"})
        (user,) = odd.users.values()
        assert (user["title"], user["nickName"]) == ("Lead", "Annie")


async def test_one_that_is_always_too_late_comes_again_later() -> None:
    class Restless(Odd):
        def _unchanged(self, request: Any, resource: dict[str, Any]) -> None:
            resource["meta"] = {"version": f'W/"{len(self.asked)}"'}
            raise Refused(412, "somebody was quicker")

    quirks = Quirks(etags="offered", patch="none")
    async with connected(quirks, Restless) as (odd, connector):
        account = await made(connector)
        with pytest.raises(RetryLater):
            await connector.update(account.remote_id, {"title": "Lead"})
        assert [method for method, _ in odd.asked].count("PUT") == 2


# Lists.


async def test_a_cursor_that_is_forgotten_meanwhile_loses_nobody() -> None:
    class Forgetful(Odd):
        def _start(self, request: Any) -> int:
            if request.query.get("cursor") == "c4" and self.bodies[-1:] != ["forgot"]:
                self.bodies.append("forgot")
                raise Refused(400, "that cursor is too old", "expiredCursor")
            return super()._start(request)

    async with connected(Quirks(pages="cursor", largest=4), Forgetful) as (odd, connector):
        for number in range(10):
            odd._create_user({"userName": f"u{number}"})
        listed = {one.remote_id async for page in connector.accounts() for one in page}
        assert listed == set(odd.users)


async def test_the_same_cursor_for_ever_is_an_error() -> None:
    class Stuck(Odd):
        def _start(self, request: Any) -> int:
            return 0

    async with connected(Quirks(pages="cursor", largest=2), Stuck) as (odd, connector):
        for number in range(5):
            odd._create_user({"userName": f"u{number}"})
        with pytest.raises(StopApplication, match="cursor that was used before"):
            [page async for page in connector.accounts()]


async def test_a_part_of_those_who_are_there_is_not_taken_for_all() -> None:
    class Cut(Odd):
        def _sent(self, body: dict[str, Any], status: int = 200) -> Any:
            if "Resources" in body:
                body = {**body, "totalResults": 99}
            return super()._sent(body, status)

    async with connected(Quirks(pages="none"), Cut) as (odd, connector):
        odd._create_user({"userName": "ann"})
        with pytest.raises(StopApplication, match="there are 99 and shows 1"):
            [page async for page in connector.accounts()]


async def test_what_it_says_of_itself_is_asked_once() -> None:
    async with odd_scim(Quirks()) as odd:
        for _ in range(3):
            async with open_connector("scim", config(odd, {})) as connector:
                [page async for page in connector.accounts()]
        assert odd.asked.count(("GET", "/ServiceProviderConfig")) == 1


# Searches.


async def test_many_searches_where_filters_are_ignored_list_everybody_once() -> None:
    async with connected(Quirks(filters="ignored", declares=False)) as (odd, connector):
        for number in range(30):
            odd._create_user({"userName": f"u{number}"})
        for number in range(30):
            (found,) = await connector.find("userName", f"U{number}")
            assert found.attributes["userName"] == f"u{number}"
        assert await connector.find("userName", "nobody") == []
        lists = odd.asked.count(("GET", "/Users"))
        # One to see that the filter is ignored, and everybody page by page.
        assert lists <= 1 + 4 + 4


async def test_whom_a_filter_hides_is_found_once_the_name_is_taken() -> None:
    async with connected(Quirks(hidden=frozenset({"ann"}))) as (odd, connector):
        odd._create_user({"userName": "ann"})
        assert await connector.find("userName", "ann") == []
        with pytest.raises(AlreadyExists):
            await made(connector)
        (found,) = await connector.find("userName", "ann")
        assert found.remote_id in odd.users


async def test_an_account_that_was_just_made_is_in_the_index() -> None:
    async with connected(Quirks(filters="ignored", declares=False)) as (_, connector):
        await made(connector, "first")
        assert len(await connector.find("userName", "first")) == 1
        await made(connector, "second")
        assert len(await connector.find("userName", "second")) == 1


# Groups: nothing is risked.


async def group_of(odd: Odd, count: int) -> tuple[str, list[str]]:
    users = [odd._create_user({"userName": f"u{number}"})["id"] for number in range(count)]
    entries = [{"value": one, "$ref": "x"} for one in users]
    return odd._create_group({"displayName": "Staff", "members": entries})["id"], users


@pytest.mark.parametrize("members_remove", ["list", "broken"])
async def test_removing_one_never_removes_everybody(members_remove: Any) -> None:
    """By the standard `remove` of `members` with values removes all, so it is never just tried."""
    async with connected(Quirks(members_remove=members_remove)) as (odd, connector):
        group, users = await group_of(odd, 4)
        await connector.change_members("group", group, remove=[users[0]])
        assert odd.groups[group]["members"] == users[1:]
        sent = [o for body in odd.bodies for o in body.get("Operations", ())]
        assert not [one for one in sent if one["op"] == "remove" and one["path"] == "members"]


async def test_a_group_whose_members_are_hidden_is_never_written_whole() -> None:
    quirks = Quirks(members="never", members_change="put")
    async with connected(quirks) as (odd, connector):
        group, users = await group_of(odd, 4)
        for change in ({"remove": [users[0]]}, {"add": [users[0]]}):
            with pytest.raises(Unsupported):
                await connector.change_members("group", group, **change)
        assert odd.groups[group]["members"] == users


async def test_a_search_for_members_that_is_ignored_says_nothing_of_them() -> None:
    quirks = Quirks(members="never", filters="ignored")
    async with connected(quirks, members={"shown": "filter"}) as (odd, connector):
        await group_of(odd, 3)
        assert [one.members async for one in connector.entitlements()] == [None]


@pytest.mark.parametrize("status", [400, 404])
async def test_a_search_that_refuses_groups_that_are_not_there_is_not_ignored(status: int) -> None:
    class Strict(Odd):
        def _filtered(self, text: str | None, every: list[Any]) -> list[Any]:
            if text and text.startswith("groups.value") and not any(g in text for g in self.groups):
                raise Refused(status, "there is no such group")
            return super()._filtered(text, every)

    async with connected(Quirks(members="never"), Strict, members={"shown": "filter"}) as (odd, c):
        _, users = await group_of(odd, 3)
        assert [one.members async for one in c.entitlements()] == [frozenset(users)]


async def test_members_who_cannot_be_changed_are_a_persons_task() -> None:
    async with connected(Quirks(), members={"by": "none"}) as (odd, connector):
        group, users = await group_of(odd, 2)
        with pytest.raises(Unsupported) as told:
            await connector.change_members("group", group, remove=[users[0]])
        assert users[0] in told.value.instructions


async def test_a_member_who_is_refused_is_told_after_one_more_try() -> None:
    async with connected(Quirks()) as (odd, connector):
        group, users = await group_of(odd, 2)
        with pytest.raises(Rejected, match="no user stranger"):
            await connector.change_members("group", group, add=["stranger"])
        assert odd.groups[group]["members"] == users


async def test_an_error_of_scim_1_is_told_in_its_own_words() -> None:
    async with connected(Quirks(version="1.1"), version="1.1") as (_, connector):
        with pytest.raises(Rejected, match="userName is missing"):
            await connector.create({"title": "Clerk"}, external_id="1", active=True)


# What the dialect says of accounts.


async def test_leaving_a_group_is_what_closes_an_account() -> None:
    dialect = {"by": "group", "group": "Staff"}
    async with connected(Quirks(off="refused", members="users"), off=dialect) as (odd, connector):
        odd._create_group({"displayName": "Staff"})
        account = await made(connector)
        for verb, active in ((connector.enable, True), (connector.disable, False)) * 2:
            await verb(account.remote_id)
            await verb(account.remote_id)
            assert (await connector.read(account.remote_id)).active is active
        assert [u["active"] for u in odd.users.values()] == [True]


async def test_a_group_that_is_not_there_is_named() -> None:
    dialect = {"by": "group", "group": "Staff"}
    async with connected(Quirks(), off=dialect) as (_, connector):
        account = await made(connector)
        with pytest.raises(NotFound, match="no group 'Staff'"):
            await connector.disable(account.remote_id)


async def test_where_only_deleting_closes_that_is_done() -> None:
    async with connected(Quirks(), off={"by": "delete"}) as (odd, connector):
        assert connector.capabilities.disable_deletes
        account = await made(connector)
        await connector.disable(account.remote_id)
        assert odd.users == {}
        with pytest.raises(Unsupported):
            await connector.enable(account.remote_id)
        assert not connector.capabilities.enable


async def test_what_cannot_be_done_is_a_persons_task() -> None:
    dialect: dict[str, Any] = {
        "off": {"by": "none"},
        "delete": "unsupported",
        "changes": {"by": "none"},
    }
    async with connected(Quirks(), **dialect) as (odd, connector):
        account = await made(connector)
        for doing in (
            connector.disable(account.remote_id),
            connector.enable(account.remote_id),
            connector.delete(account.remote_id),
            connector.update(account.remote_id, {"title": "Lead"}),
        ):
            with pytest.raises(Unsupported) as told:
                await doing
            assert told.value.instructions
        can = connector.capabilities
        assert not any((can.disable, can.enable, can.delete, can.update))
        assert [user["title"] for user in odd.users.values()] == ["Clerk"]


async def test_what_can_be_changed_is_and_the_rest_is_told() -> None:
    async with connected(Quirks(), changes={"only": ["title"]}) as (odd, connector):
        account = await made(connector)
        with pytest.raises(Unsupported, match=r"emails\.work cannot be changed"):
            await connector.update(account.remote_id, {"title": "Lead", "emails.work": "b@x.com"})
        (user,) = odd.users.values()
        assert (user["title"], user["emails"][0]["value"]) == ("Lead", "ann@example.com")


async def test_what_is_known_to_be_refused_is_not_sent() -> None:
    dialect: dict[str, Any] = {"required": ["displayName"], "user_name": "email"}
    async with connected(Quirks(), **dialect) as (odd, connector):
        with pytest.raises(Rejected, match="without displayName") as told:
            await made(connector)
        assert told.value.fields == ("displayName",)
        attributes = {"userName": "ann", "displayName": "Ann"}
        with pytest.raises(Rejected, match="e-mail addresses") as told:
            await connector.create(attributes, external_id="1", active=True)
        assert told.value.fields == ("userName",)
        assert odd.asked == []


async def test_headers_types_and_schemas_are_as_they_are_said() -> None:
    seen: list[Any] = []

    class Curious(Odd):
        async def _answer(self, request: Any, parts: list[str]) -> Any:
            seen.append(request.headers)
            return await super()._answer(request, parts)

    extension = "urn:example:1.0:User"
    async with connected(
        Quirks(),
        Curious,
        headers={"X-Tenant": "7", "Accept": "application/scim+json"},
        content_type="application/json",
        schemas=[extension],
    ) as (odd, connector):
        await made(connector)
        assert (seen[-1]["X-Tenant"], seen[-1]["Accept"]) == ("7", "application/scim+json")
        assert seen[-1]["Content-Type"] == "application/json"
        assert extension in odd.bodies[-1]["schemas"]


def test_limits_are_the_applications_own_before_the_dialects() -> None:
    pace = Pace(reads=5, writes=2, burst=3, concurrency=4)
    assert kept_limits(Limits(), pace) == Limits(5, 2, 3, 4)
    own = Limits(reads=1, writes=1, burst=7, concurrency=2)
    assert kept_limits(own, pace) == own
    assert kept_limits(Limits(), Pace()) == Limits()


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        ({"off": {"by": "group"}}, "needs the group's name"),
        ({"off": {"group": "Staff"}}, "needs the group's name"),
        ({"pages": {"by": "page"}}, "'index', 'cursor' or 'none'"),
        ({"headers": {"X Y": "1"}}, "pattern"),
        ({"headers": {"X": "a\r\nb"}}, "pattern"),
        ({"headers": {"authorization": "Bearer x"}}, "credentials are secrets"),
        ({"patch": True}, "Extra inputs"),
        ({"schemas": ["User"]}, "pattern"),
    ],
)
def test_a_mistake_in_a_dialect_is_named(dialect: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Dialect.model_validate(dialect)


def test_a_dialect_is_written_as_short_as_a_person_would() -> None:
    assert Dialect().written() == {}
    said = {"filters": [], "pages": {"count": False}}
    assert Dialect.model_validate(said).written() == said


async def test_who_owns_it_is_told_by_the_attribute_that_the_dialect_names() -> None:
    async with connected(Quirks(), owners={"value": "Admin"}) as (odd, connector):
        for name in ("one", "two"):
            await connector.create({"userName": name}, external_id=name, active=True)
        one, _ = odd.users
        odd.users[one]["roles"] = [{"value": "admin"}, {"value": "user"}]
        assert [len(page) async for page in connector.accounts()] == [2]
        assert await connector.owners() == frozenset({one})
    async with connected(Quirks()) as (odd, connector):
        assert [page async for page in connector.accounts()] == []
        assert await connector.owners() is None
