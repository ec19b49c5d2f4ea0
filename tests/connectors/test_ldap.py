"""The LDAP connector keeps the promises of the port against a real slapd, in each of the ways in
which accounts are switched off and groups are kept."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    NotFound,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.ldap.directory import BASE, REPLACE, Directory
from tenure.connectors.ldap.filters import equal, present
from tenure.connectors.ldap.settings import LdapSettings
from tenure.connectors.base import Limits
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tests.connectors.directories import ADMIN, PASSWORD, SUFFIX, Slapd, slapd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


def settings(server: Slapd, **other: Any) -> dict[str, Any]:
    return {
        "url": server.ldaps,
        "ca_file": str(server.certificate),
        "bind_dn": ADMIN,
        "people_dn": f"ou=people,{SUFFIX}",
        "create_groups": True,
        "page_size": 10,
        **other,
    }


async def tree(server: Slapd, *units: str) -> str:
    """A tree of one's own; gives the DN of its people."""
    given = LdapSettings.model_validate(settings(server))
    directory = Directory(given, PASSWORD, Limits())
    top = f"ou=t{uuid.uuid4().hex[:12]},{SUFFIX}"
    for name in ("", "ou=people,", "ou=groups,", "ou=former,", *(f"{one}," for one in units)):
        dn = f"{name}{top}"
        await directory.add(
            dn, {"objectClass": ["organizationalUnit"], "ou": [dn.split(",")[0][3:]]}
        )
    await directory.close()
    return top


async def config(
    server: Slapd,
    *units: str,
    password: str = PASSWORD,
    attributes: frozenset[str] = frozenset(),
    **other: Any,
) -> ConnectorConfig:
    top = await tree(server, *units)
    given = {name: v.replace("TOP", top) if isinstance(v, str) else v for name, v in other.items()}
    if "off" in given:
        given["off"] = {k: v.replace("TOP", top) for k, v in given["off"].items()}
    return ConnectorConfig(
        application="directory",
        settings=settings(
            server,
            **{"people_dn": f"ou=people,{top}", "groups_dn": f"ou=groups,{top}", **given},
        ),
        secrets={"password": password},
        attributes=ConnectorConformance.mapped | attributes | {"externalId"},
    )


class LdapConformance(ConnectorConformance):
    """What every connector promises."""

    settings: ClassVar[dict[str, Any]]

    @pytest.fixture
    async def connector(self, server: Slapd) -> AsyncIterator[Connector]:
        async with open_connector("ldap", await config(server, **self.settings)) as opened:
            yield opened


class TestByLock(LdapConformance):
    settings: ClassVar[dict[str, Any]] = {"external_id": "employeeNumber"}


class TestByAttribute(LdapConformance):
    settings: ClassVar[dict[str, Any]] = {
        "off": {"by": "attribute", "attribute": "employeeType", "value": "former", "on": "staff"},
        "group_class": "groupOfUniqueNames",
    }


class TestByMove(LdapConformance):
    settings: ClassVar[dict[str, Any]] = {"off": {"by": "move", "unit": "ou=former,TOP"}}


class TestByCommonName(LdapConformance):
    """Entries named by what people are called, many of whom are called the same."""

    settings: ClassVar[dict[str, Any]] = {"rdn": "cn"}
