"""Sending notices: claimed so that one worker has each, sent at once without a transaction, and
what was answered kept as evidence. What does not arrive is tried again, ever more slowly."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp
from django.db import transaction
from django.db.models import F, Q
from yarl import URL

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors import fetching
from tenure.connectors.addresses import is_forbidden
from tenure.connectors.unanswered import why_unanswered
from tenure.infra.clock import now
from tenure.sso import outbox, seeing_out
from tenure.sso.models import Notice
from tenure.sso.outbox import Done, Outcome

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 50
#: Whoever sends has so long before another one may try.
_CLAIM: Final = timedelta(minutes=1)
_LONG_CLAIM: Final = timedelta(minutes=5)
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(hours=1)
_KEPT: Final = 500
#: Of an answer, in the audit trail.
_KEPT_FOREVER: Final = 200
#: An answer that is a signed message has some thousand characters.
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Status None: nothing did, and `said` is why."""

    status: int | None
    said: str
    location: str = ""


def deliver_waiting(*, most: int = 1000) -> int:
    """Send what is due. Returns how many arrived."""
    arrived = done = 0
    others = list(outbox.callers())
    while done < most:
        rows = _claim(~Q(kind__in=others), _CLAIM)
        if not rows:
            break
        # Before there is an event loop: what is signed is looked up in the database.
        prepared = [_prepare(row) for row in rows]
        answers = asyncio.run(_send_all(rows, prepared))
        arrived += sum(_settle(row, answer) for row, answer in zip(rows, answers, strict=True))
        done += len(rows)
    return arrived


def carry_out_waiting(*, most: int = 1000) -> int:
    """Have done what others do. Returns how many were."""
    arrived = done = 0
    for kind, caller in outbox.callers().items():
        while done < most and (rows := _claim(Q(kind=kind), _LONG_CLAIM)):
            answers = caller.carry_out(rows)
            for row, answer in zip(rows, answers, strict=True):
                _settle_as(row, answer)
                arrived += answer.outcome is Outcome.ARRIVED
            done += len(rows)
    return arrived


@transaction.atomic
def _claim(which: Q, claim: timedelta) -> list[Notice]:
    at = now()
    keys = list(
        Notice.objects.select_for_update(skip_locked=True)
        .filter(which, state=Notice.State.WAITING, not_before__lte=at)
        .order_by("not_before", "id")
        .values_list("pk", flat=True)[:_AT_ONCE]
    )
    Notice.objects.filter(pk__in=keys).update(
        not_before=at + claim, tries=F("tries") + 1, sent_at=at
    )
    rows = Notice.objects.filter(pk__in=keys).order_by("id")
    return list(rows.select_related("application", "person", "session"))


async def _send_all(
    rows: list[Notice], prepared: list[outbox.Prepared | Exception]
) -> list[Answer]:
    async with fetching.session(_TIMEOUT) as http:
        return await asyncio.gather(
            *(_send(http, row, one) for row, one in zip(rows, prepared, strict=True))
        )


def _prepare(row: Notice) -> outbox.Prepared | Exception:
    sender = outbox.sender_of(row.kind)
    if sender is None:
        return LookupError(f"Nothing here sends notices of the kind {row.kind}.")
    try:
        return sender.prepare(row)
    except Exception as error:
        _log.exception("Notice %s cannot be prepared", row.pk)
        return error


async def _send(
    http: aiohttp.ClientSession, row: Notice, prepared: outbox.Prepared | Exception
) -> Answer:
    if isinstance(prepared, Exception):
        return Answer(None, f"It could not be prepared: {prepared}")
    try:
        host = URL(row.address).host or ""
        if is_forbidden(host):
            return Answer(None, f"{host} is no address of an application.")
        kind = {"Content-Type": prepared.content_type} if prepared.content_type else {}
        async with http.request(
            prepared.method,
            # As it is written: what is signed in it is the letters.
            URL(prepared.address or row.address, encoded=bool(prepared.address)),
            data=prepared.body or None,
            headers={**kind, **prepared.headers},
            allow_redirects=False,
        ) as response:
            body = await fetching.beginning(response, _LARGEST)
            location = response.headers.get("Location", "")
            return Answer(response.status, body.decode(errors="replace"), location[:_LARGEST])
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = why_unanswered(error, row.address, patience=_TIMEOUT.total or 0)
        return Answer(None, why[:_KEPT])
    except Exception as error:  # A fault of ours fails what met it, and nothing else.
        _log.exception("Notice %s met a fault of ours.", row.pk)
        return Answer(None, f"{type(error).__name__}: {error}"[:_KEPT])


def _settle(row: Notice, answer: Answer) -> bool:
    """Keep what was answered. Returns whether it arrived."""
    outcome, said = Outcome.LATER, answer.said
    try:
        with transaction.atomic():
            outcome = _judged(row, answer)
            said = _words(row, answer)
    except Exception:  # As above: whatever one application answers, the others have their proof.
        _log.exception("The answer to notice %s met a fault of ours.", row.pk)
    _settle_as(row, Done(outcome, said, answer.status))
    return outcome is Outcome.ARRIVED


def _words(row: Notice, answer: Answer) -> str:
    sender = outbox.sender_of(row.kind)
    if answer.status is None or not isinstance(sender, outbox.Explainer):
        return answer.said
    reply = outbox.Reply(answer.status, answer.said, answer.location)
    return sender.said(row, reply) or answer.said


def _judged(row: Notice, answer: Answer) -> Outcome:
    sender = outbox.sender_of(row.kind)
    if sender is None or answer.status is None:
        return Outcome.LATER
    reply = outbox.Reply(answer.status, answer.said, answer.location)
    if sender.arrived(row, reply):
        return Outcome.ARRIVED
    return Outcome.HOPELESS if sender.hopeless(row, reply) else Outcome.LATER


@transaction.atomic
def _settle_as(row: Notice, done: Done) -> None:
    at, took = now(), done.outcome is Outcome.ARRIVED
    over = done.outcome is Outcome.HOPELESS or at >= row.give_up_at
    row.status, row.answer = done.status, done.said[:_KEPT].replace("\0", "")
    if took or over:
        row.state = Notice.State.DELIVERED if took else Notice.State.FAILED
        row.settled_at = at
    row.not_before = at + min(_FIRST_WAIT * 2 ** min(row.tries - 1, 12), _LONGEST_WAIT)
    row.save(update_fields=["status", "answer", "state", "settled_at", "not_before"])
    if took or over:
        _record(row, took)
        if row.person is not None:
            seeing_out.look_again(row.person)


def _record(row: Notice, took: bool) -> None:
    record(
        Action.NOTICE_DELIVERED if took else Action.NOTICE_FAILED,
        subject_kind="notice",
        subject_key=str(row.pk),
        subject_label=row.kind,
        application=row.application.slug if row.application else "",
        person=str(row.person.uid) if row.person else "",
        reason="" if took else (row.answer or f"answered {row.status}"),
        after={
            "address": row.address,
            "status": row.status,
            "tries": row.tries,
            "answer": row.answer[:_KEPT_FOREVER],
            "written_at": row.created_at.isoformat(),
            "sent_at": row.sent_at.isoformat() if row.sent_at else None,
            outbox.ENDS: outbox.ends_of(row.kind, row.payload).value,
            outbox.SESSION: outbox.session_of(row),
            outbox.ONCE_MORE: outbox.ONCE_MORE in row.payload,
        },
    )
