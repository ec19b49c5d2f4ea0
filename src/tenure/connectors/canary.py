"""The life of an account that is made only to see what an application does with it.

It is made, read, found, listed, changed, put into a group, taken out, closed, opened, deleted.
Whatever happens, what was made is removed (see `leftovers`). It must not know any one connector.
"""

from __future__ import annotations

import uuid

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    RemoteAccount,
)
from tenure.connectors.leftovers import Leftovers, deletable
from tenure.connectors.steps import Journal, Outcome, Step
from tenure.core.diff import same
from tenure.core.model import Attributes, Value

#: What people can be called by, and what may be empty: changed and cleared in a trial.
_CHANGED = ("name.givenName", "displayName", "name.familyName", "nickName", "title", "given_name")
_CLEARED = ("title", "nickName", "enterprise.department", "department", "phoneNumbers.work")


class Canary:
    """One check's. `name` is its mark; `group`, a kind and an id, is one that it may be put into
    instead of a new one. The same name asks for the same, so that a recording of it can be played.
    """

    def __init__(
        self,
        connector: Connector,
        journal: Journal,
        name: str,
        group: tuple[str, str] | None = None,
    ) -> None:
        self.connector = connector
        self.journal = journal
        self.leftovers = Leftovers(connector, journal, name)
        self._name = name
        self._group = group
        self._external_id = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
        self._twin_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{name}-twin"))
        self._known_by_id = False

    async def live(self, canary: Attributes) -> None:
        """Everything, in the order of a life."""
        account = await self._create(canary)
        if account is None:
            for what in ("Read it back", "Change it", "Close it", "Delete it"):
                told = "There is no account to try it on."
                await self.journal.done(Step(what, Outcome.SKIPPED, told))
            return
        await self._read_back(account, canary)
        await self._find(account, canary)
        await self._taken(canary)
        await self._listed(account)
        await self._change(account, canary)
        await self._clear(account, canary)
        await self._membership(account)
        if await self._close(account):
            await self._open(account)
        await self._delete(account)

    async def _create(self, canary: Attributes) -> RemoteAccount | None:
        account = None
        async with self.journal.step("Make an account") as line:
            account = await self.leftovers.account(
                self.connector.create(canary, external_id=self._external_id, active=True)
            )
            line.say(Outcome.WORKS, f"{self._name}.")
        return account

    async def _read_back(self, account: RemoteAccount, canary: Attributes) -> None:
        async with self.journal.step("Read it back") as line:
            read = await self.connector.read(account.remote_id)
            lost = _lost(read, canary)
            line.say(Outcome.WORKS, "Everything is as it was sent.")
            if lost:
                line.say(Outcome.DIFFERS, f"Not kept as it was sent: {', '.join(lost)}.")
            if read.active is False:
                line.say(Outcome.FAILS, "It was made open and is shown closed.")
            elif read.active is None:
                line.say(Outcome.DIFFERS, "It does not say whether an account is open.")
            by_id = "externalId" in self.connector.capabilities.searchable
            self._known_by_id = by_id and "externalId" in read.attributes
            if by_id and not self._known_by_id:
                line.say(Outcome.DIFFERS, f"{line.detail} It does not keep our id (externalId).")

    async def _find(self, account: RemoteAccount, canary: Attributes) -> None:
        known: dict[str, Value] = dict(canary)
        if self._known_by_id:
            known["externalId"] = self._external_id
        names = (self.connector.capabilities.searchable | {"emails.work"}) & known.keys()
        for name in sorted(names, reverse=True):
            async with self.journal.step(f"Find it by {name}") as line:
                found = await self.connector.find(name, str(known[name]))
                if [one.remote_id for one in found] == [account.remote_id]:
                    line.say(Outcome.WORKS, "Found, and nobody else.")
                else:
                    line.say(Outcome.FAILS, f"{len(found)} found, where one is.")
                other = await self.connector.find(name, f"{known[name]}-not")
                if other:
                    line.say(Outcome.FAILS, "Something is found that is not there.")

    async def _taken(self, canary: Attributes) -> None:
        async with self.journal.step("Refuse a name that is taken") as line:
            try:
                twin = await self.leftovers.account(
                    self.connector.create(canary, external_id=self._twin_id, active=True)
                )
            except AlreadyExists:
                self.leftovers.unsure = False
                line.say(Outcome.WORKS, "It says so.")
            except OutcomeUnknown as error:
                line.say(Outcome.DIFFERS, f"It breaks on it: {error}")
            except ConnectorError as error:
                self.leftovers.unsure = False
                line.say(Outcome.DIFFERS, f"It does not say why: {error}")
            else:
                line.say(Outcome.DIFFERS, "It makes a second account with the same name.")
                if twin.remote_id == self.leftovers.accounts[0]:
                    line.say(Outcome.DIFFERS, "It gives back the account that is there.")
                else:
                    self.journal.seen["taken"] = "twin"
                    await self.leftovers.remove_account(twin.remote_id)

    async def _listed(self, account: RemoteAccount) -> None:
        async with self.journal.step("See it in the list") as line:
            listed = [
                one
                async for page in self.connector.accounts()
                for one in page
                if one.remote_id == account.remote_id
            ]
            line.say(Outcome.WORKS, "It is there.")
            if not listed:
                line.say(Outcome.FAILS, "It is not there: the list lacks new accounts.")

    async def _change(self, account: RemoteAccount, canary: Attributes) -> None:
        name = next((one for one in _CHANGED if one in canary), None)
        if name is None or not self.connector.capabilities.update:
            told = "Nothing is mapped to try it on."
            await self.journal.done(Step("Change it", Outcome.SKIPPED, told))
            return
        async with self.journal.step("Change it") as line:
            wanted: dict[str, Value] = {**canary, name: f"{canary[name]} changed"}
            await self.connector.update(account.remote_id, {name: wanted[name]})
            read = await self.connector.read(account.remote_id)
            line.say(Outcome.WORKS, f"{name}, and the rest stayed as it was.")
            if not same(wanted[name], read.attributes.get(name)):
                line.say(Outcome.FAILS, f"It accepted the change of {name} and shows the old one.")
            elif lost := [one for one in _lost(read, wanted) if one in account.attributes]:
                line.say(Outcome.FAILS, f"Changing {name} changed {', '.join(lost)} too.")

    async def _clear(self, account: RemoteAccount, canary: Attributes) -> None:
        name = next((one for one in _CLEARED if one in canary), None)
        if name is None or not self.connector.capabilities.update:
            return
        async with self.journal.step("Empty an attribute") as line:
            await self.connector.update(account.remote_id, {name: None})
            read = await self.connector.read(account.remote_id)
            line.say(Outcome.WORKS, f"{name}.")
            if read.attributes.get(name):
                line.say(Outcome.DIFFERS, f"It accepted that {name} is empty and shows it still.")

    async def _close(self, account: RemoteAccount) -> bool:
        """Whether it is there afterwards."""
        there = True
        async with self.journal.step("Close it") as line:
            await self.connector.disable(account.remote_id)
            try:
                read = await self.connector.read(account.remote_id)
            except NotFound:
                there, self.journal.seen["disable"] = False, "gone"
                line.say(Outcome.DIFFERS, "What is closed is gone: it cannot be opened again.")
                return there
            line.say(Outcome.WORKS, "It is shown closed.")
            if read.active is not False:
                self.journal.seen["disable"] = "nothing"
                line.say(Outcome.FAILS, "It accepted that the account is closed and shows it open.")
                return there
            await self.connector.disable(account.remote_id)
        return there

    async def _open(self, account: RemoteAccount) -> None:
        async with self.journal.step("Open it again") as line:
            await self.connector.enable(account.remote_id)
            read = await self.connector.read(account.remote_id)
            line.say(Outcome.WORKS, "It is shown open.")
            if read.active is not True:
                line.say(Outcome.FAILS, "It accepted that the account is open and shows it closed.")

    async def _membership(self, account: RemoteAccount) -> None:
        connector = self.connector
        if self._group is not None:
            await self._in_and_out(account, *self._group)
            return
        if "group" not in connector.capabilities.entitlements:
            return
        if not (connector.capabilities.create_entitlements and "group" in deletable(connector)):
            told = "Groups are not made here, and nobody is put into one that is somebody's."
            await self.journal.done(Step("Put it into a group", Outcome.SKIPPED, told))
            return
        group = None
        async with self.journal.step("Make a group") as line:
            # Where groups and accounts share their names, as roles of a database do.
            name = f"{self._name}-group"
            group = await self.leftovers.group(connector.create_entitlement("group", name))
            line.say(Outcome.WORKS, f"{name}.")
        if group is not None:
            await self._in_and_out(account, "group", group.remote_id)

    async def _in_and_out(self, account: RemoteAccount, kind: str, group: str) -> None:
        for what, add in (("Put it into a group", True), ("Take it out of the group", False)):
            async with self.journal.step(what) as line:
                one = [account.remote_id]
                await self.connector.change_members(
                    kind, group, add=one if add else (), remove=() if add else one
                )
                shown = await self._members(group)
                line.say(
                    Outcome.WORKS, "The group shows it." if add else "The group shows it no more."
                )
                if shown is None or (add and not shown):
                    self.journal.seen["members"] = "nothing"
                    line.say(Outcome.DIFFERS, "Done, as far as it says: members are not shown.")
                elif (account.remote_id in shown) is not add:
                    line.say(
                        Outcome.FAILS, "It accepted the change, which the group does not show."
                    )

    async def _members(self, group: str) -> frozenset[str] | None:
        async for one in self.connector.entitlements():
            if one.remote_id == group:
                return one.members
        return None

    async def _delete(self, account: RemoteAccount) -> None:
        async with self.journal.step("Delete it") as line:
            try:
                await self.connector.delete(account.remote_id)
            except NotFound:
                self.leftovers.forget(account.remote_id)
                line.say(Outcome.WORKS, "It was gone already.")
                return
            try:
                read = await self.connector.read(account.remote_id)
            except NotFound:
                self.leftovers.forget(account.remote_id)
                line.say(Outcome.WORKS, "It is gone.")
                return
            if read.active is False:
                self.journal.seen["delete"] = "off"
                self.leftovers.forget(account.remote_id)
                line.say(Outcome.DIFFERS, "It stays there, closed: this application keeps it.")
            else:
                self.journal.seen["delete"] = "nothing"
                line.say(Outcome.FAILS, "It accepted the deletion and shows the account open.")


def _lost(read: RemoteAccount, wanted: Attributes) -> list[str]:
    return [name for name, value in wanted.items() if not same(value, read.attributes.get(name))]
