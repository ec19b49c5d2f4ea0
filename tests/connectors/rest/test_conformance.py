"""The REST connector keeps the promises of the port with interfaces as different as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from tenure.connectors.base import Connector, ConnectorConfig
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tests.connectors.rest.application import TOKEN, Application
from tests.connectors.rest.envelope import ENVELOPE, Envelope
from tests.connectors.rest.forms import FORMS, Forms
from tests.connectors.rest.rpc import RPC, Rpc
from tests.connectors.rest.tidy import TIDY, Tidy
from tests.connectors.servers import http_server


class RestConformance(ConnectorConformance):
    application: ClassVar[type[Application]]
    spec: ClassVar[dict[str, Any]]
    settings: ClassVar[dict[str, Any]] = {}
    secrets: ClassVar[dict[str, str]]

    @pytest.fixture
    async def connector(self) -> AsyncIterator[Connector]:
        async with http_server(self.application().handle) as address:
            config = ConnectorConfig(
                self.spec["name"],
                {"spec": self.spec, "url": address, **self.settings},
                self.secrets,
                self.mapped | {"externalId"},
            )
            async with open_connector("rest", config) as opened:
                yield opened


class TestTidy(RestConformance):
    application, spec, secrets = Tidy, TIDY, {"token": TOKEN}


class TestEnvelope(RestConformance):
    application, spec, secrets = Envelope, ENVELOPE, {"password": TOKEN}
    settings: ClassVar[dict[str, Any]] = {"user": "tenure"}


class TestRpc(RestConformance):
    application, spec, secrets = Rpc, RPC, {"key": TOKEN}


class TestForms(RestConformance):
    application, spec = Forms, FORMS
    secrets: ClassVar[dict[str, str]] = {"client_id": "tenure", "client_secret": TOKEN}
