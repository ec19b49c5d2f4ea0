"""How what HR has comes to us: files, whole or not, that are imported as they are, and users that
are pushed by SCIM; and who decides what an import asks about."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from django.test import Client

from tenure.infra.clock import now
from tenure.people.models import AttributeDefinition, Company, OnRename, Person
from tenure.scim_server.models import Scope
from tenure.scim_server.tokens import issue
from tenure.sources import answering
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import RehireQuestion, Source
from tests.survive.hearsay import Heard, Hearsay
from tests.survive.payroll import COLUMNS, PLANT, Payroll, Row
from tests.survive.world import Event, World

_GUARD = {
    "leavers": {"percent": 10, "floor": 2},
    "missing": {"percent": 50, "floor": 1},
    "changes": {"percent": 50, "floor": 4},
}
_FILE_MAPPING = {
    "employee_number": 'row["Number"]',
    "badge": 'row["Badge"]',
    "given_name": 'row["Given"]',
    "family_name": 'row["Family"]',
    "email": 'row["Mail"]',
    "status": 'row["Status"]',
    "start_date": 'row["Start"]',
    "end_date": 'row["End"]',
    "department": 'row["Department"]',
    "title": 'row["Title"]',
    "manager": 'row["Manager"]',
    "time_zone": 'row["Zone"]',
}
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
#: SCIM has no names for some of what this company pushes.
_PUSH_MAPPING = {
    "employee_number": 'row["enterprise.employeeNumber"]',
    "badge": 'row["enterprise.organization"]',
    "given_name": 'row["name.givenName"]',
    "family_name": 'row["name.familyName"]',
    "email": 'row["emails.work"]',
    "status": 'row["userType"]',
    "start_date": 'row["enterprise.costCenter"]',
    "end_date": 'row["enterprise.division"]',
    "department": 'row["enterprise.department"]',
    "title": 'row["title"]',
    "time_zone": 'row["timezone"]',
}


class Arrivals:
    """Events of imports and of pushes."""

    def __init__(self, world: World, payroll: Payroll) -> None:
        self.world, self.payroll = world, payroll
        self.random = world.random
        self.hearsay = Hearsay(payroll)
        self._pushed: dict[str, tuple[str, Row]] = {}
        self.events: list[tuple[int, Event]] = [(12, self.arrive), (3, self.answer)]

    def begin(self) -> None:
        ways = self.payroll.ways
        AttributeDefinition.objects.get_or_create(
            name="badge", defaults={"label": "Badge", "type": "string"}
        )
        Company.objects.filter(pk=1).update(
            domain="acme.example",
            on_rename=OnRename.CHANGE if ways.follows else OnRename.KEEP,
            name_retention=ways.retention,
        )
        for position, slug in enumerate(self.payroll.systems):
            pushed = slug == PLANT and ways.second == "push"
            Source.objects.create(
                slug=slug,
                name=slug.upper(),
                reader="push" if pushed else "csv",
                mapping=_PUSH_MAPPING if pushed else _FILE_MAPPING,
                position=position,
                absence="leave",
                authoritative=True,
                guard=_GUARD,
                rehire=[["badge"]],
                correlation=[{"record": "badge", "person": "badge"}],
            )
            if pushed:
                self._token = issue(slug, name="Plant", scope=Scope.WRITE, valid=timedelta(days=99))
        self.world.told.append(f"{ways}")

    def arrive(self) -> None:
        """From one of the systems, as it comes."""
        dice = self.random
        slug = dice.choice(list(self.payroll.systems))
        if self._is_pushed(slug):
            self._push(slug, most=dice.choice([1, 2, 99]))
            return
        how = dice.choice(["whole"] * 5 + ["half", "lacks", "lacks", "bad", "bad", "empty"])
        accept = "looked at it" if how == "whole" and dice.random() < 0.3 else ""
        self._import(slug, how, accept)

    def answer(self) -> None:
        """Somebody says of all who are asked about that they are who they are."""
        for question in RehireQuestion.objects.filter(answer="").order_by("pk"):
            rows = Person.objects.filter(attributes__badge=question.row["attributes"]["badge"])
            person = rows.order_by("pk").first()
            try:
                if person is not None:
                    answering.same(question=question, person=person, reason="known", now=now())
                    self.hearsay.answered(question.source.slug, question.key)
            except answering.AnswerRefused as error:
                self.world.told.append(f"  refused: {error}")

    def finish(self) -> None:
        """In the end everything that HR has has come, and somebody has looked at it."""
        for _ in range(3):
            self.all_arrives()
            self.answer()
        self.hearsay.at_last()

    def all_arrives(self) -> None:
        """Whatever HR has comes, and somebody has looked at it."""
        for slug in self.payroll.systems:
            if self._is_pushed(slug):
                self._push(slug, most=99)
            self._import(slug, "whole", "looked at it")

    def _is_pushed(self, slug: str) -> bool:
        return slug == PLANT and self.payroll.ways.second == "push"

    def _import(self, slug: str, how: str, accept: str) -> None:
        source = Source.objects.get(slug=slug)
        if self._is_pushed(slug):
            heard = Heard(slug, [row for _, row in self._pushed.values()])
            self.hearsay.listen(heard, lambda: import_source(source, accept=accept), accept)
            return
        rows = list(self.payroll.systems[slug].values())
        text, heard = self._file(slug, rows, how)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "people.csv"
            file.write_text(text, encoding="utf-8")

            def take() -> ImportResult:
                return import_source(source, file=file, accept=accept)

            self.hearsay.listen(heard, take, accept)
        self.world.told.append(f"  {slug}: {how}, {len(heard.rows)} rows, {heard.outcome}")

    def _file(self, slug: str, rows: Sequence[Row], how: str) -> tuple[str, Heard]:
        """The text, and what of it whoever reads it can understand."""
        dice = self.random
        kept = list(rows)
        if how == "empty":
            kept = []
        elif how == "lacks":
            kept = dice.sample(kept, max(0, len(kept) - dice.randint(1, 2)))
        lines = [_line(COLUMNS), *(_line(row.cells()) for row in kept)]
        unreadable: list[Row] = []
        if how == "bad" and kept:
            place = dice.randrange(len(kept))
            cells = kept[place].cells()
            cells[COLUMNS.index("Start")] = "soon"
            lines[place + 1] = _line(cells)
            unreadable = [kept.pop(place)]
        if how == "half" and kept:
            # In the middle of a line: its last cells are missing.
            place = dice.randrange(len(kept))
            lines = [*lines[: place + 1], lines[place + 1].rsplit(",", 3)[0]]
            unreadable, kept = [kept[place]], kept[:place]
        return "\n".join(lines), Heard(slug, kept, unreadable)

    def _push(self, slug: str, *, most: int) -> None:
        """What differs from what was pushed before; whoever pushes may give up on the way."""
        rows = self.payroll.systems[slug]
        todo: list[Row | str] = [number for number in self._pushed if number not in rows]
        todo += [row for n, row in rows.items() if self._pushed.get(n, ("", None))[1] != row]
        for item in todo[:most]:
            heard = Heard(slug, [item] if isinstance(item, Row) else [], whole=False)
            if isinstance(item, str):
                heard.gone.append(item)
            self.hearsay.listen(heard, lambda item=item: self._push_one(item))  # type: ignore[misc]
            self.world.told.append(f"  {slug}: {item} pushed")

    def _push_one(self, item: Row | str) -> None:
        if isinstance(item, str):
            uid, _ = self._pushed.pop(item)
            assert self._send("DELETE", f"/Users/{uid}").status_code == 204
            return
        uid, _ = self._pushed.get(item.number, ("", None))
        answer = self._send(*(("PUT", f"/Users/{uid}") if uid else ("POST", "/Users")), _user(item))
        assert answer.status_code in (200, 201), answer.content
        self._pushed[item.number] = str(orjson.loads(answer.content)["id"]), item

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        return Client().generic(
            method,
            f"/scim/v2{path}",
            b"" if body is None else orjson.dumps(body),
            content_type="application/scim+json",
            headers={"Authorization": f"Bearer {self._token}"},
        )


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def _user(row: Row) -> dict[str, Any]:
    mail = {"emails": [{"value": row.mail, "type": "work", "primary": True}]} if row.mail else {}
    return {
        "schemas": [_USER, _ENTERPRISE],
        "userName": f"{row.badge}-{row.number}",
        "active": True,
        "name": {"givenName": row.given, "familyName": row.family},
        **mail,
        "userType": "Leave" if row.away else "Active",
        "timezone": row.zone,
        **({"title": row.title} if row.title else {}),
        _ENTERPRISE: {
            "employeeNumber": row.number,
            "organization": row.badge,
            "department": row.department,
            "costCenter": row.start.isoformat(),
            **({"division": row.end.isoformat()} if row.end else {}),
        },
    }
