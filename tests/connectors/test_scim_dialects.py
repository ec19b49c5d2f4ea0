"""Whatever dialect a server speaks, the connector keeps every promise of the port: with nothing
said, where it can be found out; else with the dialect said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tenure.connectors.base import Connector, ConnectorConfig
from tenure.connectors.registry import open_connector
from tenure.connectors.scim import declared
from tenure.connectors.testing import ConnectorConformance
from tests.connectors.odd_scim import Odd, Quirks, odd_scim

#: What a server is like, and what has to be said of it.
CASES: dict[str, tuple[Quirks, dict[str, Any]]] = {
    "by the standard": (Quirks(), {}),
    "declares nothing": (Quirks(declares=False), {}),
    "answers PATCH with 204": (Quirks(patch_answers=204), {}),
    "PUT only": (Quirks(patch="none"), {}),
    "PUT only, and does not say so": (Quirks(patch="none", declares=False), {}),
    "PATCH without entries": (Quirks(patch="no-entries"), {}),
    "PATCH without paths": (Quirks(patch="pathless"), {}),
    "PATCH for active only": (
        Quirks(patch="active"),
        {"changes": {"by": "put"}, "off": {"send": "patch"}},
    ),
    "capital operations": (Quirks(operations="capital"), {"changes": {"operations": "capital"}}),
    "booleans as text": (Quirks(booleans="text"), {"booleans": "text"}),
    "no types": (Quirks(typed=False), {}),
    "filters ignored": (Quirks(filters="ignored", declares=False), {}),
    "filters refused": (Quirks(filters="refused", declares=False), {}),
    "filters break it": (Quirks(filters="broken", declares=False), {}),
    "filters not found": (Quirks(filters="missing", declares=False), {}),
    "filters mind capitals": (Quirks(filters="exact"), {"filters": []}),
    "filters by name": (Quirks(filterable=frozenset({"userName", "externalId"})), {}),
    "pages from 0": (Quirks(pages="zero"), {}),
    "pages by cursor": (Quirks(pages="cursor", largest=9), {}),
    "pages by cursor, unsaid": (
        Quirks(pages="cursor", declares=False),
        {"pages": {"by": "cursor"}},
    ),
    "pages overlap": (Quirks(pages="overlapping"), {}),
    "no pages": (Quirks(pages="none"), {}),
    "small pages": (Quirks(largest=7), {}),
    "count breaks it": (Quirks(count="broken"), {}),
    "count refused": (Quirks(count="refused", largest=8), {}),
    "wrong totals": (Quirks(total="wrong"), {}),
    "totals of the page": (Quirks(total="page"), {}),
    "errors as pages": (Quirks(errors="html"), {}),
    "errors as 200": (Quirks(errors="good"), {}),
    "taken as 400": (Quirks(taken=400), {}),
    "versions offered": (Quirks(etags="offered", patch="none"), {}),
    "versions required": (Quirks(etags="required"), {}),
    "careless": (Quirks(careless=True), {}),
    "no external id": (Quirks(external_id=False), {"external_id": False}),
    "members only where read": (Quirks(members="group"), {}),
    "members never": (Quirks(members="never"), {"members": {"shown": "never"}}),
    "members by search": (Quirks(members="never"), {"members": {"shown": "filter"}}),
    "members in accounts": (Quirks(members="users"), {"members": {"shown": "users"}}),
    "members by name": (Quirks(members_named="userName", members_remove="broken"), {}),
    "members by list": (Quirks(members_remove="list"), {"members": {"remove": "list"}}),
    "members by PUT": (Quirks(members_change="put"), {}),
    "members on the account": (Quirks(members_change="user"), {"members": {"by": "user"}}),
    "members by address": (Quirks(references=True), {}),
    "few members at once": (Quirks(members_most=10), {"members": {"per_request": 10}}),
    "SCIM 1.1": (Quirks(version="1.1"), {"version": "1.1"}),
    "SCIM 1.1 by PUT": (Quirks(version="1.1", declares=False), {"version": "1.1"}),
}


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    declared.forget()
    yield
    declared.forget()


def config(odd: Odd, dialect: dict[str, Any], **settings: Any) -> ConnectorConfig:
    return ConnectorConfig(
        "odd",
        {"base_url": odd.address, "page_size": 10, "dialect": dialect, **settings},
        {"token": "abcdef"},
        ConnectorConformance.mapped | {"externalId"},
    )


class TestDialects(ConnectorConformance):
    @pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-").replace(",", ""))
    async def connector(self, request: pytest.FixtureRequest) -> AsyncIterator[Connector]:
        quirks, dialect = CASES[request.param]
        async with odd_scim(quirks) as odd, open_connector("scim", config(odd, dialect)) as opened:
            yield opened
