"""Somebody who does by hand, in an application, what a task asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from tenure.connectors.base import AlreadyExists, NotFound
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tests.survive.watching import Target
from tests.survive.world import World


def do_there(target: Target, row: Operation) -> None:
    """What the operation asks for, done there by somebody, as far as it is possible."""
    with contextlib.suppress(NotFound, AlreadyExists):
        target.by_them(lambda: _do(target, row))


def believed(target: Target, row: Operation) -> None:
    """Nothing was done, and it was said to be: whatever it asks for looks as if somebody had undone
    it since."""
    target.honest = False
    remote = row.account.remote_id if row.account else str(row.progress.get("remote_id", ""))
    what = {*row.attributes, "active"} | ({"entitlements"} if row.grant or row.revoke else set())
    target.touched.setdefault(remote, set()).update(what)


def _do(target: Target, row: Operation) -> None:
    memory = target.memory
    given = {name: change["to"] for name, change in row.attributes.items()}
    remote = row.account.remote_id if row.account else _made(target, row, given)
    acts: dict[str, Callable[[], object]] = {
        "update": lambda: memory.change_user(remote, given),
        "disable": lambda: memory.set_active(remote, False),
        "enable": lambda: memory.set_active(remote, True),
        "delete": lambda: memory.delete_user(remote),
        "transfer": lambda: memory.user(remote).owns.clear(),
    }
    for key, add in [(key, True) for key in row.grant] + [(key, False) for key in row.revoke]:
        name = key.partition(":")[2]
        groups = [group for group in memory.groups.values() if group.name == name]
        if add and not groups:
            groups = [memory.add_group(name)]
        for group in groups:
            memory.change_group(group.remote_id, [remote] if add else [], [] if add else [remote])
    if row.kind in acts:
        acts[row.kind]()


def _made(target: Target, row: Operation, given: Mapping[str, Any]) -> str:
    """Whose account it is to be may have it there already: the task says to look for that first."""
    memory = target.memory
    for user in memory.users.values():
        if user.attributes["userName"] == given["userName"]:
            return user.remote_id
    attributes = {name: value for name, value in given.items() if value is not None}
    return memory.add_user(attributes, active=row.active).remote_id


def make_room(world: World) -> None:
    """Whose account has a name that is somebody else's by now, and stays as it is (they left, or
    names are kept), is called otherwise there by somebody: two cannot have it."""
    people = {str(person.uid): person.email for person in Person.objects.exclude(email="")}
    for target in world.targets.values():
        if not target.memory.unique:
            continue
        for user in list(target.memory.users.values()):
            name = str(user.attributes["userName"])
            heirs = {uid for uid, email in people.items() if email.casefold() == name.casefold()}
            if user.external_id and heirs and user.external_id not in heirs:
                _call(target, user.remote_id, f"was-{user.remote_id[:6]}-{name}")


def _call(target: Target, remote: str, name: str) -> None:
    target.by_them(lambda: target.memory.change_user(remote, {"userName": name}))
