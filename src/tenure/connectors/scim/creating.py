"""Making accounts: what is sent of a new one, and what is not sent at all.

Where the dialect leaves open whether entries of lists have types, the standard's way is tried
first. It must not know what becomes of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import Rejected
from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim import version1
from tenure.connectors.scim.attributes import path, unflatten
from tenure.connectors.scim.speech import Speech, as_text
from tenure.core.model import Attributes, Value

Resource = dict[str, Any]


class Creator:
    """One connection's."""

    def __init__(self, http: HttpFunnel, speech: Speech) -> None:
        self._http = http
        self._speech = speech
        #: The account that was last made with an external id.
        self._named: str | None = None

    async def create(self, attributes: Attributes, external_id: str, active: bool) -> Any:
        """The answer to the new account."""
        speech = self._speech
        typed = speech.typed
        try:
            made = await self._post(attributes, external_id, active, typed=typed)
        except HttpRejected as error:
            # Nothing was made. Some refuse the types of entries, whatever they are; that may have
            # been learnt while this was on its way.
            may_be_that = speech.open("typed") or not speech.typed
            had_types = typed and _have_types(attributes)
            if error.status != 400 or not had_types or not may_be_that:
                raise
            try:
                made = await self._post(attributes, external_id, active, typed=False)
            except HttpRejected:
                raise error from None
            why = "Entries of lists are taken only without type and primary."
            speech.learn("typed", False, why)
        else:
            if typed and speech.open("typed") and _have_types(attributes):
                speech.learn("typed", True)
        return made

    def note(self, remote_id: str) -> None:
        """This account was made, with an external id if the application is sent one."""
        self._named = remote_id if self._speech.external_id else None

    def seen(self, remote_id: str, resource: Resource) -> None:
        """Learns from an account that is read whether external ids are kept."""
        if remote_id == self._named and not resource.get("externalId"):
            self._speech.learn("external_id", False, "It does not keep externalId.")

    async def _post(
        self, attributes: Attributes, external_id: str, active: bool, *, typed: bool
    ) -> Any:
        resource = self.new(attributes, external_id, active, typed=typed)
        return await self._http.write("POST", "/Users", resource)

    def new(
        self,
        attributes: Mapping[str, Value | None],
        external_id: str,
        active: bool,
        *,
        typed: bool,
    ) -> Resource:
        """A new account as it is sent."""
        dialect = self._speech.dialect
        resource = unflatten(attributes, typed=typed)
        if dialect.schemas:
            resource["schemas"] = list(dict.fromkeys([*resource["schemas"], *dialect.schemas]))
        if self._speech.external_id:
            resource["externalId"] = external_id
        resource["active"] = active
        if dialect.version == "1.1":
            version1.written(resource)
        if dialect.booleans == "text":
            resource = as_text(resource)
        return resource

    def refuse(self, attributes: Mapping[str, Value | None], *, new: bool = True) -> None:
        """What the application is known not to take is not sent."""
        dialect = self._speech.dialect
        missing = [name for name in dialect.required if new and attributes.get(name) in (None, "")]
        if missing:
            raise Rejected(
                f"This application makes no account without {', '.join(missing)}: map it to "
                "something that everybody has.",
                missing,
            )
        name = attributes.get("userName")
        if dialect.user_name == "email" and name is not None and "@" not in str(name):
            raise Rejected(
                f"User names are e-mail addresses in this application, and {name!r} is none: map "
                "userName to one, as in userName: user.email.",
                ("userName",),
            )


def _have_types(attributes: Attributes) -> bool:
    return any(path(name).type for name in attributes)
