"""All of them, with an account that each takes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tenure.catalogue.loading import ENTRIES, read
from tenure.connectors.base import ConnectorConfig
from tenure.connectors.registry import open_connector
from tenure.connectors.rest import RestConnector
from tenure.core.model import Value
from tests.connectors.rest.application import TOKEN, Application
from tests.connectors.rest.vendors.box import Box
from tests.connectors.rest.vendors.gitea import Gitea
from tests.connectors.rest.vendors.grafana import Grafana
from tests.connectors.rest.vendors.harbor import Harbor
from tests.connectors.rest.vendors.hubspot import Hubspot
from tests.connectors.rest.vendors.jumpcloud import Jumpcloud
from tests.connectors.rest.vendors.mattermost import Mattermost
from tests.connectors.rest.vendors.nextcloud import Nextcloud
from tests.connectors.rest.vendors.nexus import Nexus
from tests.connectors.rest.vendors.odoo import Odoo
from tests.connectors.rest.vendors.okta import Okta
from tests.connectors.rest.vendors.pagerduty import Pagerduty
from tests.connectors.rest.vendors.redash import Redash
from tests.connectors.rest.vendors.rocket_chat import RocketChat
from tests.connectors.rest.vendors.sendgrid import Sendgrid
from tests.connectors.rest.vendors.snipe_it import SnipeIt
from tests.connectors.rest.vendors.zabbix import Zabbix
from tests.connectors.rest.vendors.zendesk import Zendesk
from tests.connectors.servers import http_server

EXAMPLES = Path(__file__).parents[4] / "examples" / "connectors"


@dataclass(frozen=True, slots=True)
class Vendor:
    """`account` is what a person maps to there; `{}` in it is a new name."""

    name: str
    application: type[Application]
    account: dict[str, str]
    changed: str
    settings: dict[str, Any] = field(default_factory=dict)
    renames: bool = True
    #: Whether `changed` can be emptied.
    clears: bool = True
    #: What somebody is called after `userName` was changed.
    renamed: str = "renamed"
    #: Whether accounts are open or closed there, and whether they can be deleted.
    closes: bool = True
    deletes: bool = True

    def sample(self, name: str = "") -> dict[str, Value]:
        name = name or f"u{uuid.uuid4().hex[:10]}"
        return {key: text.replace("{}", name) for key, text in self.account.items()}

    @asynccontextmanager
    async def opened(self, application: Application) -> AsyncIterator[RestConnector]:
        async with http_server(application.handle) as address:
            # The vendors' servers want to be spared; ours need not be.
            spec = {**_written(self.name), "limits": {}}
            settings = {"spec": spec, "url": address, **self.settings}
            secrets = dict.fromkeys(spec["secrets"], TOKEN)
            config = ConnectorConfig(self.name, settings, secrets, frozenset(self.account))
            opened = open_connector("rest", config)
            assert isinstance(opened, RestConnector)
            async with opened:
                yield opened


def _written(name: str) -> dict[str, Any]:
    """An example, or what only the catalogue has."""
    file = EXAMPLES / f"{name}.yaml"
    if not file.exists():
        return read(ENTRIES / f"{name}.yaml").connector.spec
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    return found


VENDORS = [
    Vendor(
        "gitea",
        Gitea,
        {"userName": "{}", "emails.work": "{}@acme.example", "displayName": "Ada Byron"},
        "displayName",
        settings={"organisation": "acme"},
    ),
    Vendor(
        "nextcloud",
        Nextcloud,
        {
            "userName": "{}",
            "emails.work": "{}@acme.example",
            "displayName": "Ada Byron",
            "phoneNumbers.work": "+41 1",
        },
        "phoneNumbers.work",
        settings={"user": "tenure"},
        renames=False,
    ),
    Vendor(
        "mattermost",
        Mattermost,
        {
            "userName": "{}",
            "emails.work": "{}@acme.example",
            "name.givenName": "Ada",
            "name.familyName": "Byron",
            "title": "Clerk",
        },
        "title",
    ),
    Vendor(
        "zabbix",
        Zabbix,
        {"userName": "{}", "name.givenName": "Ada", "name.familyName": "Byron"},
        "name.givenName",
        settings={"user": "tenure", "group": "13"},
    ),
    Vendor(
        "grafana",
        Grafana,
        {"userName": "{}", "emails.work": "{}@acme.example", "displayName": "Ada Byron"},
        "displayName",
        settings={"user": "tenure"},
        clears=False,
    ),
    Vendor(
        "snipe-it",
        SnipeIt,
        {
            "userName": "{}",
            "emails.work": "{}@acme.example",
            "name.givenName": "Ada",
            "name.familyName": "O'Byron & <Lovelace>",
            "title": "Clerk",
        },
        "title",
    ),
    Vendor(
        "redash",
        Redash,
        {"userName": "{}@acme.example", "displayName": "Ada Byron"},
        "displayName",
        clears=False,
        renamed="renamed@acme.example",
    ),
    Vendor(
        "harbor",
        Harbor,
        {"userName": "{}", "emails.work": "{}@acme.example", "displayName": "Ada Byron"},
        "displayName",
        settings={"user": "tenure"},
        clears=False,
        renames=False,
        closes=False,
    ),
    Vendor(
        "nexus",
        Nexus,
        {
            "userName": "{}",
            "emails.work": "{}@acme.example",
            "name.givenName": "Ada",
            "name.familyName": "Byron",
        },
        "name.givenName",
        settings={"user": "tenure"},
        clears=False,
        renames=False,
    ),
    Vendor(
        "pagerduty",
        Pagerduty,
        {"userName": "{}@acme.example", "displayName": "Ada Byron", "title": "Clerk"},
        "title",
        settings={"from": "tenure@acme.example"},
        renamed="renamed@acme.example",
        closes=False,
    ),
    Vendor(
        "box",
        Box,
        {
            "userName": "{}@acme.example",
            "displayName": "Ada Byron",
            "title": "Clerk",
            "phoneNumbers.work": "+41 1",
        },
        "title",
        renamed="renamed@acme.example",
    ),
    Vendor(
        "okta",
        Okta,
        {
            "userName": "{}@acme.example",
            "emails.work": "{}@acme.example",
            "name.givenName": "Ada",
            "name.familyName": "Byron",
            "title": "Clerk",
        },
        "title",
        renamed="renamed@acme.example",
    ),
    Vendor(
        "rocket-chat",
        RocketChat,
        {"userName": "{}", "emails.work": "{}@acme.example", "displayName": "Ada Byron"},
        "displayName",
        clears=False,
    ),
    Vendor(
        "odoo",
        Odoo,
        {
            "userName": "{}@acme.example",
            "emails.work": "{}@acme.example",
            "displayName": "Ada Byron",
            "phoneNumbers.work": "+41 1",
        },
        "phoneNumbers.work",
        settings={"database": "acme"},
        renamed="renamed@acme.example",
        deletes=False,
    ),
    Vendor(
        "hubspot",
        Hubspot,
        {"userName": "{}@acme.example", "name.givenName": "Ada", "name.familyName": "Byron"},
        "name.givenName",
        clears=False,
        renames=False,
        closes=False,
    ),
    Vendor(
        "jumpcloud",
        Jumpcloud,
        {
            "userName": "{}",
            "emails.work": "{}@acme.example",
            "name.givenName": "Ada",
            "name.familyName": "Byron",
            "displayName": "Ada Byron",
            "title": "Clerk",
        },
        "title",
    ),
    Vendor(
        "sendgrid",
        Sendgrid,
        {"userName": "{}@acme.example", "name.givenName": "Ada", "name.familyName": "Byron"},
        "name.givenName",
        clears=False,
        renames=False,
        closes=False,
    ),
    Vendor(
        "zendesk",
        Zendesk,
        {"userName": "{}@acme.example", "displayName": "Ada Byron"},
        "displayName",
        settings={"email": "tenure@acme.example"},
        clears=False,
        renames=False,
    ),
]


def named(name: str) -> Vendor:
    (found,) = [one for one in VENDORS if one.name == name]
    return found
