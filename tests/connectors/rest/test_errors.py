"""What an answer means, by default and by rules; and what is not known is not taken for done."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import web

from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tests.connectors.rest.scripted import Handler, opened, spec, user


def always(status: int, body: Any = None, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers=headers)

    return handler


async def made(written: dict[str, Any], handler: Handler) -> ConnectorError:
    async with opened(written, handler) as connector:
        with pytest.raises(ConnectorError) as told:
            await connector.create({"userName": "ada"}, external_id="1", active=True)
    return told.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, StopApplication),
        (403, StopApplication),
        (404, NotFound),
        (409, AlreadyExists),
        (405, Unsupported),
        (429, RetryLater),
        (503, RetryLater),
        (500, OutcomeUnknown),
        (504, OutcomeUnknown),
        (422, Rejected),
    ],
)
async def test_statuses(status: int, kind: type[ConnectorError]) -> None:
    error = await made(spec(), always(status, {"message": "because"}))
    assert type(error) is kind or isinstance(error, kind)
    assert f"answered {status}: because" in str(error)


@pytest.mark.parametrize(
    ("means", "kind"),
    [
        ("not_found", NotFound),
        ("already_exists", AlreadyExists),
        ("rejected", Rejected),
        ("retry_later", RetryLater),
        ("stop", StopApplication),
        ("unsupported", Unsupported),
        ("unknown", OutcomeUnknown),
        ("sign_in_again", StopApplication),
    ],
)
async def test_rules(means: str, kind: type[ConnectorError]) -> None:
    rules = [
        {"status": 418, "matches": "other", "means": "retry_later"},
        {"when": "=body.error.code == 7", "means": means, "message": "Do this."},
    ]
    written = spec(errors={"message": ["error.text"], "rules": rules})
    error = await made(written, always(200, {"error": {"code": 7, "text": "inside"}}))
    assert type(error) is kind or (kind is Rejected and isinstance(error, Rejected))
    assert str(error) == "POST /users was answered 200: inside. Do this."


async def test_rules_of_the_request_come_first() -> None:
    rule = {"status": "4xx", "means": "already_exists"}
    create = {"request": "POST /users", "body": "=attributes", "errors": [rule]}
    written = spec(requests={"create": create}, errors={"rules": [{**rule, "means": "stop"}]})
    assert isinstance(await made(written, always(400)), AlreadyExists)


async def test_a_rule_that_matches_text_leaves_good_answers_alone() -> None:
    rules = [{"matches": "ada", "means": "stop"}]
    get = {"request": "GET /users/{id}"}
    written = spec(requests={"get": get}, errors={"rules": rules})
    async with opened(written, always(200, {**user(1), "login": "ada"})) as connector:
        assert (await connector.read("1")).attributes == {"userName": "ada"}


async def test_what_is_refused_names_the_attribute() -> None:
    error = await made(spec(), always(400, {"message": "login is too short"}))
    assert isinstance(error, Rejected)
    assert error.fields == ("userName",)


async def test_done_means_that_it_was_so_already() -> None:
    off = {"request": "POST /users/{id}/off", "errors": [{"status": 304, "means": "done"}]}
    async with opened(spec(requests={"disable": off}), always(304)) as connector:
        await connector.disable("1")


async def test_a_header_of_their_own_says_when_there_is_more() -> None:
    limits = {"reset": "X-Reset", "reset_is": "epoch"}
    handler = always(429, {}, **{"X-Reset": str(int(time.time()) + 90)})
    error = await made(spec(limits=limits), handler)
    assert isinstance(error, RetryLater)
    assert error.after is not None
    assert 60 < error.after <= 91


async def test_nothing_is_sent_when_nothing_is_left() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        headers = {"X-Left": "0", "X-Reset": "3600"}
        return web.json_response(user(1), headers=headers)

    limits = {"remaining": "X-Left", "reset": "X-Reset"}
    async with opened(spec(limits=limits), handler) as connector:
        await connector.read("1")
        with pytest.raises(RetryLater, match="asked us to wait") as told:
            await connector.read("1")
    assert asked == ["/users/1"]
    assert told.value.after is not None
    assert told.value.after > 3000


@pytest.mark.parametrize(
    ("body", "told"),
    [({"ok": True}, "without an id"), (None, "without an id"), ({"id": {"x": 1}}, "without an id")],
)
async def test_a_creation_without_an_id_is_not_known(body: Any, told: str) -> None:
    error = await made(spec(), always(200, body))
    assert isinstance(error, OutcomeUnknown)
    assert told in str(error)


async def test_a_creation_that_cannot_be_read_back_is_not_known() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.json_response({"id": "1"})
        return web.json_response({}, status=500)

    error = await made(spec(), handler)
    assert isinstance(error, OutcomeUnknown)
    assert "1 could not be read" in str(error)


async def test_an_account_that_could_not_be_closed_is_not_forgotten() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("/off"):
            return web.json_response({}, status=400)
        return web.json_response(user(1), status=201 if request.method == "POST" else 200)

    async with opened(spec(), handler) as connector:
        with pytest.raises(OutcomeUnknown, match="was made, but could not be closed"):
            await connector.create({"userName": "u1"}, external_id="1", active=False)


async def test_the_second_step_failed_so_the_first_is_looked_for() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/users/1/more":
            return web.json_response({"message": "no"}, status=400)
        return web.json_response(user(1))

    steps = [
        {"request": "POST /users", "body": "=attributes", "save": "made"},
        {"request": "POST /users/{steps.made.body.id}/more", "body": {}},
    ]
    error = await made(spec(requests={"create": steps}), handler)
    assert isinstance(error, OutcomeUnknown)
    assert "before this: POST /users/1/more was answered 400" in str(error)


async def test_another_status_than_expected_is_not_taken_for_success() -> None:
    create = {"request": "POST /users", "body": "=attributes", "status": [201], "item": "."}
    error = await made(spec(requests={"create": create}), always(202, user(1)))
    assert isinstance(error, OutcomeUnknown)
    assert "answered 202, and 201 was expected (requests.create)" in str(error)


async def test_a_web_page_is_no_answer() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text="<html><body>Sign in</body></html>", content_type="text/html")

    assert isinstance(await made(spec(), handler), OutcomeUnknown)
    async with opened(spec(), handler) as connector:
        with pytest.raises(StopApplication, match="web page"):
            await connector.read("1")


async def test_an_answer_may_not_be_larger_than_its_limit() -> None:
    written = spec(limits={"largest_answer": 1})
    async with opened(written, always(200, {"id": "1", "login": "x" * 2_000_000})) as connector:
        with pytest.raises(StopApplication, match="more than 1024 KiB"):
            await connector.read("1")


async def test_what_it_cannot_do_a_person_is_told_to() -> None:
    written = spec(cannot={"delete": "Press Delete under Users."})
    async with opened(written, always(200)) as connector:
        assert connector.capabilities.delete is False
        with pytest.raises(Unsupported, match="Odd has no way to delete") as told:
            await connector.delete("1")
        assert told.value.instructions == "Press Delete under Users."
        with pytest.raises(Unsupported) as told:
            await connector.enable("1")
        assert "enable it there" in told.value.instructions


async def test_what_never_changes_is_not_sent() -> None:
    account = {"attributes": {"userName": {"path": "login", "fixed": True}}}
    async with opened(spec(account=account), always(500)) as connector:
        with pytest.raises(Rejected, match="does not change userName") as told:
            await connector.update("1", {"userName": "new"})
    assert told.value.fields == ("userName",)


async def test_requests_to_other_hosts_are_not_made_of_data() -> None:
    written = spec(requests={"disable": {"request": "POST https://{id}.example.com/off"}})
    with pytest.raises(ValueError, match="host may be made of settings only"):
        async with opened(written, always(200)):
            pass


async def test_somebody_else_is_never_taken_for_who_was_asked_for() -> None:
    async with opened(spec(), always(200, user(2))) as connector:
        with pytest.raises(StopApplication, match="1 was asked for, and 2 was answered"):
            await connector.read("1")
        # Whoever is asked for by name is there by it.
        assert (await connector.read("U2")).remote_id == "2"


async def test_a_search_that_stands_for_reading_is_looked_through() -> None:
    get = {"request": "GET /users", "query": {"id": "=id"}, "items": "users"}
    everyone = {"users": [user(1), user(2), user(3)]}
    async with opened(spec(requests={"get": get}), always(200, everyone)) as connector:
        assert (await connector.read("2")).attributes == {"userName": "u2"}
        with pytest.raises(NotFound):
            await connector.read("9")


async def test_a_creation_that_is_answered_with_something_else_is_not_known() -> None:
    create = {"request": "POST /users", "body": "=attributes", "item": "user"}
    error = await made(spec(requests={"create": create}), always(200, {"user": {"x": 1}}))
    assert isinstance(error, OutcomeUnknown)
    assert "not with the account" in str(error)


async def test_half_of_a_character_pair_is_not_sent() -> None:
    for create in (
        {"request": "POST /users", "body": "=attributes"},
        {"request": "POST /users/{account.userName}"},
        {"request": "POST /users", "form": {"name": "=account.userName"}},
        {"request": "POST /users", "query": {"name": "=account.userName"}},
    ):
        async with opened(spec(requests={"create": create}), always(500)) as connector:
            with pytest.raises(Rejected):
                await connector.create({"userName": "\ud800"}, external_id="1", active=True)
