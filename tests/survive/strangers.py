"""What happens in applications without us."""

from __future__ import annotations

from collections.abc import Callable

from tenure.connectors import faults as f
from tenure.connectors.base import AlreadyExists
from tenure.infra.clock import now
from tenure.people.models import Person
from tests.survive.watching import Target
from tests.survive.world import Event, World


class Strangers:
    """Events in applications."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.events: list[tuple[int, Event]] = [
            (3, self.meddle),
            (1, self.stray),
            (1, self.precede),
            (1, self.regroup),
            (2, self.write_a_document),
            (1, self.outage),
        ]

    def meddle(self) -> None:
        """Somebody changes, opens, closes or deletes an account, or a membership, there."""
        dice = self.random
        target = self._target()
        memory = target.memory
        users = [user for user in memory.users.values() if user.remote_id not in target.orphans]
        if not users:
            return
        user = dice.choice(sorted(users, key=lambda one: str(one.attributes["userName"])))
        groups = sorted(memory.groups.values(), key=lambda one: one.name)
        key = user.remote_id
        acts: list[Callable[[], object]] = [
            lambda: memory.change_user(key, {"title": "King"}),
            lambda: memory.set_active(key, not user.active),
            lambda: memory.delete_user(key),
        ]
        if groups:
            group = dice.choice(groups)
            acts.append(lambda: memory.change_group(group.remote_id, [key], []))
            acts.append(lambda: memory.change_group(group.remote_id, [], [key]))
        target.by_them(dice.choice(acts))

    def regroup(self) -> None:
        """A group is emptied there, or everybody is put into it."""
        dice = self.random
        target = self._target()
        memory = target.memory
        groups = sorted(memory.groups.values(), key=lambda one: one.name)
        users = sorted(memory.users.keys() - target.orphans)
        if groups:
            group, fill = dice.choice(groups), dice.random() < 0.3
            add, remove = (users, []) if fill else ([], sorted(group.members))
            target.by_them(lambda: memory.change_group(group.remote_id, add, remove))

    def stray(self) -> None:
        """An account of nobody's appears there."""
        target = self._target()
        name = f"robot{len(target.orphans)}"
        honest = target.honest
        target.by_them(
            lambda: target.orphans.add(target.memory.add_user({"userName": name}).remote_id)
        )
        target.honest = honest

    def precede(self) -> None:
        """Somebody makes an account for a person there, where names tell whose it is."""
        target = self._target()
        people = list(Person.objects.order_by("pk"))
        if not target.memory.unique or not people:
            return
        person = self.random.choice(people)
        if self.world.accounts(person, target.slug):
            return
        try:
            target.by_them(lambda: target.memory.add_user({"userName": person.email}))
        except AlreadyExists:
            self.world.told.append("  refused: the name is taken")

    def write_a_document(self) -> None:
        """Somebody owns something there now."""
        target = self._target()
        users = sorted(target.memory.users.values(), key=lambda one: str(one.attributes))
        if users:
            self.random.choice(users).owns.add(f"document of {now():%d %H:%M:%S}")

    def outage(self) -> None:
        dice = self.random
        plan = self._target().memory.faults
        if plan._always:
            plan._always.clear()
        else:
            plan.always(f.ANY, dice.choice([f.retry_later(), f.stopped(), f.timeout(30.0)]))

    def _target(self) -> Target:
        return self.world.targets[self.random.choice(list(self.world.targets))]
