"""Several changes in one request: each has the outcome that it would have had alone, and what the
answer does not say is not known. Servers that are wrong about it are found out."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    AlreadyExists,
    Answered,
    Bulking,
    Change,
    ConnectorConfig,
    NotFound,
    OutcomeUnknown,
    RemoteAccount,
    RetryLater,
    StopApplication,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.scim import declared
from tests.connectors.odd_bulk import BulkQuirks, OddBulk
from tests.connectors.odd_scim import Quirks
from tests.connectors.servers import http_server

NAMES = frozenset({"userName", "displayName", "emails.work", "externalId"})
SEEDS = os.environ.get("TENURE_BULK_SEEDS", "1-30")


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    declared.forget()
    yield
    declared.forget()


@asynccontextmanager
async def opened(
    bulk: BulkQuirks | None = None, dialect: dict[str, Any] | None = None, seed: int = 0
) -> AsyncIterator[tuple[OddBulk, Any]]:
    odd = OddBulk(Quirks(), bulk=bulk or BulkQuirks(), dice=random.Random(seed))
    async with http_server(odd.handle) as address:
        odd.address = address
        settings = {"base_url": address, "dialect": dialect or {}}
        config = ConnectorConfig("odd", settings, {"token": "abcdef"}, NAMES)
        async with open_connector("scim", config) as connector:
            yield odd, connector


def new(*numbers: int) -> list[Change]:
    return [
        Change(
            "create",
            attributes={"userName": f"p{n}@acme.example", "emails.work": f"p{n}@acme.example"},
            external_id=f"x{n}",
        )
        for n in numbers
    ]


def bulks(odd: OddBulk) -> int:
    return odd.asked.count(("POST", "/Bulk"))


def names(odd: OddBulk) -> list[str]:
    return sorted(user["userName"] for user in odd.users.values())


async def test_each_has_its_own_outcome() -> None:
    async with opened() as (odd, connector):
        assert isinstance(connector, Bulking)
        assert (await connector.together()).most == 32
        one, two = await connector.bulk(new(1, 2))
        # The answer shows only where they are: what was sent is what is known, to be read later.
        assert isinstance(one, RemoteAccount)
        assert isinstance(two, RemoteAccount)
        assert one.attributes["emails.work"] == "p1@acme.example"
        assert (one.attributes["externalId"], one.active, one.fingerprint) == ("x1", True, b"")
        found = await connector.bulk(
            [
                Change(
                    "update", one.remote_id, {"displayName": "One", "emails.work": "o@a.example"}
                ),
                Change("disable", two.remote_id),
                *new(2),
                Change("delete", "nobody"),
                Change("update", "nobody", {"displayName": "?"}),
                Change("create", attributes={"displayName": "No name"}),
            ]
        )
        expected = [type(None), type(None), AlreadyExists, NotFound, NotFound, HttpRejected]
        assert [type(answer) for answer in found] == expected
        assert odd.users[one.remote_id]["displayName"] == "One"
        assert odd.users[two.remote_id]["active"] is False
        assert bulks(odd) == 2
        assert len(odd.asked) == 3  # The third asked what it can do.


@pytest.mark.parametrize(
    ("quirks", "dialect", "expected"),
    [
        (BulkQuirks(declared=False), {}, 0),
        (BulkQuirks(declared=False), {"bulk": {"use": True}}, 1),
        (BulkQuirks(), {"bulk": {"use": False}}, 0),
        (BulkQuirks(), {"version": "1.1"}, 0),
        (BulkQuirks(), {"bulk": {"operations": 2}}, 2),
    ],
)
async def test_the_dialect_says_whether(
    quirks: BulkQuirks, dialect: dict[str, Any], expected: int
) -> None:
    async with opened(quirks, dialect) as (odd, connector):
        offered = await connector.together()
        assert (offered.most > 1) == (expected > 0)
        assert offered.always == (dialect.get("bulk", {}).get("use") is True)
        if dialect.get("version") != "1.1":
            assert all(isinstance(a, RemoteAccount) for a in await connector.bulk(new(1, 2, 3, 4)))
        assert bulks(odd) == expected


@pytest.mark.parametrize("status", [404, 405, 501, 403])
async def test_a_server_that_has_none_is_believed_once(status: int) -> None:
    async with opened(BulkQuirks(works=status)) as (odd, connector):
        assert all(isinstance(a, RemoteAccount) for a in await connector.bulk(new(1, 2)))
        assert all(isinstance(a, RemoteAccount) for a in await connector.bulk(new(3, 4)))
        assert (bulks(odd), len(odd.users)) == (1, 4)
        assert (await connector.together()).most == 0
        assert any("bulk" in why for why in connector.fitted({})[1])


@pytest.mark.parametrize(
    ("status", "expected"), [(429, RetryLater), (503, RetryLater), (401, StopApplication)]
)
async def test_what_holds_for_all_of_them(status: int, expected: type[Exception]) -> None:
    async with opened(BulkQuirks(works=status)) as (odd, connector):
        found = await connector.bulk(new(1, 2))
        assert [type(answer) for answer in found] == [expected, expected]
        assert not odd.users


@pytest.mark.parametrize(("status", "after"), [(500, True), (502, False), (400, True)])
async def test_no_answer_means_that_nobody_knows(status: int, after: bool) -> None:
    async with opened(BulkQuirks(works=status, after=after)) as (_, connector):
        found = await connector.bulk(new(1, 2))
        assert [type(answer) for answer in found] == [OutcomeUnknown] * 2


async def test_too_much_is_sent_in_parts() -> None:
    async with opened(BulkQuirks(most=100, takes=5)) as (odd, connector):
        assert all(isinstance(a, RemoteAccount) for a in await connector.bulk(new(*range(16))))
        assert (max(odd.sizes), len(odd.users)) == (4, 16)
        assert (await connector.together()).most < 8
        before = bulks(odd), len(odd.sizes)
        for number in range(100, 148, 16):
            await connector.bulk(new(*range(number, number + 16)))
        assert bulks(odd) - before[0] == len(odd.sizes) - before[1], "nothing is refused again"
    async with opened(BulkQuirks(bytes=1500)) as (odd, connector):
        assert all(isinstance(a, RemoteAccount) for a in await connector.bulk(new(*range(16))))
        assert 1 < max(odd.sizes) < 8


async def test_where_less_is_taken_than_is_declared_that_is_learnt_at_once() -> None:
    async with opened(BulkQuirks(takes=20)) as (odd, connector):
        for number in range(0, 160, 32):
            some = new(*range(number, number + 32))
            assert all(isinstance(a, RemoteAccount) for a in await connector.bulk(some))
        assert bulks(odd) - len(odd.sizes) == 1, "one request is refused, not one in each batch"


async def test_what_an_answer_leaves_out_is_not_known_and_asked_one_by_one_from_then_on() -> None:
    async with opened(BulkQuirks(ends_after=1)) as (odd, connector):
        await connector.bulk(new(1, 2))
        found = await connector.bulk(new(3, 1, 4, 5))
        expected = [RemoteAccount, AlreadyExists, OutcomeUnknown, OutcomeUnknown]
        assert [type(answer) for answer in found] == expected
        assert len(odd.users) == 3
        assert (await connector.together()).most == 0


async def test_one_that_counts_each_operation_is_pressed_no_harder() -> None:
    dialect = {"bulk": {"counts": "operations"}, "limits": {"writes": 1000, "burst": 1}}
    async with opened(dialect=dialect) as (_, connector):
        await connector.bulk(new(*range(8)))
        assert connector._http._throttle.of(write=True)._tokens < -5


def drawn(dice: random.Random) -> BulkQuirks:
    works: Any = dice.choice(["yes"] * 6 + [404, 501, 413, 429, 500, 503])
    return BulkQuirks(
        works=works,
        after=works == 500 and dice.random() < 0.5,
        most=dice.choice([3, 10, 100]),
        takes=dice.choice([None, None, 4]),
        bytes=dice.choice([1200, 1_000_000]),
        status=dice.choice(["text", "number", "object"]),
        ids=dice.choice(["all", "all", "new", "none"]),
        locations=dice.choice(["absolute", "relative", "none"]),
        shows=dice.random() < 0.5,
        shuffled=dice.random() < 0.5,
        silent=dice.choice([0.0, 0.0, 0.1, 1.0]),
        ends_after=dice.choice([None, None, 2]),
        methods=dice.choice([BulkQuirks().methods, frozenset({"POST"})]),
    )


def changes(dice: random.Random, odd: OddBulk, fresh: Iterator[int]) -> list[Change]:
    found: list[Change] = []
    there = dice.sample(sorted(odd.users), min(len(odd.users), 6))
    for identifier in [*there, "nobody"]:
        verb: Literal["update", "disable", "enable", "delete"] = dice.choice(
            ["update", "disable", "enable", "delete"]
        )
        wanted = {"displayName": f"N{next(fresh)}"} if verb == "update" else {}
        found.append(Change(verb, identifier, wanted))
    found += new(*(next(fresh) for _ in range(dice.randint(0, 8))))
    going = {change.remote_id for change in found if change.verb == "delete"}
    staying = [user["userName"] for key, user in odd.users.items() if key not in going]
    if staying:
        found += new(int(staying[0][1:].split("@")[0]))
    dice.shuffle(found)
    return found


def wrong(
    odd: OddBulk, before: dict[str, Any], asked: Sequence[Change], told: Sequence[Answered]
) -> list[str]:
    """Where what was told is not what is."""
    found = []
    for change, answer in zip(asked, told, strict=True):
        done = _done(odd, before, change)
        if isinstance(answer, OutcomeUnknown):
            continue
        if isinstance(answer, Exception) and done and change.remote_id != "nobody":
            found.append(f"{change} was done, and is told as {answer!r}")
        if not isinstance(answer, Exception) and not done:
            found.append(f"{change} is told as done")
        if isinstance(answer, RemoteAccount) and (
            odd.users[answer.remote_id]["userName"] != change.attributes["userName"]
        ):
            found.append(f"{change} is taken for {answer}")
    return found


def _done(odd: OddBulk, before: dict[str, Any], change: Change) -> bool:
    user = odd.users.get(change.remote_id)
    match change.verb:
        case "create":
            name = change.attributes["userName"]
            return name in names(odd) and name not in before
        case "delete":
            return user is None
        case "update":
            return user is not None and user.get("displayName") == change.attributes["displayName"]
        case _:
            return user is not None and user["active"] is (change.verb == "enable")


def seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


async def test_whatever_a_server_does_nothing_is_told_that_is_not_so() -> None:
    for seed in seeds(SEEDS):
        declared.forget()
        dice = random.Random(seed)
        fresh = iter(range(1, 10_000))
        async with opened(drawn(dice), seed=seed) as (odd, connector):
            for change in new(*(next(fresh) for _ in range(4))):
                await connector.create(change.attributes, external_id="x", active=True)
            for _ in range(3):
                asked = changes(dice, odd, fresh)
                before = {user["userName"]: user for user in odd.users.values()}
                states = {key: dict(user) for key, user in odd.users.items()}
                # What is so already says nothing of who did it.
                asked = [
                    c
                    for c in asked
                    if c.verb not in {"enable", "disable"}
                    or c.remote_id not in states
                    or states[c.remote_id]["active"] is not (c.verb == "enable")
                ]
                told = await connector.bulk(asked)
                assert not wrong(odd, before, asked, told), f"TENURE_BULK_SEEDS={seed} {odd.bulk}"
                assert len(set(names(odd))) == len(odd.users)
