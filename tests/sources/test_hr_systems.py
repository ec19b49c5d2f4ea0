"""HR systems of the catalogue, imported: rows by HTTP become people, what changed changes them, and
whoever was terminated there has left here."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.receiving import hints
from tenure.sources.importing import import_source
from tenure.sources.models import Source, SourceRecord
from tenure.sources.previewing import preview
from tenure.sources.trying import try_source
from tests.readers.rest.hr_server import Script, hr_server
from tests.readers.rest.test_vendors import ENTRIES, _at, vendor

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def connected(
    slug: str, exchanges: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Source]:
    """A source as the catalogue proposes it, at a server of our own."""
    from tenure.catalogue.filling import examples, source_settings, specification

    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    entry = ENTRIES[slug]
    with hr_server(Script(exchanges)) as server:
        spec = {**_at(specification(entry), server.address), "limits": {}}
        secrets = {}
        for name in spec["secrets"]:
            monkeypatch.setenv(f"HR_{name.upper()}", f"{name}-value")
            secrets[name] = f"${{env:HR_{name.upper()}}}"
        yield Source.objects.create(
            slug=slug,
            name=entry.name,
            reader="rest",
            catalogue_entry=slug,
            settings={"spec": spec, **source_settings(entry, examples(entry))},
            secrets=secrets,
            mapping=dict(entry.mapping),
            dates=list(entry.dates),
            statuses=dict(entry.statuses),
        )


def states() -> dict[str, str]:
    return dict(Person.objects.values_list("employee_number", "state"))


def test_bamboohr_whole_and_by_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    ava = {
        "id": "123", "employeeNumber": "1001", "firstName": "Ava", "lastName": "Nguyen",
        "workEmail": "ava@acme.example", "status": "Active", "hireDate": "2024-02-01",
    }  # fmt: skip
    gone = {**ava, "status": "Inactive", "terminationDate": "2026-11-01"}
    full = [one for one in vendor("bamboohr")["full"]["exchanges"] if "/123" not in one["ask"]]
    changed = {"latest": "t2", "employees": {"123": {"id": "123", "action": "Updated"}}}
    exchanges = [
        *full,
        {"ask": "GET /api/v1/employees/123", "answer": [{"json": ava}] * 5 + [{"json": gone}]},
        {"ask": "GET /api/v1/employees/changed", "answer": [{"json": changed}]},
    ]
    with connected("bamboohr", exchanges, monkeypatch) as source:
        rows = preview(source, 5)
        assert [(row.attributes["employee_number"], row.state) for row in rows] == [
            ("1001", "active"), ("1002", "left"),
        ]  # fmt: skip
        assert rows[0].row["First name"] == "Ava"
        result = import_source(source)
        assert result.whole
        assert states() == {"1001": "active", "1002": "left"}
        checks = try_source(source)
        assert all(check.ok for check in checks if check.what != "Columns"), checks
        assert SourceRecord.objects.get(key="1001").remote_id == "123"
        import_source(source, accept="One of two is many.")
        result = import_source(source, accept="One of two is many.")
        assert not result.whole
        assert states() == {"1001": "left", "1002": "left"}


def test_a_webhook_is_a_hint_and_the_record_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    ava = {"id": "123", "employeeNumber": "1001", "firstName": "Ava", "lastName": "Nguyen"}
    told = {**ava, "status": "Inactive", "terminationDate": "2026-11-01"}
    listed = {"data": [{"employeeId": "123"}], "meta": {"page": {"nextCursor": None}}}
    exchanges = [
        {"ask": "GET /api/v1/employees", "answer": {"json": listed}},
        {
            "ask": "GET /api/v1/employees/123",
            "answer": [{"json": {**ava, "status": "Active"}}, {"json": told}],
        },
    ]
    with connected("bamboohr", exchanges, monkeypatch) as source:
        assert import_source(source).counts["added"] == 1
        source.guard = {"leavers": {"percent": 100, "floor": 10}}
        source.save()
        stamp = now().isoformat()
        body = b'{"type": "employee.updated", "data": {"employeeId": "123"}}'
        digest = hmac.new(b"webhook_key-value", body + stamp.encode(), "sha256").hexdigest()
        headers = {"X-BambooHR-Timestamp": stamp, "X-BambooHR-Signature": digest}
        with pytest.raises(hints.Refused):
            hints.receive("bamboohr", {**headers, "X-BambooHR-Signature": "0" * 64}, body)
        hints.receive("bamboohr", headers, body)
        hints.take("bamboohr")
        assert states() == {"1001": "left"}


@pytest.mark.parametrize(
    ("slug", "wanted"),
    [
        ("personio", {"1": "active", "2": "left"}),
        ("workday", {"21001": "active", "C9": "upcoming", "21003": "left"}),
        ("zoho-people", {"S20": "active", "S19": "left"}),
    ],
)
def test_everybody_becomes_a_person(
    slug: str, wanted: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(slug, vendor(slug)["full"]["exchanges"], monkeypatch) as source:
        monkeypatch.setattr("tenure.sources.opening.KeptTokens", lambda party: _Kept())
        if ENTRIES[slug].reader.oauth:
            source.oauth = {"grant": "authorization_code"}
            source.save()
        result = import_source(source)
        # Their managers are not in the answers.
        assert all("manager" in issue.message for issue in result.issues), result.issues
        assert states() == wanted


class _Kept:
    async def token(self) -> str:
        return "kept-token"
