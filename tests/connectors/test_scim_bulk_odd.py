"""Single items of a bulk request that are refused, limits that are not as announced, and stops that
come in the middle of it."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    Change,
    NotBegun,
    OutcomeUnknown,
    RemoteAccount,
    RetryLater,
    StopApplication,
)
from tenure.connectors.scim.declared import understood
from tests.connectors.odd_bulk import BulkQuirks
from tests.connectors.odd_patch import Refused
from tests.connectors.test_scim_bulk import (
    _nothing_is_known,  # noqa: F401 - a fixture of every test
    bulks,
    new,
    opened,
)


def plain(*numbers: int) -> list[Change]:
    """Accounts that can be said in one way only."""
    return [
        Change("create", attributes={"userName": f"p{n}@acme.example"}, external_id=f"x{n}")
        for n in numbers
    ]


def one_in(status: int, verb: str = "POST", number: str = "p2@") -> Any:
    """Refuses that one item, in bulk requests only."""

    def refuses(one: dict[str, Any]) -> Refused | None:
        meant = one["method"] == verb and number in str(one.get("data"))
        return Refused(status, "not this one") if meant else None

    return refuses


@pytest.mark.parametrize("status", [413, 414, 424, 431, 302])
async def test_what_the_others_stand_in_the_way_of_goes_alone(status: int) -> None:
    async with opened(BulkQuirks(refuses=one_in(status))) as (odd, connector):
        found = await connector.bulk(plain(1, 2, 3))
        assert [type(answer) for answer in found] == [RemoteAccount] * 3
        assert (bulks(odd), len(odd.users)) == (1, 3)
        assert odd.asked.count(("POST", "/Users")) == 1
        assert (await connector.together()).most > 2, "the others travel on"


async def test_what_is_too_large_alone_too_says_so() -> None:
    async with opened(BulkQuirks(refuses=one_in(413))) as (odd, connector):
        odd.largest_request = 100
        found = await connector.bulk(plain(1, 2, 3))
        assert [type(answer) for answer in found] == [RemoteAccount, HttpRejected, RemoteAccount]
        assert "too large" in str(found[1])
        assert "map" in str(found[1])


@pytest.mark.parametrize("status", [412, 423, 425, 503])
async def test_what_is_in_the_way_for_now_is_tried_again(status: int) -> None:
    async with opened() as (odd, connector):
        one, two = await connector.bulk(new(1, 2))
        odd.bulk.refuses = lambda item: (
            Refused(status, "not now") if two.remote_id in item["path"] else None
        )
        changes = [Change("disable", one.remote_id), Change("disable", two.remote_id)]
        found = await connector.bulk(changes)
        assert [type(answer) for answer in found] == [type(None), RetryLater]


@pytest.mark.parametrize(
    "quirks",
    [
        BulkQuirks(headers={"Retry-After": "17"}),
        BulkQuirks(retry_after="17"),
    ],
)
async def test_a_single_one_that_comes_too_soon_is_waited_for_as_asked(quirks: BulkQuirks) -> None:
    quirks.refuses = one_in(429)
    async with opened(quirks) as (_, connector):
        found = await connector.bulk(plain(1, 2, 3))
        assert [type(answer) for answer in found] == [RemoteAccount, RetryLater, RemoteAccount]
        assert found[1].after == 17


async def test_one_account_that_may_not_be_made_says_nothing_of_the_credentials() -> None:
    async with opened(BulkQuirks(refuses=one_in(403))) as (_, connector):
        found = await connector.bulk(plain(1, 2, 3))
        assert [type(answer) for answer in found] == [RemoteAccount, HttpRejected, RemoteAccount]
    async with opened(BulkQuirks(refuses=lambda _: Refused(403, "nobody"))) as (_, connector):
        found = await connector.bulk(plain(1, 2, 3))
        assert [type(answer) for answer in found] == [StopApplication] * 3


@pytest.mark.parametrize("code", ["", "uniqueness"])
async def test_a_conflict_of_the_whole_is_nobodys_conflict(code: str) -> None:
    """Which of them it speaks of is not known: none is taken for refused, none made twice."""
    quirks = BulkQuirks(works=400 if code else 409, code=code)
    async with opened(quirks) as (_, connector):
        found = await connector.bulk(new(1, 2))
        assert [type(answer) for answer in found] == [OutcomeUnknown] * 2


async def test_one_that_is_far_too_large_does_not_make_the_others_travel_alone() -> None:
    async with opened(BulkQuirks(bytes=4000, says=1_000_000)) as (odd, connector):
        some = new(*range(16))
        large = Change("create", "", {**some[3].attributes, "displayName": "x" * 5000}, "x3")
        await connector.bulk(new(*range(100, 108)))
        found = await connector.bulk([*some[:3], large, *some[4:]])
        assert [type(answer) for answer in found] == [RemoteAccount] * 16
        assert (await connector.together()).most >= 8
        assert odd.asked.count(("POST", "/Users")) <= 2


async def test_ids_may_come_back_as_numbers() -> None:
    async with opened(BulkQuirks(ids="numbers")) as (_, connector):
        found = await connector.bulk(plain(1, 2, 3))
        assert [type(answer) for answer in found] == [RemoteAccount] * 3


async def test_a_stop_is_heard_between_two_requests_and_before_each_that_goes_alone() -> None:
    for quirks in (BulkQuirks(most=4), BulkQuirks(works=404)):
        async with opened(quirks) as (odd, connector):
            answers = await connector.bulk(new(*range(40)), halted=lambda: len(odd.users) >= 4)
            done = [answer for answer in answers if isinstance(answer, RemoteAccount)]
            assert 4 <= len(done) == len(odd.users) <= 20
            assert {type(a) for a in answers} == {RemoteAccount, NotBegun}


async def test_an_address_that_goes_away_is_not_one_that_never_was() -> None:
    """What was done before a 404 of the whole nobody knows: it has worked before."""
    async with opened() as (odd, connector):
        await connector.bulk(new(1, 2))
        odd.bulk.works, odd.bulk.after = 404, True
        found = await connector.bulk(new(3, 4))
        assert [type(answer) for answer in found] == [OutcomeUnknown] * 2


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        (0, None),
        (-1, None),
        ("250", 250),
        (250.0, 250),
        ("many", None),
        (True, None),
        (1e400, None),
        (2**80, 2**80),
        (None, None),
        ("0", None),
    ],
)
def test_what_is_announced_as_a_limit(said: object, limit: int | None) -> None:
    told = understood({"bulk": {"supported": True, "maxOperations": said, "maxPayloadSize": said}})
    assert (told.bulk_operations, told.bulk_bytes) == (limit, limit)


async def test_a_limit_below_any_request_sends_each_alone() -> None:
    async with opened(BulkQuirks(bytes=10)) as (odd, connector):
        found = await connector.bulk(plain(1, 2, 3))
        assert [type(answer) for answer in found] == [RemoteAccount] * 3
        assert bulks(odd) == 0
