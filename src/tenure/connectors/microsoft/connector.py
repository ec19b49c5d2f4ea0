"""The connector for Microsoft 365 and Entra ID: users of Microsoft Graph, groups and licences.

How properties look is in `properties`, how Graph is spoken to in `graph`; what goes wrong on the
way is decided in the funnel. It must not know the engine.
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
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteAccount,
    RemoteEntitlement,
    StopApplication,
    Unsupported,
    listed,
)
from tenure.connectors.bearer import bearer
from tenure.connectors.http import segment
from tenure.connectors.microsoft.entitlements import Groups, Licences
from tenure.connectors.microsoft.graph import Graph, explain
from tenure.connectors.microsoft.properties import (
    FILTERED_AT_ONCE,
    completed,
    condition,
    fingerprint,
    named,
    selected,
    shown,
    written,
)
from tenure.connectors.microsoft.returning import Deleted
from tenure.connectors.microsoft.settings import MicrosoftSecrets, MicrosoftSettings
from tenure.connectors.opened import OpenWith
from tenure.core.diff import canonical
from tenure.core.model import Attributes, Value

_BY_HAND = "Do it in the Microsoft Entra admin center."
#: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference
_GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


class MicrosoftConnector(OpenWith):
    """One tenant."""

    Settings: ClassVar[type[BaseModel]] = MicrosoftSettings
    Secrets: ClassVar[type[BaseModel]] = MicrosoftSecrets

    #: Licences are bought and not made.
    deletes_entitlements: ClassVar[frozenset[str]] = frozenset({"group"})
    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = MicrosoftSettings.model_validate(dict(config.settings))
        way = bearer(config, MicrosoftSecrets)
        self._settings = settings
        #: Account attribute -> Graph's.
        self._names = {
            name: target
            for name in sorted(config.attributes)
            if (target := named(name, settings.external_id))
        }
        self._select = selected(list(self._names.values()))
        self._http = way.funnel(settings, limits=config.limits, how=explain)
        self._opened = [self._http]
        self._graph = Graph(self._http, settings.base_url)
        self._groups = Groups(self._graph, settings)
        self._licences = Licences(self._graph, settings)
        back = settings.restore and bool(settings.external_id)
        self._deleted = Deleted(self._graph, settings.external_id) if back else None
        kinds = {"group": settings.groups, "licence": settings.licences}
        kept = {"externalId"} if settings.external_id else set()
        self.capabilities = Capabilities(
            entitlements=frozenset(kind for kind, ours in kinds.items() if ours),
            create_entitlements=settings.groups and settings.create_groups,
            unique_names=True,
            ends_sessions=settings.revoke_sessions,
            searchable=frozenset({"userName", "emails.work", *kept}),
        )

    @classmethod
    def ends_sessions_by(cls, settings: Mapping[str, Any]) -> bool:
        """Whether sessions can be ended by these settings."""
        return MicrosoftSettings.model_validate(dict(settings)).revoke_sessions

    async def check(self) -> list[Check]:
        """Users, groups and licences: what may be read, as far as reading shows it."""
        asked = {
            "Users": ("/users", True),
            "Groups": ("/groups", self._settings.groups),
            "Licences": ("/subscribedSkus", self._settings.licences),
        }
        lines = []
        for what, (path, ours) in asked.items():
            if ours:
                lines.append(await self._readable(what, path))
            if not lines[0].ok:
                break
        return lines

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        params = {"$select": self._select, "$top": str(self._settings.page_size)}
        async for page in self._graph.pages("/users", params):
            accounts = [self._account(user) for user in page if self._is_ours(user)]
            yield [listed(one) for one in accounts]

    async def own_account(self) -> str | None:
        """Who agreed in a browser; a program that speaks for itself is no user."""
        try:
            return str((await self._graph.get("/me", {"$select": "id"}))["id"])
        except (ConnectorError, KeyError):
            return None

    async def owners(self) -> frozenset[str] | None:
        """Global Administrators, by the role's template id
        (https://learn.microsoft.com/en-us/graph/api/directoryrole-list-members). None where the
        program may not read roles (RoleManagement.Read.Directory)."""
        path = f"/directoryRoles(roleTemplateId='{_GLOBAL_ADMINISTRATOR}')/members"
        try:
            pages = self._graph.pages(path, {"$select": "id"})
            return frozenset([str(one["id"]) async for page in pages for one in page])
        except (NotFound, Rejected, StopApplication):
            return None

    async def read(self, remote_id: str) -> RemoteAccount:
        path = f"/users/{segment(remote_id)}"
        asking = self._graph.get(path, {"$select": self._select})
        return self._account(await self._graph.made.soon(remote_id, asking))

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        try:
            name = named(attribute, self._settings.external_id)
        except ValueError:
            return []
        wanted = canonical(value, caseless=True)
        if not name or not wanted:
            return []
        select = selected([*self._names.values(), name])
        params = {"$select": select, "$filter": condition(name, value.strip())}
        advanced = name not in FILTERED_AT_ONCE
        return [
            self._account(user)
            async for page in self._graph.pages("/users", params, advanced=advanced)
            for user in page
            if self._is_ours(user) and _has(user, name, wanted)
        ]

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        given = {**attributes, "externalId": external_id}
        body = completed(attributes, written(given, self._settings.external_id), active=active)
        if self._deleted and (gone := await self._deleted.latest(external_id)):
            body = {name: value for name, value in body.items() if name != "passwordProfile"}
            await self._deleted.bring_back(gone, body)
            return await self.read(gone)
        made = await self._http.write("POST", "/users", body)
        if not isinstance(made, dict) or not made.get("id"):
            raise OutcomeUnknown(
                "POST /users was answered without an id: the account is looked for before "
                "anything is sent again."
            )
        self._graph.made.note(made["id"])
        # The answer has the usual properties only. What was taken is what was sent.
        return self._account({**made, **body})

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if body := written(changes, self._settings.external_id):
            await self._patch(remote_id, body)

    async def disable(self, remote_id: str) -> None:
        """And no session goes on: tokens that are out are good for an hour otherwise."""
        await self._patch(remote_id, {"accountEnabled": False})
        if self._settings.revoke_sessions:
            await self.end_sessions(remote_id)

    async def end_sessions(self, remote_id: str) -> None:
        """Refresh tokens and cookies are void at once; access tokens that are out end within the
        hour (https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions)."""
        if not self._settings.revoke_sessions:
            told = "Sessions are not ended in this tenant (revoke_sessions)."
            raise Unsupported(told, _BY_HAND)
        path = f"/users/{segment(remote_id)}/revokeSignInSessions"
        await self._http.write("POST", path, single=True)

    async def enable(self, remote_id: str) -> None:
        await self._patch(remote_id, {"accountEnabled": True})

    async def delete(self, remote_id: str) -> None:
        """Can be brought back for 30 days, and is where the same person comes back."""
        await self._http.write("DELETE", f"/users/{segment(remote_id)}", single=True)
        self._graph.made.forget(remote_id)

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if self._settings.groups:
            async for group in self._groups.all():
                yield group
        if self._settings.licences:
            async for licence in self._licences.all():
                yield licence

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be(kind)
        if kind != "group" or not self.capabilities.create_entitlements:
            raise Unsupported(
                f"{kind.capitalize()}s are not created in this tenant: {name!r} is missing.",
                f"Create the group {name!r} in the Microsoft Entra admin center, or switch on "
                "creating groups."
                if kind == "group"
                else f"Buy {name!r} in the Microsoft 365 admin center.",
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

    async def _patch(self, remote_id: str, body: dict[str, Any]) -> None:
        path = f"/users/{segment(remote_id)}"
        sending = self._http.write("PATCH", path, body, single=True)
        await self._graph.made.soon(remote_id, sending)

    async def _readable(self, what: str, path: str) -> Check:
        params = {} if path == "/subscribedSkus" else {"$top": "1", "$select": "id"}
        try:
            async for page in self._graph.pages(path, params):
                if what == "Licences":
                    names = ", ".join(str(one.get("skuPartNumber")) for one in page)
                    return Check(what, True, names or "The tenant has bought none.")
                break
        except ConnectorError as error:
            return Check(what, False, str(error))
        return Check(what, True, "Can be read.")

    def _is_ours(self, user: Mapping[str, Any]) -> bool:
        return self._settings.guests or user.get("userType") != "Guest"

    def _account(self, user: Mapping[str, Any]) -> RemoteAccount:
        enabled = user.get("accountEnabled")
        attributes = {
            name: value
            for name, target in self._names.items()
            if (value := shown(user, target)) is not None
        }
        return RemoteAccount(
            remote_id=user["id"],
            attributes=attributes,
            active=enabled if isinstance(enabled, bool) else None,
            fingerprint=fingerprint(attributes, enabled),
        )

    def _must_be(self, kind: str) -> None:
        if kind not in self.capabilities.entitlements:
            raise Unsupported(
                f"This tenant has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} in the Microsoft Entra admin center.",
            )


def _has(user: Mapping[str, Any], name: str, wanted: object) -> bool:
    value = shown(user, name)
    found = [value] if isinstance(value, str) else list(value or ())  # type: ignore[arg-type]
    return wanted in [canonical(one, caseless=True) for one in found]
