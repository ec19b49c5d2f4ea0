"""What becomes of a request when a directory falls silent, hangs up, is busy or shows only a part:
a small server that speaks LDAP and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
)
from tenure.connectors.ldap.ber import SET, bounds, element, elements, integer, octets, sequence
from tenure.connectors.ldap.connector import LdapConnector
from tenure.connectors.ldap.filters import present
from tenure.connectors.ldap.session import Session
from tenure.connectors.lease import may_write
from tenure.connectors.registry import open_connector
from tests.connectors.directories import certificate
from tests.connectors.servers import raw_server

BIND, SEARCH, MODIFY, ADD, DELETE, RENAME = 0x60, 0x63, 0x66, 0x68, 0x4A, 0x6C
ONE = "0b8e4c60-0000-4000-8000-000000000001"
PEOPLE = "ou=people,dc=x"
ADA = {"uid": ["ada"], "entryUUID": [ONE]}
#: Kind of request and its content -> what is sent back; None: the connection is closed.
Answers = Callable[[int, bytes], Iterable[bytes] | None]


def result(tag: int, code: int = 0, text: str = "") -> bytes:
    return element(tag, integer(code, 0x0A), octets(""), octets(text))


def entry(dn: str, attributes: dict[str, list[str]]) -> bytes:
    listed = [
        sequence(octets(name), element(SET, b"".join(map(octets, values))))
        for name, values in attributes.items()
    ]
    return element(0x64, octets(dn), sequence(*listed))


def there(kind: int, content: bytes) -> Iterable[bytes] | None:
    """Ada is the only one, and nothing goes wrong."""
    found = [entry(f"uid=ada,{PEOPLE}", ADA)] if kind == SEARCH else []
    done = {SEARCH: 0x65, MODIFY: 0x67, ADD: 0x69, DELETE: 0x6B}[kind]
    return [*found, result(done)]


@asynccontextmanager
async def connected(answers: Answers, **settings: Any) -> AsyncIterator[Connector]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = b""
        while data := await reader.read(65536):
            buffer += data
            while buffer:
                try:
                    start, stop = bounds(buffer, 0)
                except IndexError:
                    break
                if stop > len(buffer):
                    break
                (_, number), (kind, content), *_ = elements(buffer[start:stop])
                buffer = buffer[stop:]
                if kind in {0x42, 0x50}:
                    continue
                sent = [result(0x61)] if kind == BIND else answers(kind, content)
                if sent is None:
                    return
                for one in sent:
                    writer.write(sequence(octets(number, 0x02), one))
                await writer.drain()

    async with raw_server(talk) as address:
        given = {
            "url": address.replace("http", "ldap"),
            "plain": True,
            "bind_dn": "cn=us",
            "people_dn": PEOPLE,
            "timeouts": {"total": 0.5},
            **settings,
        }
        config = ConnectorConfig("odd", given, {"password": "a-secret-word"})
        async with open_connector("ldap", config) as connector:
            yield connector


def failing(kind: int, code: int, text: str = "") -> Answers:
    tags = {SEARCH: 0x65, MODIFY: 0x67, ADD: 0x69, DELETE: 0x6B}
    return lambda asked, content: (
        [result(tags[kind], code, text)] if asked == kind else there(asked, content)
    )


@pytest.mark.parametrize("sent", [None, []])
async def test_a_write_without_an_answer_may_have_arrived(sent: Any) -> None:
    def silent(kind: int, content: bytes) -> Any:
        return sent if kind == MODIFY else there(kind, content)

    async with connected(silent) as connector:
        with pytest.raises(OutcomeUnknown, match=r"MODIFY uid=ada.*is looked at before"):
            await connector.disable(ONE)


@pytest.mark.parametrize("sent", [None, [], [b"nonsense"]])
async def test_a_read_without_an_answer_is_read_again(sent: Any) -> None:
    async with connected(lambda kind, content: sent) as connector:
        with pytest.raises(RetryLater, match="read again later"):
            await connector.read(ONE)


async def test_a_process_that_stood_still_sends_nothing_more_of_one_account() -> None:
    """Another one may be at it by now. Reads do no harm."""
    sent: list[int] = []

    def heard(kind: int, content: bytes) -> Any:
        sent.append(kind)
        return [result(0x6D)] if kind == RENAME else there(kind, content)

    may_write.set(lambda: RENAME not in sent)
    async with connected(heard) as connector:
        with pytest.raises(RetryLater, match=r"MODIFY uid=ada.* was not sent.* stood still"):
            await connector.update(ONE, {"userName": "Ada", "title": "Clerk"})
        await connector.read(ONE)
    assert sent.count(RENAME) == 1
    assert MODIFY not in sent


async def test_a_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    calls = []

    def once(kind: int, content: bytes) -> Any:
        calls.append(kind)
        return None if len(calls) == 1 else there(kind, content)

    async with connected(once) as connector:
        with pytest.raises(RetryLater):
            await connector.read(ONE)
        assert (await connector.read(ONE)).remote_id == ONE


@pytest.mark.parametrize(
    ("code", "text", "error"),
    [
        (51, "busy", RetryLater),
        (52, "", RetryLater),
        (53, "0000052D: SvcErr: DSID-031A12D2", Rejected),
        (19, "000021C8: AtrErr: DSID-03200EF5, Att 90290 (userPrincipalName)", AlreadyExists),
        (19, "000020B5: AtrErr: DSID-03152392", Rejected),
        (10, "", StopApplication),
        (13, "confidentiality required", StopApplication),
        (50, "no write access", Rejected),
        (32, "", NotFound),
        (68, "", AlreadyExists),
        (123, "", Rejected),
    ],
)
async def test_a_result_is_what_is_done_next(
    code: int, text: str, error: type[ConnectorError]
) -> None:
    async with connected(failing(MODIFY, code, text)) as connector:
        with pytest.raises(error, match=rf"MODIFY uid=ada,.* was answered {code} ") as told:
            await connector.update(ONE, {"title": "Clerk"})
    assert text[:10] in str(told.value)


@pytest.mark.parametrize(("code", "error"), [(50, "lacks the right"), (4, "raise the limit")])
async def test_what_may_not_be_read_stops_the_application(code: int, error: str) -> None:
    async with connected(failing(SEARCH, code)) as connector:
        with pytest.raises(StopApplication, match=error):
            await connector.read(ONE)


async def test_a_base_that_is_not_there_makes_nobody_look_deleted() -> None:
    """Somebody renamed it, or took away the right to see it."""
    async with connected(failing(SEARCH, 32)) as connector:
        with pytest.raises(StopApplication, match=f"{PEOPLE} is not there, or not to be seen"):
            [page async for page in connector.accounts()]
        with pytest.raises(StopApplication, match="nothing is concluded"):
            await connector.read(ONE)
        with pytest.raises(StopApplication, match="nothing is concluded"):
            [group async for group in connector.entitlements()]
        with pytest.raises(StopApplication, match="nothing is concluded"):
            await connector.change_members("group", ONE, remove=[ONE])
        # Deleted people are where not everybody may look.
        assert isinstance(connector, LdapConnector)
        of = connector._directory.pages("CN=Deleted", present("cn"), [], 10, must_be=False)
        assert [page async for page in of] == [[]]


async def test_what_it_says_of_the_password_is_not_told() -> None:
    said = "password a-secret-word is too short"
    async with connected(failing(MODIFY, 19, said)) as connector:
        with pytest.raises(Rejected, match=r"password \(hidden\) is too short"):
            await connector.update(ONE, {"title": "Clerk"})


@pytest.mark.parametrize(
    ("code", "said"),
    [("532", "has run out"), ("533", "is disabled"), ("775", "is locked"), ("52e", "wrong")],
)
async def test_what_windows_means_by_refusing_us(code: int | str, said: str) -> None:
    text = f"80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {code}"
    async with connected(failing(SEARCH, 49, text)) as connector:
        with pytest.raises(StopApplication, match=said):
            await connector.read(ONE)


async def test_a_large_group_is_shown_in_parts() -> None:
    """As Active Directory does it beyond 1,500 members."""
    names = [f"uid=u{n},{PEOPLE}" for n in range(5)]
    ids = [str(uuid.UUID(int=n + 1)) for n in range(5)]
    group = {"cn": ["Staff"], "entryUUID": [ONE], "member": []}

    def parts(kind: int, content: bytes) -> Any:
        if b"groupOfNames" in content:
            first = {**group, "member;range=0-1": names[:2]}
            return [entry("cn=Staff,dc=x", first), result(0x65)]
        if b"member;range=2-*" in content:
            return [entry("cn=Staff,dc=x", {"member;range=2-3": names[2:4]}), result(0x65)]
        if b"member;range=4-*" in content:
            return [entry("cn=Staff,dc=x", {"member;range=4-*": names[4:]}), result(0x65)]
        people = zip(names, ids, strict=True)
        return [*(entry(dn, {"entryUUID": [one]}) for dn, one in people), result(0x65)]

    async with connected(parts) as connector:
        assert [g.members async for g in connector.entitlements()] == [frozenset(ids)]


async def test_an_entry_that_is_no_account_is_told_at_once() -> None:
    made: list[bytes] = []

    def hidden(kind: int, content: bytes) -> Any:
        if kind == ADD:
            made.append(content)
        found = PEOPLE.encode() in content[:20] and b"uid=" not in content[:20]
        shown = [entry(PEOPLE, {})] if found and b"1.1" in content else []
        return [*shown, result({SEARCH: 0x65, ADD: 0x69}[kind])]

    async with connected(hidden) as connector:
        with pytest.raises(Rejected, match="is no account by people_filter"):
            await connector.create({"userName": "ada"}, external_id="1", active=True)
    assert len(made) == 1


async def test_an_account_that_gets_no_password_is_taken_back() -> None:
    """Active Directory gives it one after it is there, and may not take it."""
    asked: list[int] = []

    def refusing(kind: int, content: bytes) -> Any:
        asked.append(kind)
        if kind == SEARCH:
            shown = [entry(PEOPLE, {})] if b"1.1" in content else []
            return [*shown, result(0x65)]
        if kind == MODIFY:
            return [result(0x67, 53, "0000052D: SvcErr: DSID-031A12D2, problem 5003")]
        return there(kind, content)

    async with connected(refusing, kind="active_directory") as connector:
        with pytest.raises(Rejected, match="rules for passwords"):
            await connector.create({"userName": "ada"}, external_id="1", active=True)
    assert [kind for kind in asked if kind != SEARCH] == [ADD, MODIFY, DELETE]


async def test_an_encrypted_connection_is_closed_although_nobody_says_goodbye(
    tmp_path: Path,
) -> None:
    pair = certificate(tmp_path)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(pair.certificate, pair.key)
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as pool:
        # After the handshake it reads nothing and says nothing.
        waiting = pool.submit(lambda: theirs.wrap_socket(listening.accept()[0], server_side=True))
        session = await Session.open(
            "127.0.0.1",
            listening.getsockname()[1],
            context=ssl.create_default_context(cafile=pair.certificate),
            start_tls=False,
            connect=10,
            patience=10,
        )
        with await asyncio.wrap_future(waiting) as peer:
            peer.settimeout(10)
            await session.close()
            # Read to its end, which does not come where it stays open.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert await asyncio.to_thread(peer.makefile("rb").read)
