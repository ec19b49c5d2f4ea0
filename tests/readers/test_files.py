"""Where files are: the newest of a folder and never a half one, SFTP and HTTPS from real servers on
loopback, PGP; and that a file which is the same is not read again."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from aiohttp import web

from tenure.readers.base import (
    Checking,
    CursorExpired,
    Incremental,
    Reader,
    ReaderBusy,
    ReaderError,
    RowProblem,
)
from tenure.readers.registry import open_reader
from tests.connectors.servers import http_server
from tests.connectors.test_handover import PASSWORD, sftp_server
from tests.readers.test_excel import workbook


@pytest.fixture(autouse=True)
def _no_copy_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    place = tmp_path_factory.mktemp("copies")
    before, tempfile.tempdir = tempfile.tempdir, str(place)
    yield
    tempfile.tempdir = before
    gc.collect()
    assert list(place.iterdir()) == []


def ids(reader: Reader) -> list[str]:
    return [
        item.message if isinstance(item, RowProblem) else item.values["Id"]
        for item in reader.rows()
    ]


def file(path: Path, number: int, *, age: float = 60) -> Path:
    path.write_text(f"Id\n{number}\n")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_the_newest_of_a_folder_is_taken_once_it_is_settled(tmp_path: Path) -> None:
    file(tmp_path / "people-1.csv", 1, age=300)
    file(tmp_path / "people-2.csv", 2, age=200)
    for name in ("people-3.csv.part", ".people-4.csv", "others.csv", "people-5.txt"):
        file(tmp_path / name, 9, age=100)
    given = {"path": str(tmp_path), "pattern": "people-*.csv", "settled": 30}
    assert ids(open_reader("csv", given)) == ["2"]
    file(tmp_path / "people-6.csv", 6, age=5)
    with pytest.raises(ReaderBusy, match=r"people-6.csv changed 5 seconds ago") as busy:
        open_reader("csv", given).columns()
    assert busy.value.after == pytest.approx(25, abs=2)
    file(tmp_path / "people-6.csv", 6, age=31)
    assert ids(open_reader("csv", given)) == ["6"]
    with pytest.raises(ReaderError, match="There is no file staff"):
        open_reader("csv", {**given, "pattern": "staff*"}).columns()


def test_a_file_that_changes_between_two_passes_is_not_taken(tmp_path: Path) -> None:
    path = file(tmp_path / "people.csv", 1)
    reader = open_reader("csv", {"path": str(path)})
    assert ids(reader) == ["1"]
    file(path, 2, age=0)
    with pytest.raises(ReaderBusy, match="changed while it was read"):
        ids(reader)
    rows = (reader := open_reader("csv", {"path": str(path)})).rows()
    next(rows)
    file(path, 3, age=10)
    with pytest.raises(ReaderBusy, match="changed while it was read"):
        list(rows)


def test_a_file_that_is_the_same_is_not_read_again(tmp_path: Path) -> None:
    path = file(tmp_path / "people.csv", 1)
    reader = open_reader("csv", {"path": str(path)})
    assert isinstance(reader, Incremental)
    assert reader.cursor() == ""
    assert ids(reader) == ["1"]
    cursor = reader.cursor()
    again = incremental("csv", {"path": str(path)})
    assert list(again.changes(cursor)) == []
    assert again.cursor() == cursor
    with pytest.raises(CursorExpired):
        incremental("csv", {"path": str(path), "encoding": "cp1252"}).changes(cursor)
    with pytest.raises(CursorExpired):
        incremental("csv", {"path": str(path)}).changes("what another kind wrote")
    file(path, 2, age=0)
    with pytest.raises(CursorExpired, match="another file"):
        again.changes(cursor)
    by_hand = open_reader("csv", {"path": str(path)}, file=path)
    assert ids(by_hand) == ["2"]
    assert isinstance(by_hand, Incremental)
    assert by_hand.cursor() == ""


def incremental(kind: str, settings: dict[str, Any], **secrets: str) -> Incremental:
    reader = open_reader(kind, settings, secrets=secrets)
    assert isinstance(reader, Incremental)
    return reader


def test_settings_that_do_not_go_together_are_refused() -> None:
    for settings, said in (
        ({"path": "a.csv", "url": "https://hr.example.com/a.csv"}, "url goes with neither"),
        ({"url": "http://hr.example.com/a.csv"}, "https"),
        ({"path": "in", "pattern": "a/*.csv"}, "the folder is `path`"),
        ({"path": "a.csv", "user": "x"}, "user goes with url"),
        ({"path": "in", "sftp": {"host": "h", "user": "u", "host_key": "k"}}, "from / on"),
    ):
        with pytest.raises(ReaderError, match=said):
            open_reader("csv", settings)


# SFTP.


async def test_a_folder_behind_sftp(tmp_path: Path) -> None:
    async with sftp_server(tmp_path) as sftp:
        folder = tmp_path / "in"
        file(folder / "old.csv", 1, age=300)
        file(folder / "new.csv", 2, age=100)
        given = {"path": "/in", "sftp": sftp}
        cursor = await asyncio.to_thread(read, given, ["2"])
        assert await asyncio.to_thread(unchanged, given, cursor)
        named = {**given, "path": "/in/old.csv"}
        await asyncio.to_thread(read, named, ["1"])
        file(folder / "newer.csv", 3, age=1)
        with pytest.raises(ReaderBusy, match=r"newer\.csv changed"):
            await asyncio.to_thread(read, given, [])
        file(folder / "newer.csv", 3, age=30)
        with pytest.raises(CursorExpired):
            await asyncio.to_thread(unchanged, given, cursor)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user": "somebody"}, "not let in"),
        ({"host_key": "OTHER"}, "host_key"),
        ({"port": 1}, "tried again later"),
        ({"path": "/in/missing.csv"}, "/in/missing.csv is not on 127"),
    ],
)
async def test_what_is_wrong_with_sftp_is_named(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()
    if "host_key" in change:
        change = {"host_key": other.strip()}
    async with sftp_server(tmp_path) as sftp:
        path = change.pop("path", "/in")
        given = {"path": path, "sftp": {**sftp, **change}}
        reader = open_reader("csv", given, secrets={"password": PASSWORD})
        assert isinstance(reader, Checking)
        (line,) = await asyncio.to_thread(reader.check)
    assert not line.ok
    assert told in line.detail
    assert PASSWORD not in line.detail


def read(settings: dict[str, Any], expected: list[str]) -> str:
    reader = open_reader("csv", settings, secrets={"password": PASSWORD})
    assert list(reader.columns()) == ["Id"]
    assert ids(reader) == expected
    assert isinstance(reader, Incremental)
    return reader.cursor()


def unchanged(settings: dict[str, Any], cursor: str) -> bool:
    return list(incremental("csv", settings, password=PASSWORD).changes(cursor)) == []


# HTTPS.


async def test_a_web_address_is_fetched_once_and_only_when_it_changed() -> None:
    asked: list[str] = []
    body = b"Id\n1\n"

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/export":
            raise web.HTTPFound("/files/people.csv")
        assert request.headers["Authorization"].startswith("Basic ")
        asked.append(request.headers.get("If-None-Match", ""))
        if asked[-1] == '"v1"' and body == b"Id\n1\n":
            return web.Response(status=304)
        return web.Response(body=body, headers={"ETag": '"v1"'}, content_type="text/csv")

    async with http_server(handler) as address:
        given = {"url": f"{address}/export?key=hidden", "user": "hr"}
        cursor = await asyncio.to_thread(read, given, ["1"])
        assert asked == [""]
        assert await asyncio.to_thread(unchanged, given, cursor)
        reader = incremental("csv", given, password=PASSWORD)
        await asyncio.to_thread(ids, reader)
        body = b"Id\n2\n"
        with pytest.raises(CursorExpired):
            await asyncio.to_thread(reader.changes, cursor)
        assert await asyncio.to_thread(ids, reader) == ["2"]
    assert asked == ["", '"v1"', "", '"v1"']


async def test_without_an_etag_the_content_says_whether_it_is_the_same() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"Id\n1\n", content_type="text/csv")

    async with http_server(handler) as address:
        given = {"url": f"{address}/people.csv"}
        cursor = await asyncio.to_thread(read, given, ["1"])
        assert await asyncio.to_thread(unchanged, given, cursor)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (lambda: web.Response(text="<html>", content_type="text/html"), ReaderError, "a web page"),
        (lambda: web.Response(status=401), ReaderError, "check the user"),
        (lambda: web.Response(status=404), ReaderError, "answered 404"),
        (lambda: web.Response(status=429, headers={"Retry-After": "7"}), ReaderBusy, "429"),
        (lambda: web.Response(status=302, headers={"Location": "/"}), ReaderError, "on and on"),
        (
            lambda: web.Response(status=302, headers={"Location": "http://169.254.169.254/x"}),
            ReaderError,
            "nobody follows",
        ),
        (
            lambda: web.Response(status=302, headers={"Location": "http://hr.example.com/x"}),
            ReaderError,
            "nobody follows",
        ),
    ],
)
async def test_what_is_no_file_at_a_web_address_is_named(
    answer: Callable[[], web.Response], error: type[ReaderError], told: str
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return answer()

    async with http_server(handler) as address:
        reader = open_reader("csv", {"url": f"{address}/a.csv?key=hidden"})
        with pytest.raises(error, match=told) as raised:
            await asyncio.to_thread(reader.columns)
    assert "hidden" not in str(raised.value)


async def test_an_answer_that_breaks_off_is_not_taken() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"Id\n1\n2\n")
        assert request.transport is not None
        request.transport.close()
        return answer

    async with http_server(handler) as address:
        reader = open_reader("csv", {"url": f"{address}/a.csv"})
        with pytest.raises(ReaderBusy, match="fetched again later"):
            await asyncio.to_thread(reader.columns)


async def test_credentials_do_not_go_to_another_server() -> None:
    seen: list[str | None] = []

    async def there(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=b"Id\n1\n", content_type="text/csv")

    async with http_server(there) as other:

        async def here(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"{other}/people.csv")

        async with http_server(here) as address:
            reader = open_reader("csv", {"url": f"{address}/x"}, secrets={"token": PASSWORD})
            assert await asyncio.to_thread(ids, reader) == ["1"]
    assert seen == [None]


# PGP.


def test_an_encrypted_file_is_opened_and_its_signature_checked(tmp_path: Path) -> None:
    from pysequoia import Tsk, encrypt

    ours, theirs, others = (Tsk.generate(f"{name} <{name}@acme.example>") for name in "abc")
    path = tmp_path / "people.csv.pgp"
    sealed = encrypt(b"Id\n1\n", [ours.extract_certificate()], theirs.signer())
    path.write_bytes(bytes(sealed))
    given = {"path": str(path), "pgp": {"signed_by": [str(theirs.extract_certificate())]}}
    secrets = {"pgp_key": str(ours)}
    assert ids(open_reader("csv", given, secrets=secrets)) == ["1"]
    os.utime(path, (1, 1))
    assert ids(open_reader("csv", {**given, "path": str(tmp_path)}, secrets=secrets)) == ["1"]
    for wrong, key, said in (
        ({"signed_by": [str(others.extract_certificate())]}, str(ours), "no valid signatures"),
        (given["pgp"], str(others), "No key to decrypt"),
        ({"signed_by": ["junk"]}, str(ours), "signed_by: a key cannot be read"),
        (given["pgp"], "junk", "pgp_key cannot be used"),
        (given["pgp"], "", "enter the secret `pgp_key`"),
    ):
        reader = open_reader("csv", {**given, "pgp": wrong}, secrets={"pgp_key": key})
        with pytest.raises(ReaderError, match=said) as raised:
            reader.columns()
        assert "Stack" not in str(raised.value)
    path.write_bytes(b"Id\n1\n")
    with pytest.raises(ReaderError, match="cannot be opened by PGP"):
        open_reader("csv", given, secrets=secrets).columns()


# Workbooks come by the same ways.


async def test_a_workbook_by_sftp_and_by_https(tmp_path: Path) -> None:
    made = workbook(tmp_path / "made.xlsx", [["Id"], ["0007"]])

    async def handler(request: web.Request) -> web.StreamResponse:
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return web.Response(body=made.read_bytes(), content_type=kind)

    async with sftp_server(tmp_path) as sftp:
        target = tmp_path / "in" / "people.xlsx"
        target.write_bytes(made.read_bytes())
        os.utime(target, (1, 1))
        reader = open_reader("excel", {"path": "/in", "sftp": sftp}, secrets={"password": PASSWORD})
        assert await asyncio.to_thread(ids, reader) == ["0007"]
    async with http_server(handler) as address:
        reader = open_reader("excel", {"url": f"{address}/people"})
        assert await asyncio.to_thread(ids, reader) == ["0007"]


@pytest.mark.skipif(shutil.which("gpg") is None, reason="needs GnuPG")
def test_a_workbook_that_gnupg_encrypted(tmp_path: Path) -> None:
    from pysequoia import Tsk

    made = workbook(tmp_path / "made.xlsx", [["Id"], ["0007"]])
    ours, sealed = Tsk.generate("hr <hr@acme.example>"), tmp_path / "people.xlsx.gpg"
    (tmp_path / "public.asc").write_text(str(ours.extract_certificate()))
    plain, small = tmp_path / "people.csv", tmp_path / "people.csv.gpg"
    plain.write_text("Id\n" + "0007\n" * 20)
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    for words in (
        ["--import", str(tmp_path / "public.asc")],
        [
            *("--trust-model", "always", "-o", str(sealed)),
            *("-r", "hr@acme.example", "-e"),
            str(made),
        ],
        [
            *("--trust-model", "always", "-o", str(small)),
            *("-r", "hr@acme.example", "-e"),
            str(plain),
        ],
    ):
        done = subprocess.run(
            ["gpg", "--batch", "--quiet", "--homedir", str(home), *words],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    given = {"path": str(sealed), "pgp": {}}
    assert ids(open_reader("excel", given, secrets={"pgp_key": str(ours)})) == ["0007"]
    # GnuPG compresses texts, and nobody here looks for signatures inside of that.
    signed = {"path": str(small), "pgp": {"signed_by": [str(ours.extract_certificate())]}}
    with pytest.raises(ReaderError, match="--compress-algo none"):
        open_reader("csv", signed, secrets={"pgp_key": str(ours)}).columns()
