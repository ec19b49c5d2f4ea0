"""One random history from its seed: things happen, plans are stored, workers work and die; then
the weather clears, everything comes to rest, and what is left is judged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from tenure.applications.models import Account, Application, Health
from tenure.audit.models import Action, Event
from tenure.audit.services import seal, verify
from tenure.connectors.base import ConnectorError
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import lagging
from tenure.provisioning import services, tasks
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tests.survive.virtual import virtual_time
from tests.survive.worker import Dead, Death, Tables, take_jobs, work
from tests.survive.world import START, World

STEPS = 16
#: By then everything that has a date has come, and every wait for a repeated attempt is over.
LONG_AFTER = 10 * 86400.0
ROUNDS = 12


class History:
    """A world, who works in it, and what is found wrong in the end."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.random = random.Random(seed + 1)
        self.wrong: list[str] = []

    async def live(self) -> None:
        self.desk, self.hr, self.table = Tables(), Tables(), Tables()
        try:
            # Jobs that other tests left are not this history's.
            await self.desk.do(take_jobs)
            await self.desk.do(self.world.begin)
            for _ in range(STEPS):
                await self._step()
            self.world.clear_weather()
            await asyncio.sleep(LONG_AFTER)
            await self._rest()
            await self.desk.do(self._judge)
        finally:
            for tables in (self.desk, self.hr, self.table):
                await tables.close()

    async def _step(self) -> None:
        dice = self.random
        kind = dice.choices(
            ["happen", "plan", "work", "both", "reconcile", "wait"], [8, 4, 5, 4, 1, 4]
        )[0]
        match kind:
            case "happen":
                for _ in range(dice.randint(1, 3)):
                    await self._happen(self.desk)
            case "plan":
                await self.desk.do(services.store)
            case "work":
                await self._work(self._death())
            case "both":
                await asyncio.gather(self._meanwhile(), self._work(self._death()), self._other())
            case "reconcile":
                await self._reconcile(dice.choice(list(self.world.targets)))
            case "wait":
                await asyncio.sleep(dice.choice([0.5, 3.0, 20.0, 300.0, 7200.0, 86400.0]))

    async def _happen(self, tables: Tables) -> None:
        world = self.world
        events: list[tuple[int, Callable[[], None]]] = [
            (4, world.join),
            (6, world.move),
            (2, world.rename),
            (3, world.leave),
            (1, world.leave_unsaid),
            (4, world.terminate),
            (4, world.rehire),
            (3, world.absent),
            (4, world.edit_rule),
            (1, world.edit_policy),
            (1, world.stop_and_go),
            (3, world.decide),
            (2, world.meddle),
            (1, world.stray),
            (1, world.outage),
        ]
        chosen = self.random.choices([e for _, e in events], [w for w, _ in events])[0]
        world.told.append(f"{now():%d %H:%M:%S} {chosen.__name__}")
        await tables.do(chosen)

    async def _meanwhile(self) -> None:
        """HR does not wait until workers are done."""
        for _ in range(2):
            await asyncio.sleep(self.random.choice([0.05, 0.3, 2.0, 12.0]))
            await self._happen(self.hr)

    async def _other(self) -> None:
        """A second worker, which does what comes up meanwhile."""
        await asyncio.sleep(self.random.choice([0.02, 0.5]))
        await work(self.table, Death())

    def _death(self) -> Death:
        dice = self.random
        match dice.choice(["none", "none", "statement", "statement", "time"]):
            case "statement":
                return Death(statement=dice.randint(1, 60), before=dice.random() < 0.5)
            case "time":
                return Death(seconds=dice.choice([0.01, 0.06, 0.12, 0.3, 1.0]))
        return Death()

    async def _work(self, death: Death) -> None:
        """What a worker does in a while: the sweep, and the jobs that wait."""
        await self.desk.do(lambda: tasks.sweep.func(timestamp=0))
        await work(self.desk, death)
        if death.dead:
            self.world.told.append(f"{now():%d %H:%M:%S} died: {death}")

    async def _reconcile(self, slug: str) -> bool:
        try:
            await reconcile_by_slug(slug)
        except ConnectorError:
            return False
        return True

    async def _rest(self) -> None:
        """First without looking at applications anew; only then with what they list."""
        await self.desk.do(self._writes_go_on)
        honest = all(target.honest for target in self.world.targets.values())
        await self._calm(must=honest)
        if honest:
            await self.desk.do(lambda: self._compare("before anything was listed"))
        for number in range(3):
            for slug in self.world.targets:
                await self._reconcile(slug)
            # What was changed there behind our back is known only after it was listed again.
            await self._calm(must=number > 0)
            await asyncio.sleep(3600)

    async def _calm(self, *, must: bool) -> None:
        for _ in range(ROUNDS if must else 3):
            await self.desk.do(lambda: services.approve(reason="at the end"))
            await self.desk.do(_approve_what_was_rejected)
            await self.desk.do(services.store)
            await self._work(Death())
            if await self.desk.do(_is_calm):
                return
            await asyncio.sleep(1800)
        if not must:
            return
        rows = Operation.objects.exclude(state__in=["done", "cancelled"])
        told = await self.desk.do(
            lambda: [f"{r.kind} {r.application.slug} {r.person} {r.state}: {r.error}" for r in rows]
        )
        self.wrong.append(f"no rest after {ROUNDS} rounds: {told}")

    def _writes_go_on(self) -> None:
        if services.people.company().writes_stopped_at is not None:
            services.resume_writes()

    # What must be so in the end.

    def _judge(self) -> None:
        self._compare("in the end")
        limbo = Counter(Operation.objects.values_list("state", flat=True))
        for state in limbo.keys() - {"done", "cancelled"}:
            self.wrong.append(f"{limbo[state]} operations are {state}")
        if Application.objects.exclude(health=Health.OK).exists():
            self.wrong.append("an application is still stopped")
        self._judge_audit()

    def _compare(self, when: str) -> None:
        """Everybody has what they should have, at the application itself."""
        for person in Person.objects.order_by("pk"):
            for slug in self.world.targets:
                for what in self._differences(person, slug):
                    self.wrong.append(f"{when}: {person} ({person.state}) in {slug}: {what}")

    def _differences(self, person: Person, slug: str) -> list[str]:
        world = self.world
        memory = world.targets[slug].memory
        there = world.accounts(person, slug)
        due = world.due(person, slug)
        if len(there) > 1:
            return [f"{len(there)} accounts: {there}"]
        held = {
            f"group:{group.name}"
            for group in memory.groups.values()
            for user in there
            if user.remote_id in group.members
        }
        opened = [user for user in there if user.active]
        if due is None:
            found = ["the account is open"] if opened else []
            return found + ([f"holds {held}"] if held and person.state == "left" else [])
        if not opened:
            return ["no open account"]
        (user,) = there
        shown = {"userName": person.email, "displayName": person.display_name}
        wanted = shown | (
            {"title": person.attributes["title"]} if "title" in person.attributes else {}
        )
        found = [f"attributes {user.attributes}"] if user.attributes != wanted else []
        return found + ([f"holds {held}, not {due}"] if held != due else [])

    def _judge_audit(self) -> None:
        while seal():
            pass
        count, wrong = verify()
        if wrong or count != Event.objects.count():
            self.wrong.append(f"the chain: {count} of {Event.objects.count()}, {wrong}")
        told = _told()
        known = set(Account.objects.values_list("application__slug", "remote_id"))
        for slug, target in self.world.targets.items():
            for number, item in enumerate(target.memory.history):
                if number in target.theirs:
                    continue
                if (slug, item.remote_id) not in known and item.remote_id in target.taken:
                    continue  # Made, not yet known here, and deleted there by somebody else.
                for what in _facts(item.what, item.detail):
                    if (slug, item.remote_id, what) not in told:
                        self.wrong.append(f"the audit does not tell: {slug} {item}: {what}")


