"""SCIM's resources as accounts. It must not know requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from tenure.connectors.base import RemoteAccount
from tenure.connectors.scim.attributes import flatten
from tenure.connectors.scim.finding import Resource
from tenure.connectors.scim.switching import Switch


class Accounts:
    """One connection's. `names` are the attributes that are wanted."""

    def __init__(self, names: Collection[str], switch: Switch) -> None:
        self._names = tuple(sorted(names))
        self._switch = switch

    def loaded(self, resource: Resource) -> RemoteAccount:
        """With its fingerprint."""
        return self.marked(resource, fingerprint(resource))

    def marked(self, resource: Mapping[str, Any], mark: bytes) -> RemoteAccount:
        """With a fingerprint that is known, or of none yet."""
        return RemoteAccount(
            remote_id=resource["id"],
            attributes=flatten(resource, self._names),
            active=self._switch.shown(resource),
            fingerprint=mark,
        )


def fingerprint(resource: Resource) -> bytes:
    """16 bytes over everything but `meta`, which some applications change at every sign-in.

    Takes `meta` out of the resource: nothing here needs it."""
    resource.pop("meta", None)
    return blake2b(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
