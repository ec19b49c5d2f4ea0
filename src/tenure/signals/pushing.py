"""Delivery by push (RFC 8935): through the outbox of single sign-on, which tries, waits and keeps
what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db.models import QuerySet

from tenure.infra.clock import now
from tenure.signals.events import EventType
from tenure.signals.models import Signal, Stream
from tenure.signals.sets import CONTENT_TYPE, signed
from tenure.sso import outbox
from tenure.sso.models import Notice
from tenure.vault.services import get_ours

KIND: Final = "ssf.push"
#: What a receiver has not taken for so long is given up.
_PATIENCE: Final = timedelta(days=3)


def header_place(stream: Stream) -> str:
    """Where the header is kept that the receiver wants to see."""
    return f"signals.stream.{stream.uid}"


def post(stream: Stream, rows: Sequence[Signal]) -> None:
    """Write a notice for each, in the caller's transaction."""
    at = now()
    notices = Notice.objects.bulk_create(
        [
            Notice(
                kind=KIND,
                address=stream.address,
                payload={"signal": row.pk, **_tells(row)},
                application_id=stream.receiver.application_id,
                person_id=row.person_id,
                created_at=at,
                not_before=at,
                give_up_at=at + _PATIENCE,
            )
            for row in rows
        ]
    )
    for row, notice in zip(rows, notices, strict=True):
        row.notice = notice
    Signal.objects.bulk_update(rows, ["notice"])
    outbox.wake()


def _tells(row: Signal) -> dict[str, str]:
    """What the receiver is told to end (CAEP 1.0, section 3.1): a session, or all of somebody's."""
    if row.kind != EventType.SESSION_REVOKED:
        return {outbox.ENDS: outbox.Ends.NOTHING.value}
    if row.subject.get("format") != "complex":
        return {outbox.ENDS: outbox.Ends.EVERYTHING.value}
    return {outbox.ENDS: outbox.Ends.SESSION.value, outbox.SESSION: row.subject["session"]["id"]}


def withdraw(rows: QuerySet[Signal]) -> None:
    """Those that have not gone out do not."""
    Notice.objects.filter(signal__in=rows, state=Notice.State.WAITING).update(
        state=Notice.State.FAILED, settled_at=now(), answer="withdrawn"
    )


class Push:
    """How the outbox sends them."""

    def prepare(self, notice: Notice) -> outbox.Prepared:
        """The request. The token is signed when it goes, so its key is one that is published."""
        row = Signal.objects.select_related("stream__receiver").get(pk=notice.payload["signal"])
        headers = {"Accept": "application/json"}
        if secret := get_ours(header_place(row.stream)):
            headers["Authorization"] = secret
        return outbox.Prepared(signed(row).encode(), CONTENT_TYPE, headers)

    def arrived(self, notice: Notice, reply: outbox.Reply) -> bool:
        """202 is what the RFC says; any other 2xx is meant so too."""
        return self._settled(notice, reply, 200 <= reply.status < 300, Signal.State.DELIVERED)

    def hopeless(self, notice: Notice, reply: outbox.Reply) -> bool:
        """400 says that this very token is not taken."""
        return self._settled(notice, reply, reply.status == 400, Signal.State.REFUSED)

    def _settled(
        self, notice: Notice, reply: outbox.Reply, over: bool, state: Signal.State
    ) -> bool:
        if over:
            Signal.objects.filter(notice=notice).update(
                state=state, settled_at=now(), answer=f"{reply.status} {reply.body}"[:500]
            )
        return over