def _facts(what: str, detail: object) -> list[tuple[str, ...]]:
    """What an auditor has to find about one change there."""
    match what:
        case "updated":
            assert isinstance(detail, dict)
            return [("updated", name, str(value or "")) for name, value in detail.items()]
        case "joined" | "left":
            return [(what, f"group:{detail}")]
    return [(what,)]


_ACTIONS = {
    Action.ACCOUNT_CREATED: "created",
    Action.ACCOUNT_ADOPTED: "created",
    Action.ACCOUNT_DISABLED: "closed",
    Action.ACCOUNT_ENABLED: "opened",
    Action.ACCOUNT_DELETED: "deleted",
}


_KINDS = {"create": "created", "disable": "closed", "enable": "opened", "delete": "deleted"}


def _told() -> set[tuple[str, str, tuple[str, ...]]]:
    """(application, remote id, fact) for everything that the audit trail says was done."""
    remote = {str(pk): r for pk, r in Account.objects.values_list("pk", "remote_id")}
    found = set()
    for item in Event.objects.filter(subject_kind="account"):
        facts: list[tuple[str, ...]] = []
        if item.action in _ACTIONS:
            facts.append((_ACTIONS[Action(item.action)],))
        if item.action in (Action.OPERATION_FAILED, Action.OPERATION_REPLACED):
            facts.append((_KINDS.get(item.after["operation"], ""),))
        for name, value in (item.after or {}).items():
            if name == "granted":
                facts += [("joined", key) for key in value]
            elif name == "revoked":
                facts += [("left", key) for key in value]
            else:
                facts.append(("updated", name, str(value or "")))
        found |= {(item.application, remote.get(item.subject_key, ""), fact) for fact in facts}
    return found


def _is_calm() -> bool:
    waiting = Operation.objects.exclude(state__in=["done", "cancelled"]).exists()
    return not waiting and not Person.objects.filter(lagging()).exists()


def run(seed: int) -> History:
    """Live the history of this seed."""
    random.seed(seed)
    history = History(seed)
    with virtual_time(START) as loop:
        loop.set_exception_handler(_nobody_hears_the_dead)
        loop.run_until_complete(history.live())
    return history


def _nobody_hears_the_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a killed worker had under way has nobody to wait for it."""
    if not isinstance(context.get("exception"), Dead):
        loop.default_exception_handler(context)


def _approve_what_was_rejected() -> None:
    """A rejection stands until somebody takes it back: in the end somebody does."""
    rejected = Operation.objects.filter(state=OperationState.REJECTED.value)
    keys = list(rejected.values_list("pk", flat=True))
    if keys:
        services.approve(reason="after all", operations=keys)
