"""The whole way from HR to an application and back, with applications that lie, break or lack
something: nobody is made twice, forgotten, taken for somebody else, or left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tenure.applications.models import Account
from tenure.connectors.scim import declared
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tests.connectors.odd_scim import Odd, Quirks
from tests.provisioning.company import drain
from tests.provisioning.whole_life import Seen, application, hire, live, reconcile, running
from tests.sources.hr import source, take

CASES: dict[str, tuple[Quirks, dict[str, Any]]] = {
    "by the standard": (Quirks(), {}),
    "a liar": (
        Quirks(filters="ignored", declares=False, total="wrong", largest=5, careless=True),
        {},
    ),
    "a breaker": (
        Quirks(filters="broken", count="broken", taken=500, errors="html", typed=False,
               external_id=False, members_named="userName", members_remove="broken"),
        {},
    ),
    "PUT only with versions": (Quirks(patch="none", etags="offered", declares=True), {}),
    "from 0 without paths": (Quirks(pages="zero", patch="pathless", total="right"), {}),
    "errors as 200, texts for booleans": (
        Quirks(errors="good", booleans="text"),
        {"booleans": "text"},
    ),
    "by cursor, members hidden": (
        Quirks(pages="cursor", largest=5, members="never"),
        {"members": {"shown": "filter"}},
    ),
    "members only where a group is read": (Quirks(members="group", members_most=3),
                                           {"members": {"per_request": 3}}),
    "off means gone": (Quirks(off="final"), {"off": {"final": True}}),
    "SCIM 1.1": (Quirks(version="1.1"), {"version": "1.1"}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODD_TOKEN", "abcdef")
    declared.forget()
    yield
    declared.forget()


def seen(odd: Odd) -> Mapping[str, Seen]:
    return {
        user["userName"]: Seen(
            user["active"],
            user["name"]["givenName"],
            frozenset(
                group["displayName"]
                for group in odd.groups.values()
                if user["id"] in group["members"]
            ),
        )
        for user in odd.users.values()
    }


@pytest.mark.parametrize("case", CASES)
def test_a_whole_life(transactional_db: None, tmp_path: Path, case: str) -> None:
    quirks, dialect = CASES[case]
    with running(quirks) as odd:
        application(odd.address, dialect)
        live(tmp_path, lambda: seen(odd))


def test_whom_a_filter_hides_is_adopted_and_not_made_twice(
    transactional_db: None, tmp_path: Path
) -> None:
    with running(Quirks(hidden=frozenset({"p1"}))) as odd:
        odd._create_user({"userName": "p1", "name": {"givenName": "Old"},
                          "emails": [{"type": "work", "value": "p1@example.com"}]})  # fmt: skip
        application(odd.address, {}, matching=[{"account": "emails.work", "person": "email"}],
                    taken_over_at="2026-01-01T00:00:00Z")  # fmt: skip
        take(source(), tmp_path, [hire(1, "Ilse"), hire(2, "Ada")])
        services.store()
        drain("odd")
        assert set(seen(odd)) == {"p1", "p2"}
        account = Account.objects.get(user_name="p1")
        assert (account.situation, account.person is not None) == ("linked", True)
        assert not Operation.objects.filter(state="failed").exists()
        reconcile()
        services.store()
        drain("odd")
        assert seen(odd)["p1"].given_name == "Ilse"
