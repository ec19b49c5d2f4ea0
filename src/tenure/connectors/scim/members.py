"""A group as it is shown: what it is called and who is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.connectors.base import RemoteEntitlement
from tenure.connectors.scim.attributes import entries
from tenure.connectors.scim.changing import last_segment


def entitlement(group: Mapping[str, Any], members: frozenset[str] | None) -> RemoteEntitlement:
    """A group as the engine knows it."""
    identifier = str(group["id"])
    name = group.get("displayName")
    return RemoteEntitlement(
        "group", identifier, name if isinstance(name, str) and name else identifier, members
    )


def members_of(group: Mapping[str, Any]) -> frozenset[str]:
    """Remote ids of accounts in a group; groups inside it are not accounts."""
    return frozenset(
        str(entry["value"])
        for entry in entries(group.get("members"))
        if entry.get("value") and str(entry.get("type", "")).casefold() != "group"
    )


def names_of(entry: Mapping[str, Any]) -> set[str]:
    """What a member is called: its value, and the end of its address."""
    return {str(entry.get("value") or ""), last_segment(entry.get("$ref"))} - {""}
