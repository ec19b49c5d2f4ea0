"""The connector for Google Workspace: users of the Directory API, groups and licences.

How a user looks is in `resources`, how Google is spoken to in `api`; what goes wrong on the way is
decided in the funnel. It must not know the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from tenure.connectors.base import (
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    OutcomeUnknown,
    RemoteAccount,
    RemoteEntitlement,
    Unsupported,
    listed,
)
from tenure.connectors.bearer import bearer
from tenure.connectors.google.api import Api, explain
from tenure.connectors.google.entitlements import DIRECTORY, Groups, Licences
from tenure.connectors.google.resources import (
    body,
    condition,
    fingerprint,
    must_be_known,
    new,
    shown,
)
from tenure.connectors.google.settings import GoogleSecrets, GoogleSettings
from tenure.connectors.google.transfers import Transfers
from tenure.connectors.http import segment
from tenure.connectors.opened import OpenWith
from tenure.core.diff import canonical
from tenure.core.model import Attributes, Value

_BY_HAND = "Do it in the Google Admin console."
_FULL = {"projection": "full"}


class GoogleConnector(OpenWith):
    """One Workspace."""

    Settings: ClassVar[type[BaseModel]] = GoogleSettings
    Secrets: ClassVar[type[BaseModel]] = GoogleSecrets

    #: Licences are bought and not made.
    deletes_entitlements: ClassVar[frozenset[str]] = frozenset({"group"})
    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = GoogleSettings.model_validate(dict(config.settings))
        way = bearer(config, GoogleSecrets)
        for name in config.attributes:
            must_be_known(name)
        self._settings = settings
        self._names = sorted(config.attributes)
        funnels = [
            way.funnel(settings, address=address, limits=config.limits, how=explain)
            for address in (settings.base_url, settings.licensing_url)
        ]
        self._opened = funnels
        self._api, licensing = (Api(funnel) for funnel in funnels)
        self._groups = Groups(self._api, settings)
        self._licences = Licences(self._api, licensing, settings)
        self._transfers = Transfers(self._api)
        kinds = {"group": settings.groups, "licence": bool(settings.licences)}
        self.capabilities = Capabilities(
            entitlements=frozenset(kind for kind, ours in kinds.items() if ours),
            create_entitlements=settings.groups and settings.create_groups,
            unique_names=True,
            transfer=settings.transfers,
            ends_sessions=settings.sign_out,
            searchable=frozenset({"userName", "externalId"}),
        )

    @classmethod
    def ends_sessions_by(cls, settings: Mapping[str, Any]) -> bool:
        """Whether sessions can be ended by these settings."""
        return GoogleSettings.model_validate(dict(settings)).sign_out

    async def check(self) -> list[Check]:
        """Users, groups and licences: what may be read, as far as reading shows it."""
        lines = [await self._readable("Users", "users")]
        if lines[0].ok and self._settings.groups:
            lines.append(await self._readable("Groups", "groups"))
        if lines[0].ok and self._settings.licences:
            lines.append(await self._licences_readable())
        return lines

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        async for page in self._users():
            accounts = [self._account(user) for user in page]
            yield [listed(one) for one in accounts]

    async def own_account(self) -> str | None:
        """None: an access token does not say for which administrator it is."""
        return None

    async def owners(self) -> frozenset[str] | None:
        """Super administrators
        (https://developers.google.com/workspace/admin/directory/v1/guides/search-users)."""
        pages = self._users({"query": "isAdmin=true"})
        found = [user async for page in pages for user in page]
        # What a search shows is checked.
        return frozenset(str(user["id"]) for user in found if user.get("isAdmin") is True)

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._account(await self._user(remote_id))

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        """A user name at once, by the address itself; others by a search, which lags behind, or
        through everybody."""
        wanted = canonical(value, caseless=True)
        if not wanted:
            return []
        if attribute == "userName":
            users = await self._by_address(value.strip())
        else:
            clause = condition(attribute, value.strip())
            query = {"query": clause} if clause else {}
            users = [user async for page in self._users(query) for user in page]
        return [
            self._account(user)
            for user in users
            if canonical(_seen(user, attribute), caseless=True) == wanted
        ]

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        sent = new({**attributes, "externalId": external_id}, active=active)
        made = await self._api.send("POST", f"{DIRECTORY}/users", sent, single=False)
        if not isinstance(made, dict) or not made.get("id"):
            raise OutcomeUnknown(
                "POST /users was answered without an id: the account is looked for before "
                "anything is sent again."
            )
        self._api.made.note(made["id"])
        # The answer has the usual fields only. What was taken is what was sent.
        return self._account({**made, **sent, "name": {**made.get("name", {}), **sent["name"]}})

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if changes:
            now = await self._user(remote_id)
            await self._put(remote_id, body(changes, now))

    async def disable(self, remote_id: str) -> None:
        """And no session goes on."""
        await self._put(remote_id, {"suspended": True})
        if self._settings.sign_out:
            await self.end_sessions(remote_id)

    async def end_sessions(self, remote_id: str) -> None:
        """Web and device sessions, and sign-in cookies
        (https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/signOut).
        """
        if not self._settings.sign_out:
            raise Unsupported("Sessions are not ended in this Workspace (sign_out).", _BY_HAND)
        await self._api.send("POST", f"{DIRECTORY}/users/{segment(remote_id)}/signOut")

    async def enable(self, remote_id: str) -> None:
        await self._put(remote_id, {"suspended": False})

    async def delete(self, remote_id: str) -> None:
        """Can be brought back for 20 days."""
        await self._api.send("DELETE", f"{DIRECTORY}/users/{segment(remote_id)}")
        self._api.made.forget(remote_id)

    async def transfer(self, remote_id: str, to_remote_id: str) -> None:
        """Files, events and reports. Google takes its time: `RetryLater` until it is over."""
        if not self._settings.transfers:
            raise Unsupported(
                "Handing over what an account owns is switched off here (transfers).",
                "Do it in the Google Admin console, then mark it as done.",
            )
        for one in (remote_id, to_remote_id):
            await self._user(one)
        await self._transfers.hand_over(remote_id, to_remote_id)

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if self._settings.groups:
            async for group in self._groups.all():
                yield group
        if self._settings.licences:
            users, customer = await self._addresses()
            async for licence in self._licences.all(users, customer):
                yield licence

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be(kind)
        if kind != "group" or not self.capabilities.create_entitlements:
            raise Unsupported(
                f"{kind.capitalize()}s are not created in this Workspace: {name!r} is missing.",
                f"Create the group {name!r} in the Admin console, or switch on creating groups."
                if kind == "group"
                else f"Name the product and SKU of {name!r} in the settings (licences).",
            )
        return await self._groups.create(name)

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The group is gone. Raises `NotFound`."""
        self._must_be(kind)
        if kind != "group":
            raise Unsupported("Subscriptions are not cancelled by programs.", _BY_HAND)
        await self._groups.delete(remote_id)

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._must_be(kind)
        if kind == "group":
            await self._groups.change(remote_id, add, remove)
        else:
            await self._licences.change(remote_id, add, remove)

    # What the verbs share.

    async def _users(
        self, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        params = {
            "customer": self._settings.customer,
            "maxResults": str(self._settings.page_size),
            **_FULL,
            **(query or {}),
        }
        async for page in self._api.pages(f"{DIRECTORY}/users", "users", params):
            yield page

    async def _user(self, remote_id: str) -> dict[str, Any]:
        asking = self._api.get(f"{DIRECTORY}/users/{segment(remote_id)}", _FULL)
        return await self._api.made.soon(remote_id, asking)

    async def _by_address(self, address: str) -> list[dict[str, Any]]:
        try:
            return [await self._api.get(f"{DIRECTORY}/users/{segment(address)}", _FULL)]
        except ConnectorError as error:
            # Of another domain: 403, or 400 where it can be no address at all.
            if error.status in {400, 403, 404}:
                return []
            raise

    async def _put(self, remote_id: str, sent: dict[str, Any]) -> None:
        """An update keeps what is not named (users.update)."""
        sending = self._api.send("PUT", f"{DIRECTORY}/users/{segment(remote_id)}", sent)
        await self._api.made.soon(remote_id, sending)

    async def _addresses(self) -> tuple[dict[str, str], str]:
        """Address to id of every account, and the Workspace's own id, which users carry."""
        users: dict[str, str] = {}
        customer = self._settings.customer
        async for page in self._users():
            for user in page:
                users[str(user.get("primaryEmail")).casefold()] = user["id"]
                customer = user.get("customerId") or customer
        return users, customer

    async def _readable(self, what: str, collection: str) -> Check:
        params = {"customer": self._settings.customer, "maxResults": "1"}
        try:
            async for _ in self._api.pages(f"{DIRECTORY}/{collection}", collection, params):
                break
        except ConnectorError as error:
            return Check(what, False, str(error))
        return Check(what, True, "Can be read.")

    async def _licences_readable(self) -> Check:
        try:
            users, customer = await self._addresses()
            names = [
                f"{one.name}: {len(one.members or ())}"
                async for one in self._licences.all(users, customer)
            ]
        except ConnectorError as error:
            return Check("Licences", False, str(error))
        return Check("Licences", True, ", ".join(names))

    def _account(self, user: Mapping[str, Any]) -> RemoteAccount:
        attributes = {
            name: value for name in self._names if (value := shown(user, name)) is not None
        }
        suspended = user.get("suspended")
        active = None if suspended is None else not (suspended or user.get("archived"))
        return RemoteAccount(
            remote_id=user["id"],
            attributes=attributes,
            active=active,
            fingerprint=fingerprint(attributes, active),
        )

    def _must_be(self, kind: str) -> None:
        if kind not in self.capabilities.entitlements:
            raise Unsupported(
                f"This Workspace has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} in the Google Admin console.",
            )


def _seen(user: Mapping[str, Any], attribute: str) -> Value | None:
    try:
        must_be_known(attribute)
    except ValueError:
        return None
    return shown(user, attribute)
