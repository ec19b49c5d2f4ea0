"""The LDAP connector keeps the promises of the port against an Active Directory domain controller:
Samba's, which enforces what Microsoft documents (passwords in `unicodePwd`, the bits of
`userAccountControl`, unique `sAMAccountName`)."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tenure.connectors.base import Connector, ConnectorConfig, Limits
from tenure.connectors.ldap.directory import Directory
from tenure.connectors.ldap.settings import LdapSettings
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tenure.core.model import Value
from tests.connectors.directories import (
    AD_ADMIN,
    AD_SUFFIX,
    PASSWORD,
    Slapd,
    can_be_domain_controller,
    domain_controller,
)

pytestmark = pytest.mark.skipif(
    not can_be_domain_controller(), reason="Samba is not here, or we are not root"
)
ATTRIBUTES = ConnectorConformance.mapped | {"externalId", "userPrincipalName", "ou"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with domain_controller(tmp_path_factory.mktemp("dc")) as running:
        yield running


def settings(server: Slapd, people_dn: str, **other: Any) -> dict[str, Any]:
    return {
        "kind": "active_directory",
        "url": server.ldaps,
        "ca_file": str(server.certificate),
        "bind_dn": AD_ADMIN,
        "people_dn": people_dn,
        "groups_dn": people_dn,
        "create_groups": True,
        "create_units": True,
        "page_size": 10,
        **other,
    }


async def config(server: Slapd, **other: Any) -> ConnectorConfig:
    """A unit of one's own."""
    name = f"t{uuid.uuid4().hex[:12]}"
    dn = f"OU={name},{AD_SUFFIX}"
    given = LdapSettings.model_validate(settings(server, AD_SUFFIX))
    directory = Directory(given, PASSWORD, Limits())
    await directory.add(dn, {"objectClass": ["organizationalUnit"], "ou": [name]})
    await directory.close()
    return ConnectorConfig(
        application="domain",
        settings=settings(server, dn, **other),
        secrets={"password": PASSWORD},
        attributes=ATTRIBUTES,
    )


class TestActiveDirectory(ConnectorConformance):
    @pytest.fixture
    async def connector(self, server: Slapd) -> AsyncIterator[Connector]:
        async with open_connector("ldap", await config(server)) as opened:
            yield opened

    def sample(self, name: str | None = None) -> dict[str, Value]:
        # sAMAccountName has at most 20 characters.
        return super().sample((name or f"u{uuid.uuid4().hex[:12]}")[:20])
