"""A connector is opened from what is stored, or the mistake in it is named."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.connectors.base import ConnectorConfig
from tenure.connectors.registry import connector_class, kinds, open_connector

GOOD: dict[str, Any] = {"base_url": "https://example.com/scim/v2"}


def test_every_kind_has_a_class_with_schemas() -> None:
    assert {"memory", "scim"} <= set(kinds())
    for kind in kinds():
        chosen = connector_class(kind)
        assert chosen.Settings.model_json_schema()["type"] == "object"
        assert chosen.Secrets.model_json_schema()["type"] == "object"


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'fax'; there are .*memory, .*scim"):
        connector_class("fax")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "setting base_url: is missing"),
        ({**GOOD, "page_size": 5000}, "setting page_size: .*1000, not 5000"),
        (
            {**GOOD, "dialect": {"changes": {"by": "post"}}},
            "setting dialect.changes.by: .*'patch', 'put' or 'none', not 'post'",
        ),
        ({**GOOD, "pagesize": 5}, "setting pagesize: is not known"),
        ({"base_url": "example.com"}, "setting base_url: the address is not a URL"),
        ({"base_url": "https://u:p@example.com"}, "setting base_url: .*user names"),
        ({"base_url": "http://169.254.169.254/scim"}, "setting base_url: .*metadata"),
    ],
)
async def test_a_wrong_setting_is_named(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=rf"^Slack \(scim\): .*{told}"):
        open_connector("scim", ConnectorConfig("Slack", settings, {"token": "secret-token"}))


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        ({}, "secret token: is missing"),
        ({"token": "has a space"}, "secret token: expected a token without spaces"),
        ({"token": "new\nline"}, "secret token: expected a token without spaces"),
        ({"token": "abcdef", "password": "hunter2"}, "secret password: is not known"),
    ],
)
async def test_a_wrong_secret_is_named_and_not_told(secrets: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told) as raised:
        open_connector("scim", ConnectorConfig("Slack", GOOD, secrets))
    assert [value for value in secrets.values() if value in str(raised.value)] == []


async def test_an_attribute_that_cannot_be_is_named() -> None:
    config = ConnectorConfig("Slack", GOOD, {"token": "secret"}, frozenset({"name..given"}))
    with pytest.raises(ValueError, match=r"'name\.\.given' is not a SCIM attribute"):
        open_connector("scim", config)
