"""Jobs of single sign-on. Wake-ups only: what is to be sent or ended is read from tables, so what
a lost job left behind is found by the next one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.sso import delivery, endings, keys, outbox, pending, seeing_out
from tenure.sso.models import (
    ApplicationSession,
    Code,
    DeviceRequest,
    Grant,
    Notice,
    Protocol,
    SignOn,
    Token,
)

_SIGN_ONS_KEPT: Final = timedelta(days=183)
_ENDED_KEPT: Final = timedelta(days=92)


@app.task(queue="notices", name="tenure.deliver_notices", pass_context=False)
def deliver() -> None:
    """Send what waits."""
    delivery.deliver_waiting()


@app.task(queue="notices", name="tenure.carry_out_notices", pass_context=False)
def carry_out() -> None:
    """Have done what others do, such as connectors."""
    delivery.carry_out_waiting()


@app.periodic(cron="* * * * * */10")
@app.task(queue="notices", queueing_lock="sign-ons", name="tenure.sign_ons", pass_context=False)
def sweep(timestamp: int) -> None:
    """Whoever has lost an application, notices that nobody sent, and tasks that are moot."""
    endings.end_lost()
    delivery.deliver_waiting()
    outbox.wake_overdue()
    seeing_out.withdraw_moot()
    seeing_out.wake_due()


@app.task(queue="sweep", name="tenure.see_out", pass_context=False)
def see_out() -> None:
    """Whoever has lost their access is looked at, and a person asked to do what we cannot."""
    if seeing_out.look_due():
        seeing_out.wake_due()


@app.periodic(cron="23 * * * *")
@app.task(queue="sweep", queueing_lock="tidy-sso", name="tenure.tidy_sso", pass_context=False)
def tidy(timestamp: int) -> None:
    """Keys that end soon, and what is over and worth nothing."""
    at = now()
    keys.rotate_due()
    pending.tidy()
    _tidy_tokens(at)
    SignOn.objects.filter(at__lte=at - _SIGN_ONS_KEPT).delete()
    Notice.objects.filter(settled_at__lte=at - _SIGN_ONS_KEPT).delete()
    old = ApplicationSession.objects.filter(ended_at__lte=at - _ENDED_KEPT)
    old.exclude(notices__state=Notice.State.WAITING).delete()


def _tidy_tokens(at: datetime) -> None:
    """A used refresh token is kept until it would have expired: shown again, it gives a thief
    away. A grant without anything that could be shown is nothing any more, nor is what went on
    apart from a session only for its sake."""
    before = at - timedelta(days=1)
    Token.objects.filter(expires_at__lte=before).delete()
    Code.objects.filter(expires_at__lte=before).delete()
    DeviceRequest.objects.filter(expires_at__lte=before).delete()
    empty = Grant.objects.filter(tokens=None, codes=None, created_at__lte=before)
    empty.filter(devicerequest=None).delete()
    idle = Q(portal_session=None, grants=None, began_at__lte=before, protocol=Protocol.OIDC)
    endings.end(idle, "its tokens have expired")
