"""One random history from its seed: things happen, plans are stored, workers work and die; then
the weather clears, everything comes to rest, and what is left is judged."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

from tenure.applications.models import Application
from tenure.connectors.base import ConnectorError
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import lagging
from tenure.provisioning import services, tasks
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tests.survive import judging
from tests.survive.arrivals import Arrivals
from tests.survive.claims import claims_told
from tests.survive.hands import make_room
from tests.survive.keepers import Keepers
from tests.survive.lives import Lives
from tests.survive.office import Office
from tests.survive.payroll import Payroll
from tests.survive.strangers import Strangers
from tests.survive.virtual import virtual_time
from tests.survive.watching import WRITES
from tests.survive.worker import Dead, Death, Tables, take_jobs, work
from tests.survive.world import STARTS, Event, World

STEPS = 18
#: By then everything that has a date has come, and every wait for a repeated attempt is over.
LONG_AFTER = 10 * 86400.0
#: And by then what is deleted days after it was closed.
DELETED_AFTER = 3 * 86400.0
ROUNDS = 12
#: What some histories are about, beside everything else: events that happen there most.
THEMES: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "stops": ("stop_and_go", "stop_and_go_one"),
    "only report": ("only_report",),
    "legal hold": ("hold", "leave", "leave_unsaid", "terminate"),
    "leavers during faults": ("leave_unsaid", "terminate", "rehire", "join"),
    "approvals": ("decide", "decide_some", "look_at_held", "move"),
    "protected": ("protect", "move", "terminate"),
    "exceptions": ("exception", "end_exception", "move"),
}
#: Those in which it is seen whether what is under way hears of it.
STOPPING = ("stops", "only report")
#: Those in which removals get lost, and nothing else hides what became of them.
LOSING = ("leavers during faults",)


class History:
    """A world, who works in it, and what is found wrong in the end."""

    def __init__(self, seed: int, *, from_hr: bool = False) -> None:
        self.theme = list(THEMES)[seed % len(THEMES)]
        self.world = World(seed, slow=self.theme in STOPPING, lossy=self.theme in LOSING)
        self.random = random.Random(seed + 1)
        self.wrong: list[str] = []
        self.lives, self.office = Lives(self.world), Office(self.world)
        self.keepers = Keepers(self.world)
        self.payroll = Payroll(self.world) if from_hr else None
        self.arrivals = Arrivals(self.world, self.payroll) if self.payroll else None
        self.world.told.append(f"about {self.theme}")
        self.events = _some_more_than_others(
            seed,
            self.theme,
            *self.lives.decided,
            *(self.payroll.events if self.payroll else self.lives.told),
            *(self.arrivals.events if self.arrivals else ()),
            *self.office.events,
            *self.keepers.events,
            *(() if self.theme in LOSING else Strangers(self.world).events),
        )

    async def live(self) -> None:
        self.desk, self.hr, self.table = Tables(), Tables(), Tables()
        try:
            # Jobs that other tests left are not this history's.
            await self.desk.do(take_jobs)
            await self.desk.do(self._begin)
            await self._first_day()
            for _ in range(STEPS):
                await self._step()
            await self._last_evening()
            self.world.clear_weather()
            await self._quiet()
            await asyncio.sleep(LONG_AFTER)
            await self._rest()
            await self.desk.do(lambda: self._note(judging.rests(self.world)))
            self._note(self.arrivals.hearsay.wrong if self.arrivals else [])
        finally:
            for tables in (self.desk, self.hr, self.table):
                await tables.close()

    def _begin(self) -> None:
        world = self.world
        world.begin()
        self._set_the_scene()
        self.office.edit_rule()
        self.office.edit_rule()
        world.look()
        count = self.random.randint(5, 9)
        if self.payroll and self.arrivals:
            self.arrivals.begin()
            for _ in range(count + 2):
                self.payroll.hire()
            self.arrivals.finish()
        else:
            for _ in range(count):
                self.lives.join()
        world.look()
        if self.theme == "exceptions":
            for _ in range(count):
                self.lives.exception()
            world.look()

    def _set_the_scene(self) -> None:
        """Where holds are what it is about, everything is deleted some time."""
        if self.theme != "legal hold":
            return
        for slug in self.world.targets:
            after = self.random.choice([timedelta(hours=1), timedelta(days=2), None])
            removal = "disable" if after else "delete"
            Application.objects.filter(slug=slug).update(removal=removal, delete_after=after)
            self.world.told.append(f"{slug}: removal {removal} after {after} all the same")

    async def _first_day(self) -> None:
        """Most begin with accounts that are there; in some nothing was done yet."""
        if self.random.random() < 0.8:
            await self.desk.do(services.store)
            await self.desk.do(lambda: services.approve(reason="the first day"))
            await self._work(Death())

    def _plan(self) -> None:
        services.store()
        if self.random.random() < 0.6:
            services.approve(reason="simulated")

    async def _step(self) -> None:
        dice = self.random
        kind = dice.choices(
            ["happen", "plan", "work", "both", "reconcile", "wait"],
            [8, 4, 5, 16 if self.theme in STOPPING else 4, 1, 4],
        )[0]
        match kind:
            case "happen":
                for number in range(dice.randint(2, 6)):
                    await self._happen(self.desk, on_theme=number < 2)
                # What was under way then is over; what begins from now on has heard of it.
                await asyncio.sleep(dice.choice([0.0, 3.0, 400.0]))
            case "plan":
                await self.desk.do(self._plan)
            case "work":
                await self._work(self._death(), swept=dice.random() < 0.7)
                await self.desk.do(self._look_in)
            case "both":
                death = self._death()
                if self.theme in STOPPING:
                    # What is under way then was begun in this step, and mostly nobody dies of it.
                    await asyncio.sleep(400.0)
                    death = death if dice.random() < 0.3 else Death()
                if dice.random() < 0.7:
                    await self.desk.do(self._much_to_do)
                await asyncio.gather(self._meanwhile(), self._work(death), self._other())
            case "reconcile":
                await self._reconcile(dice.choice(list(self.world.targets)))
            case "wait":
                await asyncio.sleep(dice.choice([0.5, 3.0, 20.0, 300.0, 7200.0, 86400.0]))

    def _much_to_do(self) -> None:
        if self.theme in STOPPING:
            self.office.go_on()
        if self.payroll and self.arrivals:
            self.payroll.reorganise()
            self.arrivals.all_arrives()
        else:
            self.lives.reorganise()
        self.world.look()
        services.store()
        if self.theme in STOPPING or self.random.random() < 0.6:
            services.approve(reason="simulated")

    async def _happen(self, tables: Tables, *, on_theme: bool = False) -> None:
        events = self.events
        if on_theme and THEMES[self.theme]:
            events = [(w, e) for w, e in events if e.__name__ in THEMES[self.theme]]
        chosen = self.random.choices([e for _, e in events], [w for w, _ in events])[0]
        self.world.told.append(f"{now():%d %H:%M:%S} {chosen.__name__}")

        def act() -> None:
            chosen()
            self.world.look()

        await tables.do(act)

    async def _meanwhile(self) -> None:
        """HR does not wait until workers are done."""
        for number in range(3):
            await asyncio.sleep(self.random.choice([0.05, 0.3, 2.0, 12.0]))
            at_once = number == 0 and self.theme in STOPPING
            await self._happen(self.hr, on_theme=at_once or self.random.random() < 0.5)

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

    async def _work(self, death: Death, *, swept: bool = True) -> None:
        """What a worker does in a while: the sweep, which may be late, and the jobs that wait."""
        if swept:
            await self.desk.do(lambda: tasks.sweep.func(timestamp=0))
        await work(self.desk, death)
        if death.dead:
            self.world.told.append(f"{now():%d %H:%M:%S} died: {death}")

    def _look_in(self) -> None:
        """An auditor comes by, after a sweep."""
        tasks.tick(now())
        truth = self.world.look()
        self._note(judging.doors(truth) + judging.receipts(self.world, truth))
        self._note(judging.deletions(truth))

    def _note(self, wrong: list[str]) -> None:
        self.wrong += wrong

    async def _reconcile(self, slug: str) -> bool:
        try:
            await reconcile_by_slug(slug)
        except ConnectorError:
            return False
        return True

    async def _last_evening(self) -> None:
        """Where removals get lost, the last ones are lost just before all becomes quiet."""
        if self.theme not in LOSING:
            return
        await self._open_for_work()
        for _ in range(4):
            await self._happen(self.desk, on_theme=True)
        await self._work(Death())

    async def _open_for_work(self) -> None:
        """Plans go ahead by themselves, as in most installations, and nothing is stopped."""
        await self.desk.do(self.office.by_itself)
        await self.desk.do(self.office.go_on)
        await self.desk.do(self.world.look)
        await self._work(Death())

    async def _quiet(self) -> None:
        """Nobody does anything any more."""
        await self._open_for_work()
        for _ in range(3):
            await asyncio.sleep(1800)
            await self._work(Death())
        await asyncio.sleep(1800)
        await self.desk.do(self._look_in)
        await self.desk.do(lambda: self._note(judging.said(self.world, self.world.look())))

    async def _rest(self) -> None:
        """First without looking at applications anew; only then with what they list."""
        await self.desk.do(self.office.go_on)
        await self.desk.do(self.keepers.release_all)
        if self.arrivals:
            await self.desk.do(self.arrivals.finish)
            await self.desk.do(self.world.look)
            await self._calm(must=False)
            await self.desk.do(lambda: make_room(self.world))
        await self.desk.do(self.world.look)
        honest = all(target.honest for target in self.world.targets.values())
        await self._calm(must=honest, anew=False)
        if honest:
            await self.desk.do(self._compare)
        for number in range(3):
            for slug in self.world.targets:
                await self._reconcile(slug)
            # What was changed there behind our back is known only after it was listed again.
            await self._calm(must=number > 0)
            await asyncio.sleep(DELETED_AFTER if number else 3600)

    def _compare(self) -> None:
        self._note(judging.compare(self.world, self.world.look(), "before anything was listed"))

    async def _calm(self, *, must: bool, anew: bool = True) -> None:
        """`anew`: everybody is planned, and not only who lags."""
        for _ in range(ROUNDS if must else 3):
            await self.desk.do(lambda: self._note(judging.deletions(self.world.look())))
            await self.desk.do(lambda: services.approve(reason="at the end"))
            await self.desk.do(_approve_what_was_rejected)
            await self.desk.do(services.retry_failed)
            await self.desk.do(self.office.finish_by_hand)
            if anew:
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


def _some_more_than_others(
    seed: int, theme: str, *events: tuple[int, Event]
) -> list[tuple[int, Event]]:
    """In each history some things happen again and again, and some never: what follows only from
    several of a kind would hardly be seen where everything happens once."""
    dice = random.Random(f"{seed} weights")
    told = [(weight * dice.choice([0, 1, 1, 4]), event) for weight, event in events]
    return [(12 if event.__name__ in THEMES[theme] else weight, event) for weight, event in told]


def _is_calm() -> bool:
    """Nothing waits, and nobody's plan is behind."""
    waiting = Operation.objects.exclude(state__in=["done", "cancelled"]).exists()
    return not waiting and not Person.objects.filter(lagging()).exists()


def run(seed: int, *, from_hr: bool = False) -> History:
    """Live the history of this seed; `from_hr`: people come from HR by files and pushes."""
    random.seed(seed)
    history = History(seed, from_hr=from_hr)
    told = history.world.claims.append
    with claims_told(told), virtual_time(STARTS[seed % len(STARTS)]) as loop:
        loop.set_exception_handler(_nobody_hears_the_dead)
        loop.run_until_complete(history.live())
    asked = [call.verb in WRITES for one in history.world.targets.values() for call in one.calls]
    assert history.world.claims or not any(asked), "Nobody told what workers took in hand."
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
