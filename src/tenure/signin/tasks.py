"""Jobs of signing in. Wake-ups only: letters that wait and invitations that are due are read from
tables, so what a lost job left behind is found by the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.contrib.sessions.models import Session as BrowserSession
from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.signin import invitations, reminders, sending
from tenure.signin.devices import KEPT
from tenure.signin.models import Challenge, Device, Letter, Pairing, Session, Throttle

#: Rows that nobody asks for any more are kept for so long.
_KEPT: Final = timedelta(days=30)


@app.task(queue="mail", name="tenure.send_letters", pass_context=False)
def send_letters() -> None:
    """Send what waits."""
    sending.send_waiting()


@app.periodic(cron="* * * * * */20")
@app.task(queue="mail", queueing_lock="doorkeeper", name="tenure.doorkeeper", pass_context=False)
def doorkeeper(timestamp: int) -> None:
    """Invitations that are due, and letters that nobody sent."""
    invitations.invite_due(now())
    sending.send_waiting()


@app.periodic(cron="41 * * * *")
@app.task(queue="mail", queueing_lock="task-reminders", name="tenure.remind", pass_context=False)
def remind(timestamp: int) -> None:
    """Tell who has something to do by hand."""
    reminders.remind(now())


@app.periodic(cron="17 * * * *")
@app.task(queue="sweep", queueing_lock="tidy-doors", name="tenure.tidy_doors", pass_context=False)
def tidy(timestamp: int) -> None:
    """What is over and worth nothing."""
    at = now()
    Challenge.objects.filter(expires_at__lte=at).delete()
    Pairing.objects.filter(expires_at__lte=at - timedelta(days=1)).delete()
    Throttle.objects.filter(since__lte=at - timedelta(days=1)).delete()
    Session.objects.filter(seen_at__lte=at - _KEPT).delete()
    Letter.objects.filter(sent_at__lte=at - _KEPT).delete()
    Device.objects.filter(seen_at__lte=at - KEPT).delete()
    BrowserSession.objects.filter(expire_date__lte=at).delete()
