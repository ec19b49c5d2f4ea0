"""Changes of accounts as operations of bulk requests, and what became of them as accounts and
errors: what `bulk` does not know.

What cannot be said without reading first, or was refused in a way that another wording may mend, is
left to the connector's own verbs, alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    AlreadyExists,
    Change,
    Connector,
    ConnectorError,
    RemoteAccount,
)
from tenure.connectors.scim.accounts import Accounts
from tenure.connectors.scim.attributes import path
from tenure.connectors.scim.bulk import Operation
from tenure.connectors.scim.changing import Changer, refuses_style, user, with_fields
from tenure.connectors.scim.creating import Creator
from tenure.connectors.scim.finding import Finder
from tenure.connectors.scim.patch import Style
from tenure.connectors.scim.speech import Speech


class Changes:
    """One connection's; see `bulk.Verbs`."""

    def __init__(
        self,
        connector: Connector,
        speech: Speech,
        creator: Creator,
        changer: Changer,
        finder: Finder,
        accounts: Accounts,
    ) -> None:
        self._connector = connector
        self._speech = speech
        self._creator = creator
        self._changer = changer
        self._finder = finder
        self._accounts = accounts

    def operation(self, change: Change) -> Operation | None:
        dialect, target = self._speech.dialect, user(change.remote_id) if change.remote_id else ""
        if change.verb == "create":
            self._creator.refuse(change.attributes)
            resource = self._creator.new(
                change.attributes, change.external_id, change.active, typed=self._speech.typed
            )
            return Operation("POST", "/Users", resource)
        if change.verb == "delete" or (change.verb == "disable" and dialect.off.by == "delete"):
            kept = change.verb == "delete" and dialect.delete == "unsupported"
            return None if kept else Operation("DELETE", target)
        body = None
        if change.verb == "update":
            self._creator.refuse(change.attributes, new=False)
            body = self._changer.update_in_one(change.attributes)
        elif dialect.off.by == "active":
            body = self._changer.active_in_one(change.verb == "enable")
        return None if body is None else Operation("PATCH", target, body)

    def made(self, identifier: str, shown: Any, sent: Mapping[str, Any]) -> RemoteAccount:
        """Where the answer does not show the account, it is what was sent, to be read later."""
        resource = {**(shown or sent), "id": identifier}
        self._finder.note(resource)
        self._creator.note(identifier)
        return self._accounts.loaded(resource) if shown else self._accounts.marked(resource, b"")

    def refused(self, change: Change, error: ConnectorError) -> ConnectorError | None:
        if change.verb == "create":
            self._finder.doubted = self._finder.doubted or isinstance(error, AlreadyExists)
            typed = self._speech.typed and any(path(name).type for name in change.attributes)
            if isinstance(error, HttpRejected) and typed and self._speech.open("typed"):
                return None
        elif change.verb != "delete" and refuses_style(error, Style.VALUE_PATH):
            return None
        return with_fields(error, change.attributes) if isinstance(error, HttpRejected) else error

    async def alone(self, change: Change) -> RemoteAccount | None:
        connector = self._connector
        match change.verb:
            case "create":
                given = {n: v for n, v in change.attributes.items() if v is not None}
                return await connector.create(
                    given, external_id=change.external_id, active=change.active
                )
            case "update":
                await connector.update(change.remote_id, change.attributes)
            case "disable":
                await connector.disable(change.remote_id)
            case "enable":
                await connector.enable(change.remote_id)
            case "delete":
                await connector.delete(change.remote_id)
        return None
