"""Changing accounts: PATCH in the form that the application takes, or PUT of what was read.

Where the dialect leaves the form open, as little as possible is sent first, and what is refused is
said in another way; what worked is kept to. A change that names a version (ETag) and is too late is
made anew to what is there by then, once. It must not know lists or groups.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.http import HttpFunnel, segment
from tenure.connectors.scim import patch, version1
from tenure.connectors.scim.attributes import boolean, path, present, put
from tenure.connectors.scim.patch import Style
from tenure.connectors.scim.speech import Speech, as_text
from tenure.core.model import Value

Resource = dict[str, Any]
#: What a server calls it when an entry that a path names is not there, or the path is beyond it.
_OTHER_WAY = frozenset({"", "notarget", "invalidpath", "invalidfilter", "invalidsyntax"})
_BY_HAND = "Change the account in the application's own administration pages."
_READ_ONLY = ("meta", "groups")


class Changer:
    """One connection's."""

    def __init__(self, http: HttpFunnel, speech: Speech) -> None:
        self._http = http
        self._speech = speech

    async def resource(self, remote_id: str) -> Resource:
        """One account as it is now, `meta` included. Raises `NotFound`."""
        body = await self._http.read(user(remote_id), single=True)
        if not isinstance(body, dict) or not body.get("id"):
            raise RetryLater(
                f"GET {user(remote_id)} was answered without an account: it is read again later. "
                "If that stays, check that the address is that of SCIM 2.0."
            )
        identifier = str(body["id"])
        # Some write ids in another case than they give them; they are one id all the same.
        if identifier.casefold() != remote_id.casefold():
            raise StopApplication(
                f"GET {user(remote_id)} was answered with the account {identifier}: nothing may be "
                "concluded from that, and nothing is written by it. Tell the application's maker."
            )
        body["id"] = remote_id
        if self._speech.dialect.version == "1.1":
            version1.understood(body)
        return body

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        """Sets what is named and clears what is None. Raises `Unsupported` for what cannot be
        changed here, after the rest was."""
        by = (await self._speech.ready()).changes
        if by == "none":
            raise Unsupported("Accounts cannot be changed in this application.", _BY_HAND)
        only = self._speech.dialect.changes.only
        fixed = [name for name in changes if only is not None and name not in only]
        left = {name: value for name, value in changes.items() if name not in fixed}
        if left:
            try:
                await self._changed(remote_id, left, by)
            except HttpRejected as error:
                raise with_fields(error, left) from None
        if fixed:
            raise Unsupported(f"{', '.join(fixed)} cannot be changed here afterwards.", _BY_HAND)

    async def set_active(self, remote_id: str, active: bool) -> None:
        """Switches the account on or off."""
        await self._speech.ready()
        by = "put" if self._active_by() == "put" else "patch"
        await self._changed(remote_id, {"active": active}, by)

    def update_in_one(self, changes: Mapping[str, Value | None]) -> dict[str, Any] | None:
        """The body of the one PATCH that changes this without anything being read first; None
        where it takes more, or another way is better. `speech` is ready."""
        only = self._speech.dialect.changes.only
        if not changes or (only is not None and any(name not in only for name in changes)):
            return None
        return self._in_one(changes, self._speech.changes)

    def active_in_one(self, active: bool) -> dict[str, Any] | None:
        """The same for switching on or off."""
        return self._in_one({"active": active}, self._active_by())

    def _in_one(self, changes: Mapping[str, Value | None], by: str) -> dict[str, Any] | None:
        speech = self._speech
        if by != "patch" or speech.etags or speech.dialect.version == "1.1":
            return None
        if self.styles(changes)[0] is not Style.VALUE_PATH:
            return None
        made = patch.operations(changes, typed=speech.typed)
        body = patch.body(made, capital=speech.dialect.changes.operations == "capital")
        if speech.dialect.booleans == "text":
            body = as_text(body)
        return body if made else None

    def _active_by(self) -> str:
        return self._speech.dialect.off.send or self._speech.changes

    async def _changed(self, remote_id: str, changes: Mapping[str, Value | None], by: str) -> None:
        if by == "put":
            await self._put(remote_id, changes)
        elif self._speech.dialect.version == "1.1":
            current = await self.resource(remote_id)
            await self._send(remote_id, version1.patch_body(changes, current), current)
        else:
            try:
                await self._patch(remote_id, changes)
            except Unsupported:
                if not self._speech.open("changes.by"):
                    raise
                await self._put(remote_id, changes)
                self._speech.learn("changes.by", "put", "It has no PATCH: accounts are PUT.")

    async def _patch(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        refused: ConnectorError | None = None
        current: Resource | None = None
        for style in self.styles(changes):
            if style is not Style.VALUE_PATH and current is None:
                current = await self.resource(remote_id)
            made = patch.operations(changes, style, current, typed=self._speech.typed)
            if refused is not None and not made:
                return
            if made:
                body = patch.body(
                    made, capital=self._speech.dialect.changes.operations == "capital"
                )
                try:
                    await self._send(remote_id, body, current)
                except (HttpRejected, OutcomeUnknown) as error:
                    if not refuses_style(error, style):
                        raise
                    refused = refused or error
                    continue
            self._learn(style, refused)
            return
        if refused is not None:
            raise refused

    def styles(self, changes: Mapping[str, Value | None]) -> list[Style]:
        """The forms to try, the likeliest first."""
        speech = self._speech
        if speech.said("changes.paths") is False:
            return [Style.BARE]
        bare = [Style.BARE] if speech.open("changes.paths") else []
        if not patch.has_entries(changes):
            return [Style.VALUE_PATH, *bare]
        if speech.said("changes.entries") == "list" or not speech.typed:
            return [Style.WHOLE, *bare]
        whole = [Style.WHOLE] if speech.open("changes.entries") else []
        return [Style.VALUE_PATH, Style.PRECISE, *whole, *bare]

    def _learn(self, style: Style, refused: ConnectorError | None) -> None:
        speech = self._speech
        if style is Style.BARE:
            speech.learn("changes.paths", False, "PATCH is taken only without a path.")
            return
        speech.learn("changes.paths", True)
        if style is Style.WHOLE and refused is not None:
            why = "Entries of a list cannot be changed one by one: lists are written whole."
            speech.learn("changes.entries", "list", why)

    async def _put(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        """PUT of what was read, with the changes. What is left out would be cleared."""

        async def attempt() -> None:
            resource = await self.resource(remote_id)
            for name, value in changes.items():
                put(resource, path(name), present(value), typed=self._speech.typed)
            version = version_of(resource)
            for read_only in _READ_ONLY:
                resource.pop(read_only, None)
            # Several applications take an account without `active` for one to be switched off.
            active = boolean(resource.get("active"))
            resource["active"] = True if active is None else active
            if self._speech.dialect.version == "1.1":
                version1.written(resource)
            await self.send("PUT", user(remote_id), resource, version)

        await once_more_if_outdated(attempt)

    async def _send(
        self, remote_id: str, body: Mapping[str, Any], current: Resource | None
    ) -> None:
        await self.change(user(remote_id), body, lambda: self.resource(remote_id), current)

    async def change(
        self,
        target: str,
        body: Mapping[str, Any],
        read: Callable[[], Awaitable[Resource]],
        current: Resource | None = None,
    ) -> None:
        """A PATCH; where it has to name a version, or named one that is outdated, it is sent once
        more to the resource as it is by then."""
        version = version_of(current) if current is not None else ""
        try:
            await self.send("PATCH", target, body, version)
        except (RetryLater, HttpRejected) as error:
            # 428: it wants to be told the version; 412: the one that was told is outdated.
            if error.status not in {412, 428}:
                raise
            if error.status == 428:
                self._speech.learn("etags", True, "It wants every change to name the version.")
            await self.send("PATCH", target, body, version_of(await read()))

    async def send(
        self, method: str, target: str, body: Mapping[str, Any], version: str = ""
    ) -> Any:
        """One change, in the words of the dialect, to the version if it goes by versions."""
        if self._speech.dialect.booleans == "text":
            body = as_text(body)
        headers = {"If-Match": version} if version and self._speech.etags else None
        return await self._http.write(method, target, body, single=True, headers=headers)


async def once_more_if_outdated(attempt: Callable[[], Awaitable[None]]) -> None:
    """Reads and writes; once more where somebody else wrote in between (412)."""
    try:
        await attempt()
    except RetryLater as error:
        if error.status != 412:
            raise
        await attempt()


def user(remote_id: str) -> str:
    """The path of an account."""
    return f"/Users/{segment(remote_id)}"


def last_segment(reference: object) -> str:
    """The id at the end of a resource's address, absolute or relative."""
    text = reference if isinstance(reference, str) else ""
    return unquote(text.split("?")[0].rstrip("/").rpartition("/")[2])


def another_way(error: ConnectorError) -> bool:
    """Whether the same change may be taken when it is written differently."""
    return (
        isinstance(error, HttpRejected)
        and error.status == 400
        and error.code.casefold() in _OTHER_WAY
    )


def with_fields(error: HttpRejected, names: Iterable[str]) -> Rejected:
    """The same error, naming the attributes that its text speaks of."""
    words = {word.casefold() for word in re.findall(r"\w+", str(error))}
    fields = [
        name
        for name in names
        if path(name).attribute.casefold() in words
        and (
            path(name).type is not None or (path(name).sub or "value").casefold() in words | _VALUE
        )
    ]
    found = HttpRejected(str(error), fields, status=error.status, code=error.code)
    return found


_VALUE = frozenset({"value"})


def refuses_style(error: ConnectorError, style: Style) -> bool:
    """Whether a PATCH of this form is worth sending in another one."""
    # Setting a value twice is setting it once, so a form that breaks a server may be said again.
    broke = error.status == 500 and style in {Style.VALUE_PATH, Style.PRECISE}
    return another_way(error) or broke


def version_of(resource: Mapping[str, Any]) -> str:
    """The version that changes can name (RFC 7644, 3.14), "" where it is told none."""
    meta = resource.get("meta")
    version = meta.get("version") if isinstance(meta, dict) else None
    return version if isinstance(version, str) and version.isascii() else ""
