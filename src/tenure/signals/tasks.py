"""Jobs of Shared Signals. Wake-ups only: what is to be told is read from tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.signals import emitting
from tenure.signals.models import Heard, Signal
from tenure.sso.models import Notice

_KEPT: Final = timedelta(days=183)


@app.periodic(cron="* * * * * */10")
@app.task(queue="notices", queueing_lock="signals", name="tenure.signals", pass_context=False)
def sweep(timestamp: int) -> None:
    """Accounts that are open again or deleted, and signals that were given up."""
    emitting.follow()
    given_up = Signal.objects.filter(state=Signal.State.WAITING, notice__state=Notice.State.FAILED)
    given_up.update(
        state=Signal.State.DROPPED, settled_at=now(), answer="the receiver did not take it"
    )


@app.periodic(cron="37 * * * *")
@app.task(queue="sweep", queueing_lock="tidy-ssf", name="tenure.tidy_signals", pass_context=False)
def tidy(timestamp: int) -> None:
    """What is settled, and what was heard, is kept for half a year."""
    at = now()
    Signal.objects.filter(settled_at__lte=at - _KEPT).delete()
    Heard.objects.filter(at__lte=at - _KEPT).delete()
