"""Following an apply to its end: progress, who drains, what was done and what failed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import uvloop
from django.db import close_old_connections, connection
from django.db.models import Count
from rich.markup import escape

from tenure.applications.models import Application, Health
from tenure.cli.output import out, say
from tenure.cli.progress import Bars
from tenure.core.owners import told_of as told_of_owners
from tenure.infra.clock import now
from tenure.provisioning.execution.executor import Drain
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import ledger
from tenure.provisioning.planning.plans import StoredPlan
from tenure.provisioning.questions import selectors
from tenure.provisioning.questions.going import going
from tenure.provisioning.records.plan import Declined, Plan
from tenure.provisioning.records.stopping import standing_still
from tenure.provisioning.services import resume_application
from tenure.runs.models import Run, RunState

_LOOK_EVERY = 0.25
#: Workers get this long to begin; an application that nobody works is drained right here.
_PATIENCE = 2.0
#: What is under way when somebody comes for its account is waited for so long.
_UNDER_WAY = 30.0
#: More of one kind are told by what they have in common.
_LINES = 20


@dataclass(slots=True)
class Applied:
    """What became of an apply. `states`: operations of the run by state."""

    run: Run
    states: dict[str, int]
    failed: list[dict[str, Any]] = field(default_factory=list)
    manual: list[dict[str, Any]] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    #: Slug -> operations of the run that wait for it.
    pending: dict[str, int] = field(default_factory=dict)
    #: What else of it cannot go just now, and why.
    waits: list[str] = field(default_factory=list)
    held_reasons: tuple[str, ...] = ()
    #: Application name -> operations that are shown only: it is in report mode.
    reported: dict[str, int] = field(default_factory=dict)
    #: Application name -> why nothing is sent there: somebody stopped it.
    still: dict[str, str] = field(default_factory=dict)
    problems: list[dict[str, Any]] = field(default_factory=list)
    #: What is due and was not planned, since a person said so.
    declined: Sequence[Declined] = ()

    def complete(self, *, waited: bool) -> bool:
        """Whether everything asked for is done (or, not waited for, under way)."""
        unfinished = sum(self.states.get(state, 0) for state in ledger.PENDING) if waited else 0
        return not (
            unfinished
            or self.failed
            or self.stopped
            or self.still
            or any(not problem["notice"] for problem in self.problems)
            or self.states.get("held")
            or self.states.get("manual")
            or self.run.state in (RunState.PAUSED.value, RunState.CANCELLED.value)
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run.pk,
            "state": self.run.state,
            "states": self.states,
            "failed": self.failed,
            "manual": self.manual,
            "stopped": self.stopped,
            "guard": {"held": bool(self.held_reasons), "reasons": list(self.held_reasons)},
            "reported": self.reported,
            "not_sent": self.still,
            "waits": self.waits,
            "problems": self.problems,
            "declined": [one.as_json() for one in self.declined],
        }

    def show(self) -> None:
        words = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        out.print(f"[bold]Run {self.run.pk}:[/] {words or 'nothing to do'}.")
        self._steered()
        for item in (*self.failed[:_LINES], *self.manual[:_LINES]):
            out.print(
                f"[red]{item['state']}[/] {item['kind']} {escape(item['person_name'])} in "
                f"{escape(item['application'])}: {escape(item['error'])}"
            )
        if more := len(self.failed[_LINES:]):
            out.print(f"… and {more} more failed. In all:")
            for cause in selectors.failures(self.run):
                out.print(f"  {cause.count} in {escape(cause.name)}: {escape(cause.example)}")
        if more := len(self.manual[_LINES:]):
            out.print(f"… and {more} more to do by hand: `tenure tasks list`")
        for slug, reason in self.stopped.items():
            out.print(
                f"[red]{escape(slug)} does not accept us:[/] {escape(reason)} "
                f"{self.pending.get(slug, 0)} operations wait. Mend it and run `tenure apply` "
                "again; a worker tries by itself too."
            )
        for name, why in self.still.items():
            out.print(f"[magenta]Not sent to {escape(name)}:[/] {escape(why)}")
        for wait in self.waits:
            out.print(escape(wait))
        for name, count in self.reported.items():
            out.print(
                f"[magenta]{escape(name)} is in report mode:[/] `tenure plan` shows its {count} "
                "operations, and nothing is written. `mode: live` in the configuration lets them "
                "go."
            )
        for reason in self.held_reasons:
            how = "" if told_of_owners(reason) else " `tenure approve --reason ...`"
            out.print(f"[magenta]Held:[/] {escape(reason)}{how}")
        for item in self.problems:
            how = "[yellow]Left as it is:[/]" if item["notice"] else "[red]Not planned:[/]"
            out.print(
                f"{how} {escape(item['person_name'])} in "
                f"{escape(item['application'])}: {escape(item['message'])}"
            )
        for one in self.declined:
            out.print(f"[magenta]{escape(one.words)}[/] {escape(one.after_all)}")

    def _steered(self) -> None:
        """Who paused or cancelled it meanwhile, and what to do about it."""
        takes_back = {
            RunState.PAUSED.value: "goes on",
            RunState.CANCELLED.value: "takes that back",
        }
        if (how := takes_back.get(self.run.state)) is not None:
            out.print(
                f"[magenta]{escape(self.run.message)}[/] `tenure runs resume {self.run.pk}` {how}."
            )


def wake_stopped(plan: Plan) -> None:
    """Somebody asks for it now: try stopped applications of the plan again at once."""
    slugs = {line.application for line in plan.lines}
    for slug in Application.objects.filter(slug__in=slugs, health=Health.STOPPED).values_list(
        "slug", flat=True
    ):
        resume_application(slug)


def settled(over: Callable[[], bool]) -> bool:
    """Whether what is under way comes to its end while somebody waits for it."""
    until = time.monotonic() + _UNDER_WAY
    while not (ended := over()) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
    return ended


def follow(
    stored: StoredPlan,
    *,
    wait: bool,
    reported: Mapping[str, int] = MappingProxyType({}),
    declined: Sequence[Declined] = (),
) -> Applied:
    """Show progress until nothing of the run is pending, or no more can be done now."""
    if wait and stored.released:
        _wait(stored)
    return replace(_outcome(stored, reported), declined=declined)


def _wait(stored: StoredPlan) -> None:
    with Bars(_left(stored.run)) as bars:
        helper: threading.Thread | None = None
        last, since = -1, time.monotonic()
        told: set[tuple[str, str]] = set()
        while True:
            pending = _left(stored.run)
            done = bars.show(pending)
            if not pending or _is_paused(stored.run):
                return
            if done != last:
                last, since = done, time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                since = time.monotonic()
                if _is_stuck(stored.run, told):
                    return
                if not (helper and helper.is_alive()):
                    helper = _drain_here(pending)
            time.sleep(_LOOK_EVERY)


def _is_stuck(run: Run, told: set[tuple[str, str]]) -> bool:
    """Whether nothing of it goes on before somebody mends something; that is told at the end. What
    else keeps it is said here, each reason once."""
    goes = going(run, now())
    if goes is None or goes.stuck >= sum(_left(run).values()):
        return True
    for wait in goes.waits:
        if (wait.slug, wait.why) not in told:
            told.add((wait.slug, wait.why))
            say(str(wait))
    return False


def _left(run: Run) -> dict[str, int]:
    """Application -> operations of the run that are not settled yet."""
    rows = Operation.objects.filter(run=run, state__in=ledger.PENDING)
    return dict(
        rows.values_list("application__slug").annotate(n=Count("pk")).order_by("application__slug")
    )


def _is_paused(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk, state=RunState.PAUSED.value).exists()


def _drain_here(slugs: Iterable[str]) -> threading.Thread:
    """Drain in this process what no worker is at. A drain that is busy elsewhere ends at once."""

    async def drains() -> None:
        await asyncio.gather(*(Drain(slug).run() for slug in slugs), return_exceptions=True)

    def run() -> None:
        try:
            uvloop.run(drains())
        finally:
            close_old_connections()
            connection.close()

    thread = threading.Thread(target=run, name="drain", daemon=True)
    thread.start()
    return thread


def _outcome(stored: StoredPlan, reported: Mapping[str, int]) -> Applied:
    run = Run.objects.get(pk=stored.run.pk)
    rows = (
        Operation.objects.filter(run=run, state__in=["failed", "manual"])
        .select_related("person", "application", "account")
        .order_by("id")
    )
    told = [{**ledger.line(row).as_json(), "error": row.error} for row in rows]
    pending = Operation.objects.filter(run=run, state__in=ledger.PENDING)
    stopped = dict(
        Application.objects.filter(
            health=Health.STOPPED, pk__in=pending.values("application")
        ).values_list("slug", "stopped_reason")
    )
    still = standing_still()
    goes = going(run, now())
    asked = Application.objects.filter(pk__in=pending.values("application"), health=Health.OK)
    return Applied(
        run=run,
        reported=dict(reported),
        still=standing_still(asked.values_list("slug", flat=True)),
        states=ledger.counts(run),
        failed=[item for item in told if item["state"] == "failed"],
        manual=[item for item in told if item["state"] == "manual"],
        stopped=stopped,
        pending=_left(run),
        waits=[str(w) for w in (goes.waits if goes else ()) if w.name not in still],
        held_reasons=stored.held_reasons,
        problems=[problem.as_json() for problem in stored.problems],
    )
