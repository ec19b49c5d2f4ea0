"""The reader by specification, on an HR system that nobody has: pages, joins, dates, changes, one
record, writing back, and everything that goes wrong on the way."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tenure.readers.base import (
    Checking,
    CursorExpired,
    Fetching,
    Gone,
    Incremental,
    ReaderBusy,
    ReaderConfig,
    ReaderError,
    Row,
    RowProblem,
    WritingBack,
)
from tenure.readers.registry import open_reader, schemas
from tenure.readers.rest import RestReader
from tenure.readers.webhook import Hinted
from tests.readers.rest.hr_server import Answer, Asked, Server, hr_server

SPEC: dict[str, Any] = {
    "name": "Odd HR",
    "settings": {"url": {"title": "Address"}},
    "secrets": {"key": {"title": "Key"}, "hook": {"title": "Webhook key", "optional": True}},
    "base_url": "{settings.url}/api",
    "auth": {"kind": "header", "headers": {"X-Key": "{secrets.key}"}},
    "people": {
        "id": "id",
        "list": {
            "request": "GET /people",
            "query": {"page": "=page.number", "fields": '=fields.join(",")'},
            "paging": {"by": "number", "size": 2},
            "items": "people",
        },
        "get": {"request": "GET /people/{id}", "item": "person"},
        "ignore": "=item.kind == 'room'",
        "changes": {
            "list": {
                "request": "GET /changes",
                "query": {"since": "=cursor", "until": "=until"},
                "items": "changes",
            },
            "ids": "person",
            "gone": "=item.what == 'deleted'",
            "cursor": {"overlap": 60},
            "days": 7,
        },
        "write": {
            "columns": ["mail"],
            "requests": {"request": "PATCH /people/{id}", "body": {"email": "=values.mail"}},
        },
    },
    "joins": {
        "team": {
            "list": {"request": "GET /teams", "items": "teams"},
            "key": "code",
            "on": "team_code",
        },
        "jobs": {
            "get": {"request": "GET /people/{id}/jobs", "items": "jobs"},
            "many": True,
        },
    },
    "columns": {
        "number": "number",
        "name": "=item.first + ' ' + item.last",
        "mail": ["email", "private.email"],
        "team": "team.name",
        "skills": "skills[].name",
        "title": "=item.jobs.filter(j, has(j.now) && j.now)[0].title",
        "starts": {"path": "starts", "is": "date"},
        "ends": {"path": "ends", "is": "epoch_ms"},
        "remote": "remote",
    },
    "webhook": {
        "secret": "hook",
        "signature": {"header": "X-Sign"},
        "ids": ["person.id"],
    },
}
ADA = {
    "id": 7, "number": "E7", "first": "Ada", "last": "Byron", "email": "ada@acme.example",
    "team_code": "EN", "skills": [{"name": "maths"}, {"name": "looms"}],
    "starts": "2026-01-05T00:00:00Z", "ends": 1798675200000, "remote": True,
}  # fmt: skip
ROOM = {"id": 8, "kind": "room"}
BOB = {"id": 9, "number": "E9", "first": "Bob", "last": "Ross", "starts": "2025-02-03"}


class Odd:
    """Answers by path; `odd` answers come first, once each."""

    def __init__(self) -> None:
        self.people: dict[int, dict[str, Any]] = {7: ADA, 8: ROOM, 9: BOB}
        self.odd: dict[str, list[Answer]] = {}
        self.changes: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("x-key") != "the-key":
            return Answer({"message": "Who are you?"}, 401)
        path = asked.path.removeprefix("/api")
        if self.odd.get(path):
            return self.odd[path].pop(0)
        if path == "/people":
            page = int(asked.query["page"]) * 2
            return Answer({"people": list(self.people.values())[page - 2 : page]})
        if path == "/teams":
            return Answer({"teams": [{"code": "EN", "name": "Engines"}]})
        if path == "/changes":
            return Answer({"changes": self.changes})
        _, _, id, *rest = path.split("/")
        if int(id) not in self.people:
            return Answer({"message": "No such person"}, 404)
        if rest:
            return Answer(
                {"jobs": [{"title": "Old"}, {"title": "Analyst", "now": True}] if id == "7" else []}
            )
        if asked.method == "PATCH":
            self.people[int(id)] = {**self.people[int(id)], **asked.body}
        return Answer({"person": self.people[int(id)]})


@contextmanager
def opened(
    odd: Odd | None = None, change: dict[str, Any] | None = None, key: str = "the-key", **more: Any
) -> Iterator[tuple[RestReader, Odd, Server]]:
    odd = odd or Odd()
    spec = {**copy.deepcopy(SPEC), **(change or {})}
    with hr_server(odd) as server:
        settings = {"spec": spec, "url": server.address, **more}
        reader = open_reader("rest", settings, secrets={"key": key})
        assert isinstance(reader, RestReader)
        yield reader, odd, server


def people(**change: Any) -> dict[str, Any]:
    return {"people": {**copy.deepcopy(SPEC["people"]), **change}}


def test_rows_have_texts_joins_and_dates() -> None:
    with opened() as (reader, _, server):
        rows = list(reader.rows())
        assert [row.id for row in rows if isinstance(row, Row)] == ["7", "9"]
        ada, bob = rows
        assert isinstance(ada, Row)
        assert dict(ada.values) == {
            "number": "E7",
            "name": "Ada Byron",
            "mail": "ada@acme.example",
            "team": "Engines",
            "skills": "maths,looms",
            "title": "Analyst",
            "starts": "2026-01-05",
            "ends": "2026-12-31",
            "remote": "true",
        }
        assert isinstance(bob, Row)
        assert (bob.values["starts"], bob.values["team"], bob.values["title"]) == (
            "2025-02-03", "", "",
        )  # fmt: skip
        assert reader.columns() == list(SPEC["columns"])
        asked = next(one for one in server.asked if one.path == "/api/people")
        assert asked.query["fields"] == "number,first,last,email,skills,starts,ends,remote"
        assert reader.cursor() != ""
        assert isinstance(reader, Incremental)
        assert isinstance(reader, Fetching)
        assert isinstance(reader, WritingBack)
        assert isinstance(reader, Checking)
        assert isinstance(reader, Hinted)


def test_what_a_specification_does_not_say_is_not_there() -> None:
    plain = people()
    for name in ("changes", "write", "get"):
        del plain["people"][name]
    with opened(change={**plain, "webhook": None}) as (reader, _, _):
        for protocol in (Incremental, Fetching, WritingBack, Hinted):
            assert not isinstance(reader, protocol)


def test_a_reading_waits_when_it_is_told_to() -> None:
    odd = Odd()
    odd.odd["/people"] = [Answer(status=429, headers={"Retry-After": "0"})]
    odd.odd["/people/7/jobs"] = [
        Answer(status=503, headers={"Retry-After": "0"}),
        Answer(status=502),
    ]
    with opened(odd) as (reader, _, _):
        assert len(list(reader.rows())) == 2
    gone = Odd()
    gone.odd["/teams"] = [Answer(status=502)]
    with opened(gone) as (reader, _, _), pytest.raises(ReaderBusy, match="502"):
        list(reader.rows())
    odd.odd["/people"] = [Answer(status=429, headers={"Retry-After": "900"})]
    with opened(odd) as (reader, _, _):
        with pytest.raises(ReaderBusy) as told:
            list(reader.rows())
        assert told.value.after is not None
        assert told.value.after > 800


def test_one_bad_record_costs_itself() -> None:
    odd = Odd()
    odd.people[10] = {**ADA, "id": 10, "last": 5}
    odd.people[11] = {**ADA, "id": None}
    with opened(odd) as (reader, _, _):
        rows = list(reader.rows())
    problems = [row for row in rows if isinstance(row, RowProblem)]
    assert [row.line for row in problems] == [3, 4]
    assert "10" in problems[0].message
    assert "no id at id" in problems[1].message
    assert len(rows) == 4


def test_a_record_that_moves_between_pages_comes_once_and_details_are_read() -> None:
    listed = {**SPEC["people"]["list"], "details": True, "id": ".", "items": "ids"}
    odd = Odd()
    odd.odd["/people"] = [Answer({"ids": [7, 9]}), Answer({"ids": [9, 12]}), Answer({"ids": []})]
    with opened(odd, people(list=listed)) as (reader, _, _):
        assert [row.id for row in reader.rows() if isinstance(row, Row)] == ["7", "9"]


def test_several_lists_are_one() -> None:
    second = {"request": "GET /people", "query": {"page": "1"}, "items": "people"}
    with opened(change=people(list=[SPEC["people"]["list"], second])) as (reader, _, _):
        assert len(list(reader.rows())) == 2


def test_changes_are_read_one_by_one() -> None:
    odd = Odd()
    odd.changes = [
        {"person": 7, "what": "updated"}, {"person": 7, "what": "updated"},
        {"person": 9, "what": "deleted"}, {"person": 12, "what": "updated"},
    ]  # fmt: skip
    with opened(odd) as (reader, _, server):
        found = list(reader.changes("2999-01-01T00:00:00Z"))
        assert {one.id for one in found if isinstance(one, Gone)} == {"9", "12"}
        (ada,) = [one for one in found if isinstance(one, Row)]
        assert (ada.id, ada.values["team"]) == ("7", "Engines")
        asked = next(one for one in server.asked if one.path == "/api/changes")
        assert asked.query["since"] == "2999-01-01T00:00:00Z"
        assert reader.cursor() < asked.query["until"]
        with pytest.raises(CursorExpired, match="7 days"):
            list(reader.changes("2020-01-01T00:00:00+00:00"))
        odd.odd["/changes"] = [Answer({"message": "Too old"}, 410)]
        with pytest.raises(CursorExpired, match="Too old"):
            list(reader.changes(reader.cursor()))


def test_the_source_may_say_itself_up_to_where() -> None:
    changes = {
        "list": {"request": "GET /changes", "query": {"since": "=cursor"}, "items": "changes"},
        "cursor": {"by": "answer", "at": "latest"},
    }
    odd = Odd()
    odd.odd["/changes"] = [
        Answer({"changes": [ADA], "latest": "mark-2"}), Answer({"changes": []}),
    ]  # fmt: skip
    with opened(odd, people(changes=changes)) as (reader, _, server):
        list(reader.rows())
        first = reader.cursor()
        (ada,) = reader.changes(first)
        assert isinstance(ada, Row)
        assert reader.cursor() == "mark-2"
        assert list(reader.changes("mark-2")) == []
        assert reader.cursor() == "mark-2"
        assert [one.query["since"] for one in server.asked if "changes" in one.path] == [
            first, "mark-2",
        ]  # fmt: skip


def test_one_record() -> None:
    with opened() as (reader, _, server):
        ada = reader.fetch("7")
        assert isinstance(ada, Row)
        assert ada.values["title"] == "Analyst"
        assert reader.fetch("12") == Gone("12")
        assert reader.fetch("8") == Gone("8")
        assert [one.path for one in server.asked].count("/api/people") == 0


def test_writing_back_looks_first() -> None:
    with opened() as (reader, odd, server):
        reader.write("9", {"mail": "bob@acme.example"})
        assert odd.people[9]["email"] == "bob@acme.example"
        reader.write("9", {"mail": "bob@acme.example"})
        assert [one.method for one in server.asked].count("PATCH") == 1
        with pytest.raises(ReaderError, match="takes mail back, and not salary"):
            reader.write("9", {"salary": "1"})
        odd.odd["/people/9"] = [Answer({"person": BOB}), Answer(status=500)]
        with pytest.raises(ReaderBusy):
            reader.write("9", {"mail": "x@acme.example"})
        with pytest.raises(ReaderError, match="No such person"):
            reader.write("12", {"mail": "x@acme.example"})


def test_columns_of_ones_own() -> None:
    with opened(columns={"Badge": "custom.badge", "Desk": "=settings.url"}) as (
        reader,
        odd,
        server,
    ):
        odd.people[7] = {**ADA, "custom": {"badge": 12}}
        row = reader.fetch("7")
        assert isinstance(row, Row)
        assert (row.values["Badge"], row.values["Desk"]) == ("12", server.address)
        assert reader.columns()[-2:] == ["Badge", "Desk"]
        list(reader.rows())
        assert server.asked[-1].query["fields"].endswith("remote,custom.badge")
    for wrong in ({"Badge": "=item..x"}, {"Badge": {"is": "date"}}, {"Badge": 5}):
        with pytest.raises(ReaderError, match="Badge"):
            open_reader("rest", {"spec": SPEC, "url": "https://x", "columns": wrong})


@pytest.mark.parametrize(
    ("prepare", "last", "said"),
    [
        ({}, ("Changes", True), "says what changed"),
        ({"key": "wrong-key"}, ("People", False), "Who are you"),
        ({"odd": {"/people": Answer({"people": []})}}, ("Changes", True), ""),
        ({"odd": {"/teams": Answer({"message": "No scope"}, 403)}}, ("People", False), "No scope"),
        ({"odd": {"/people/7": Answer({"message": "?"}, 404)}}, ("Changes", True), ""),
        ({"odd": {"/changes": Answer({"message": "No"}, 403)}}, ("Changes", False), "No"),
        ({"url": "https://no-such-company.invalid"}, ("Address", False), "cannot be resolved"),
        ({"url": "ftp://x"}, None, "not a URL"),
    ],
)
def test_a_check_says_how_far_it_gets(
    prepare: dict[str, Any], last: tuple[str, bool] | None, said: str
) -> None:
    odd = Odd()
    odd.odd = {path: [answer] for path, answer in prepare.get("odd", {}).items()}
    more = {"url": prepare["url"]} if "url" in prepare else {}
    with opened(odd, key=prepare.get("key", "the-key"), **more) as (reader, _, _):
        lines = reader.check()
    if last is None:
        assert not lines[-1].ok
    else:
        assert (lines[-1].what, lines[-1].ok) == last
    assert said in lines[-1].detail
    by_name = {line.what: line for line in lines}
    if prepare == {}:
        assert all(line.ok for line in lines), lines
        assert list(by_name) == [
            "Address", "People", "Columns", "One person", "Changes",
        ]  # fmt: skip
    if "/people" in prepare.get("odd", {}):
        assert "shows nobody" in by_name["People"].detail
    if "/people/7" in prepare.get("odd", {}):
        assert not by_name["One person"].ok


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"columns": {**SPEC["columns"], "a": "=item."}}, "columns.a"),
        ({"columns": {"a": {}}}, "Give `path`"),
        ({"columns": {}}, "columns"),
        ({"joins": {"x": {"key": "id"}}}, "Give `list`"),
        (people(get=None), "people.get is missing"),
        (people(write={"columns": ["nope"], "requests": []}), "people.write"),
        ({"webhook": {**SPEC["webhook"], "secret": "none"}}, "no secret 'none'"),
        ({"webhook": {"secret": "hook", "ids": ["id"]}}, "`signature`, or `token`"),
        (people(changes={"list": {"request": "GET /c"}, "cursor": {"by": "answer"}}), "needs it"),
        (people(list={"request": "GET /p", "query": {"q": "=cursor"}}), "cursor"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_mistakes_are_named_by_their_place(change: dict[str, Any], said: str) -> None:
    spec = {**copy.deepcopy(SPEC), **change}
    with pytest.raises(ReaderError) as told:
        open_reader("rest", {"spec": spec, "url": "https://hr.example.com"}, secrets={"key": "k"})
    assert said in str(told.value)


def test_settings_are_a_form_of_the_specification(tmp_path: Path) -> None:
    settings, secrets = schemas("rest", {"spec": SPEC})
    assert {"url", "columns", "timeouts"} <= set(settings.model_fields)
    assert set(secrets.model_fields) == {"key", "hook"}
    with pytest.raises(ReaderError, match="url"):
        open_reader("rest", {"spec": SPEC}, secrets={"key": "k"})
    with pytest.raises(ReaderError, match="key"):
        open_reader("rest", {"spec": SPEC, "url": "https://hr.example.com"})
    with pytest.raises(ReaderError, match="Give the specification"):
        open_reader("rest", {"url": "https://hr.example.com"})
    file = tmp_path / "odd.yaml"
    file.write_text("name: Odd\nbase_url: https://x\npeople: {}\ncolumns: {a: b}\n")
    with pytest.raises(ReaderError, match=r"odd.yaml:3:\d+: people.list"):
        open_reader("rest", {"spec_file": str(file)})
    with pytest.raises(ReaderError, match="reads no file"):
        RestReader(ReaderConfig({"spec": SPEC}, file=file))
