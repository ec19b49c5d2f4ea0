"""Groups and who is in them: read where the application shows it, changed as a difference.

Members are sent in chunks, removals first, by PATCH, by PUT of the whole group, or on the accounts.
Where members are shown is found out when the dialect does not say: a group that seems empty only in
the list is no empty group, and what names members must be the ids of accounts. It must not know
accounts beyond that.
"""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteEntitlement,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.http import HttpFunnel, segment
from tenure.connectors.scim import patch, version1
from tenure.connectors.scim.attributes import entries
from tenure.connectors.scim.changing import (
    Changer,
    another_way,
    once_more_if_outdated,
    user,
    version_of,
)
from tenure.connectors.scim.members import entitlement, members_of, names_of
from tenure.connectors.scim.speech import Speech

Resource = dict[str, Any]
Pages = Callable[[str, Mapping[str, str]], AsyncIterator[list[Resource]]]

GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
#: So many groups without members in the list are read one by one to see whether they are empty.
_DOUBTED = 5
#: Where members are shown that are not in the group itself.
_ELSEWHERE = frozenset({"filter", "users", "never"})
_WITH_ADDRESS = "Members are taken only with their address ($ref)."


class Groups:
    """One connection's. `pages` lists a collection; `address` is where the application is."""

    def __init__(
        self, http: HttpFunnel, speech: Speech, changer: Changer, pages: Pages, *, address: str
    ) -> None:
        self._http = http
        self._speech = speech
        self._changer = changer
        self._pages = pages
        self._address = address.rstrip("/")

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        """Every group, with its members where they can be told."""
        groups = [group async for page in self._pages("/Groups", {}) for group in page]
        shown = self._speech.shown or await self._found_out(groups)
        if shown == "users":
            members = await self._by_users()
            for group in groups:
                yield entitlement(group, frozenset(members.get(group["id"], ())))
            return
        if shown == "filter" and groups and not await self._filters_by_group():
            shown = "never"
        for group in groups:
            try:
                yield entitlement(group, await self._members(group, shown))
            except NotFound:
                yield entitlement(group, None)  # It went between the list and now.

    async def create(self, name: str) -> RemoteEntitlement:
        """A new group with nobody in it."""
        version1_ = self._speech.dialect.version == "1.1"
        body: Resource = {
            "schemas": [version1.CORE if version1_ else GROUP_SCHEMA],
            "displayName": name,
        }
        if self._speech.references:
            body["members"] = []
        try:
            made = await self._http.write("POST", "/Groups", body)
        except HttpRejected as error:
            if error.status != 400 or "members" in body:
                raise
            # Some want to be told that there are none.
            made = await self._http.write("POST", "/Groups", {**body, "members": []})
        group = created(made, "POST /Groups")
        shown = self._speech.shown
        nobody = None if shown in {"never", "filter"} else frozenset[str]()
        return entitlement({"displayName": name, **group}, nobody)

    async def delete(self, remote_id: str) -> None:
        """The group is gone. Raises `NotFound`."""
        await self._http.write("DELETE", _group(remote_id), single=True)

    async def change(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """When a later request fails, the earlier ones are done: the same call again is safe."""
        gone = list(dict.fromkeys(remove))
        new = [one for one in dict.fromkeys(add) if one not in set(gone)]
        by = (await self._speech.ready()).members
        if by == "none":
            raise Unsupported(
                "Members of groups cannot be changed in this application.",
                f"Change them in its own administration pages: add {', '.join(new) or 'nobody'}, "
                f"remove {', '.join(gone) or 'nobody'}.",
            )
        if by == "user":
            await self._by_user(remote_id, new, gone)
        elif by == "put":
            await self._put(remote_id, new, gone)
        else:
            await self._patch(remote_id, new, gone)

    async def has(self, remote_id: str, member: str) -> bool | None:
        """Whether the account is in the group; None where the group does not show that."""
        group = await self._read(remote_id)
        return None if self._hides(group) else member in members_of(group)

    # Changing.

    async def _patch(self, remote_id: str, new: list[str], gone: list[str]) -> None:
        try:
            await self._send(remote_id, new, gone)
        except (HttpRejected, OutcomeUnknown, Unsupported) as error:
            if not await self._sent_otherwise(remote_id, new, gone, error):
                raise

    async def _sent_otherwise(
        self, remote_id: str, new: list[str], gone: list[str], error: ConnectorError
    ) -> bool:
        """Says the same in another way, if there is one that cannot do more than is meant."""
        refused = isinstance(error, HttpRejected) and error.status == 400
        speech = self._speech
        may_need_more = refused and new and speech.open("members.references")
        if may_need_more and await self._tried(remote_id, new, gone, references=True):
            speech.learn("members.references", True, _WITH_ADDRESS)
            return True
        no_patch = error.status in {405, 501}
        if not no_patch and not (gone and (refused or error.status == 500)):
            return False
        # It may refuse to remove who is not in the group: ask who is.
        group = await self._read(remote_id)
        inside = members_of(group)
        held = [one for one in gone if one in inside]
        if held != gone and another_way(error):
            await self._send(remote_id, [one for one in new if one not in inside], held)
            return True
        if speech.open("members.by") and speech.open("members.remove") and "members" in group:
            # What is there is shown, so writing it back with the difference loses nobody.
            await self._put(remote_id, new, gone)
            why = f"Members cannot be changed one by one ({error.status}): the group is PUT."
            speech.learn("members.by", "put", why)
            return True
        return False

    async def _tried(
        self, remote_id: str, new: list[str], gone: list[str], *, references: bool
    ) -> bool:
        try:
            await self._send(remote_id, new, gone, references=references)
        except (HttpRejected, OutcomeUnknown):
            return False
        return True

    async def _send(
        self, remote_id: str, new: list[str], gone: list[str], *, references: bool = False
    ) -> None:
        dialect, target = self._speech.dialect, _group(remote_id)
        added = self._entries(new, references=references or self._speech.references)
        most = dialect.members.per_request

        async def read() -> Resource:
            return await self._read(remote_id)

        if dialect.version == "1.1":
            for start in range(0, len(gone), most):
                body = version1.member_body([], gone[start : start + most])
                await self._changer.change(target, body, read)
            for start in range(0, len(added), most):
                body = version1.member_body(added[start : start + most], [])
                await self._changer.change(target, body, read)
            return
        for body in patch.member_bodies(
            added,
            gone,
            most=most,
            by_list=dialect.members.remove == "list",
            capital=dialect.changes.operations == "capital",
        ):
            await self._changer.change(target, body, read)

    async def _put(self, remote_id: str, new: list[str], gone: list[str]) -> None:
        """The whole group as it is, with the difference."""

        async def attempt() -> None:
            group = await self._read(remote_id)
            version = version_of(group)
            there = await self._inside(group)
            if there is None:
                raise Unsupported(
                    "The application does not show who is in this group, and takes it as a whole "
                    "only: everybody else would be out of it.",
                    f"In its own administration pages, add {', '.join(new) or 'nobody'}, remove "
                    f"{', '.join(gone) or 'nobody'}.",
                )
            out = await self._called(gone, there)
            kept = [entry for entry in there if names_of(entry).isdisjoint(out)]
            inside = {name for entry in kept for name in names_of(entry)}
            added = [one for one in new if one not in inside]
            if not added and len(kept) == len(there):
                return
            body = {k: v for k, v in group.items() if k not in {"meta", "members"}}

            async def put(*, references: bool) -> None:
                members = [*kept, *self._entries(added, references=references)]
                whole = {**body, "members": members}
                await self._changer.send("PUT", _group(remote_id), whole, version)

            # New ones are written as those that are there.
            as_there = self._speech.references or any("$ref" in entry for entry in there)
            try:
                await put(references=as_there)
            except HttpRejected as error:
                unsaid = added and not as_there and self._speech.open("members.references")
                if error.status != 400 or not unsaid:
                    raise
                await put(references=True)
                self._speech.learn("members.references", True, _WITH_ADDRESS)

        await once_more_if_outdated(attempt)

    async def _called(
        self, accounts: Sequence[str], there: Sequence[Mapping[str, Any]]
    ) -> set[str]:
        """What these accounts are called among the members that are there: by their ids; those
        that are not, perhaps by their user names."""
        names = {name for entry in there for name in names_of(entry)}
        called = set(accounts)
        for account in accounts:
            if account in names:
                continue
            try:
                resource = await self._changer.resource(account)
            except NotFound:
                continue
            if resource.get("userName"):
                called.add(str(resource["userName"]))
        return called

    async def _by_user(self, remote_id: str, new: list[str], gone: list[str]) -> None:
        """Each account's groups are changed, not the group."""
        capital = self._speech.dialect.changes.operations == "capital"
        entry = f"groups[value eq {patch.quoted(remote_id)}]"
        steps = [(one, {"op": "remove", "path": entry}) for one in gone]
        value = [{"value": remote_id}]
        steps += [(one, {"op": "add", "path": "groups", "value": value}) for one in new]  # type: ignore[dict-item]
        for account, operation in steps:
            body = patch.body([operation], capital=capital)
            await self._changer.change(
                user(account), body, functools.partial(self._changer.resource, account)
            )

    def _entries(self, accounts: Iterable[str], *, references: bool) -> list[dict[str, str]]:
        if not references:
            return [{"value": one} for one in accounts]
        return [{"value": one, "$ref": f"{self._address}{user(one)}"} for one in accounts]

    # Reading.

    async def _read(self, remote_id: str) -> Resource:
        """As it is now. What is no such group is not taken for one that is empty: written back, it
        would lose everybody."""
        group = await self._http.one(_group(remote_id))
        identifier = str(group.get("id", ""))
        if identifier.casefold() != remote_id.casefold():
            raise RetryLater(
                f"GET {_group(remote_id)} was answered with "
                f"{f'the group {identifier}' if identifier else 'no group'}: nothing is concluded "
                "from that, or written by it. It is read again later."
            )
        return group

    def _hides(self, group: Resource) -> bool:
        """Whether who is in it is shown elsewhere, so that it only looks empty."""
        return "members" not in group and self._speech.shown in _ELSEWHERE

    async def _inside(self, group: Resource) -> list[Mapping[str, Any]] | None:
        """Its members as they are written: as it shows them, or as they are shown elsewhere. None
        where they are shown nowhere."""
        if not self._hides(group):
            return list(entries(group.get("members")))
        if self._speech.shown == "users":
            found: Iterable[str] | None = (await self._by_users()).get(group["id"], ())
        else:
            found = await self._members(group, self._speech.shown or "never")
        return None if found is None else [{"value": one} for one in sorted(found)]

    async def _members(self, group: Resource, shown: str) -> frozenset[str] | None:
        if shown == "never":
            return None
        if shown == "filter":
            query = {"filter": f"groups.value eq {patch.quoted(group['id'])}"}
            try:
                found = [one["id"] async for page in self._pages("/Users", query) for one in page]
            except Rejected:
                return None
            return frozenset(found)
        return members_of(await self._read(group["id"]) if shown == "group" else group)

    async def _by_users(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        async for page in self._pages("/Users", {}):
            for account in page:
                for entry in entries(account.get("groups")):
                    found.setdefault(str(entry.get("value")), set()).add(account["id"])
        return found

    async def _filters_by_group(self) -> bool:
        """Whether a search for accounts in a group that is not there finds nobody. If it finds
        anybody, what it says of other groups is worth nothing."""
        query = {"filter": f"groups.value eq {patch.quoted(uuid.uuid4().hex)}"}
        try:
            async for page in self._pages("/Users", query):
                if page:
                    return False
        except (Rejected, NotFound, StopApplication) as error:
            # It refuses such a group, so it does not ignore the search; or it refuses all.
            return error.status in {400, 404}
        return True

    async def _found_out(self, groups: Sequence[Resource]) -> str:
        """Where members are shown, by what this list shows."""
        for group in groups:
            if found := members_of(group):
                return await self._as_named("list", next(iter(found)))
        for group in [g for g in groups if "members" not in g][:_DOUBTED]:
            with contextlib.suppress(NotFound):
                group = await self._read(group["id"])
            if found := members_of(group):
                why = "Members are shown only where one group is read."
                self._speech.learn("members.shown", "group", why)
                return await self._as_named("group", next(iter(found)))
        return "list"

    async def _as_named(self, shown: str, member: str) -> str:
        """`shown`, unless it names members by something that is not their id."""
        try:
            account = await self._http.read(user(member), single=True)
        except ConnectorError:
            account = {}
        identifier = str(account.get("id", "")) if isinstance(account, dict) else ""
        if identifier.casefold() == member.casefold() or not identifier:
            return shown
        if entries(account.get("groups")):
            why = "Groups name their members by something else than their id: accounts are asked."
            self._speech.learn("members.shown", "users", why)
            return "users"
        return shown


def created(made: Any, ask: str) -> Resource:
    """What was just created; it has an id, or it is not known what was created."""
    if not isinstance(made, dict) or not made.get("id"):
        raise OutcomeUnknown(
            f"{ask} was answered without an id: whether it was created is not known. It is looked "
            "for before anything is sent again."
        )
    made["id"] = str(made["id"])
    return made


def _group(remote_id: str) -> str:
    return f"/Groups/{segment(remote_id)}"
