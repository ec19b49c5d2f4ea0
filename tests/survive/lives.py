"""What HR says of people, and what is decided about them one by one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction

from tenure.audit.services import record_many
from tenure.infra.clock import now
from tenure.people import endings
from tenure.people.decisions import DecisionRefused
from tenure.people.models import Person
from tenure.people.services import restand
from tenure.provisioning import services
from tenure.provisioning.decisions import lives
from tenure.rules.exceptions import ExceptionRefused
from tenure.rules.models import AccessException
from tenure.signin.models import How, Session
from tenure.signin.owners import may_come_in
from tests.survive.world import DEPARTMENTS, GROUPS, ZONES, Event, World


class Lives:
    """Events about people."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        #: What HR says, where it says so to us without files.
        self.told: list[tuple[int, Event]] = [
            (4, self.join),
            (6, self.move),
            (3, self.reorganise),
            (2, self.rename),
            (3, self.leave),
            (1, self.leave_unsaid),
            (4, self.rehire),
            (2, self.absent),
            (1, self.put_off),
        ]
        self.decided: list[tuple[int, Event]] = [
            (4, self.terminate),
            (2, self.reinstate),
            (2, self.suspend),
            (2, self.hold),
            (3, self.exception),
            (1, self.end_exception),
            (2, self.sign_in),
        ]

    def join(self) -> None:
        world, dice = self.world, self.random
        world.numbers += 1
        number = world.numbers
        managers = list(Person.objects.order_by("pk"))
        person = Person(
            employee_number=str(number),
            start_date=(now() + timedelta(days=dice.choice([-100, -100, 0, 1, 3]))).date(),
            time_zone=dice.choice(ZONES),
            manager=dice.choice(managers) if managers else None,
        )
        say(
            person,
            email=f"p{number}@acme.example",
            display_name=f"Person {number}",
            department=dice.choice(DEPARTMENTS),
        )
        person.save()

    def move(self) -> None:
        dice = self.random
        department, title = dice.choice(DEPARTMENTS), f"Title {dice.randint(1, 9)}"
        self._with_somebody(lambda person: say(person, department=department, title=title))

    def reorganise(self) -> None:
        """A change to everybody."""
        for row in Person.objects.order_by("pk"):
            title = f"Title {self.random.randint(1, 9)}"
            with transaction.atomic():
                person = Person.objects.select_for_update().get(pk=row.pk)
                say(person, title=title)
                person.generation += 1
                person.save()

    def rename(self) -> None:
        word = uuid.UUID(int=self.random.getrandbits(128)).hex[:8]
        self._with_somebody(
            lambda person: say(person, email=f"p{word}@acme.example", display_name=f"Person {word}")
        )

    def leave(self) -> None:
        days = self.random.randint(0, 3)

        def end(person: Person) -> None:
            last = (now() + timedelta(days=days)).date()
            if person.start_date is None or person.start_date <= last:
                person.end_date = last

        self._with_somebody(end)

    def leave_unsaid(self) -> None:
        self._with_somebody(lambda person: setattr(person, "ended_by_source_at", now()))

    def put_off(self) -> None:
        """The first day of somebody who has none behind them comes later, or sooner."""
        days = self.random.choice([1, 4])

        def put(person: Person) -> None:
            if person.start_date and person.start_date > now().date() and not person.end_date:
                person.start_date = (now() + timedelta(days=days)).date()

        self._with_somebody(put)

    def terminate(self) -> None:
        person = self._somebody()
        later = self.random.random() < 0.2
        if person is not None:
            at = now() + timedelta(hours=5) if later else None
            services.terminate_now(person, at=at, reason="simulated")

    def rehire(self) -> None:
        def again(person: Person) -> None:
            person.end_date = person.terminated_at = person.ended_by_source_at = None

        self._with_somebody(again, gone=True)

    def reinstate(self) -> None:
        person = self._somebody(terminated_at__isnull=False)
        if person is not None:
            self._decide(lambda: lives.reinstate(person, reason="a mistake"))

    def absent(self) -> None:
        self._with_somebody(lambda person: setattr(person, "on_leave", not person.on_leave))

    def suspend(self) -> None:
        person = self._somebody()
        if person is not None:
            act = lives.end_suspension if person.suspended else lives.suspend
            self._decide(lambda: act(person, reason="simulated"))

    def hold(self) -> None:
        person = self._somebody() if self.random.random() < 0.5 else self._somebody(gone=True)
        if person is not None:
            act = lives.hold if person.legal_hold_since is None else lives.release
            self._decide(lambda: act(person, reason="a lawsuit"))

    def exception(self) -> None:
        dice, person = self.random, self._somebody()
        slug = dice.choice(list(self.world.targets))
        key = dice.choice(["", *GROUPS])
        gives = dice.random() < 0.6
        until = dice.choice([None, now() + timedelta(hours=3), now() + timedelta(days=3)])
        if person is not None:
            self._decide(
                lambda: lives.decide_exception(
                    person,
                    application=slug,
                    entitlement=key,
                    gives=gives,
                    reason="simulated",
                    until=until,
                )
            )

    def end_exception(self) -> None:
        rows = AccessException.objects.filter(ended_at__isnull=True)
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        if keys:
            lives.end_exception(self.random.choice(keys), reason="simulated")

    def sign_in(self) -> None:
        """By the portal's door, which asks each time whether somebody may come in."""
        person = self._somebody()
        if person is not None and may_come_in(person):
            at = now()
            Session.objects.create(person=person, how=How.PASSKEY, began_at=at, seen_at=at)

    def _decide(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (DecisionRefused, ExceptionRefused) as error:
            self.world.told.append(f"  refused: {error}")

    def _somebody(self, *, gone: bool = False, **marks: object) -> Person | None:
        """Somebody who left, or who did not."""
        last = self.world.look()
        rows = Person.objects.filter(**marks).order_by("pk")
        found = [row for row in rows if last.lives[str(row.uid)].gone(now()) == gone]
        if marks:
            found = list(rows)
        # What happens to the same ones again and again combines.
        few = found[:2] if self.random.random() < 0.4 else found
        return self.random.choice(few) if few else None

    def _with_somebody(self, act: Callable[[Person], None], *, gone: bool = False) -> None:
        """HR says something new of somebody, as an import would store it."""
        with transaction.atomic():
            found = self._somebody(gone=gone)
            if found is None:
                return
            person = Person.objects.select_for_update().get(pk=found.pk)
            act(person)
            record_many(restand([person], now()))
            person.generation += 1
            person.save()
            endings.end_access([person])


def say(person: Person, **attributes: str) -> None:
    person.attributes = {
        "employee_number": person.employee_number,
        **person.attributes,
        **attributes,
    }
    person.email = str(person.attributes["email"])
    person.display_name = str(person.attributes["display_name"])
    restand([person], now())
