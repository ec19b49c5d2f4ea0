"""What administrators decide about single accounts: never touched, wanted again."""

from __future__ import annotations

from tenure.applications.models import Account
from tenure.infra.clock import now
from tenure.provisioning.decisions import ownership
from tests.survive.world import Event, World


class Keepers:
    """Events about accounts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.events: list[tuple[int, Event]] = [(2, self.protect), (1, self.want_again)]

    def protect(self) -> None:
        """An account is to be left alone by us, or is like any other again."""
        rows = Account.objects.exclude(situation="deleted").order_by("user_name", "pk")
        found = list(rows.select_related("application"))
        if found:
            row = self.random.choice(found)
            (self._release if row.protected else self._shield)(row)

    def want_again(self) -> None:
        """What somebody deleted in an application is to be made again, whatever the policy."""
        rows = Account.objects.filter(situation="deleted", deleted_there=True)
        found = list(rows.filter(person__isnull=False).order_by("pk"))
        if found:
            ownership.again(self.random.choice(found), reason="simulated")

    def release_all(self) -> None:
        """In the end nothing is left alone."""
        rows = Account.objects.exclude(situation="deleted").exclude(protected="")
        for row in rows.select_related("application"):
            self._release(row)

    def _shield(self, row: Account) -> None:
        ownership.protect(row, reason="the founder's")
        self.world.targets[row.application.slug].shields.append([row.remote_id, now(), None])

    def _release(self, row: Account) -> None:
        ownership.release(row, reason="no more")
        for shield in self.world.targets[row.application.slug].shields:
            if shield[0] == row.remote_id and shield[2] is None:
                shield[2] = now()
