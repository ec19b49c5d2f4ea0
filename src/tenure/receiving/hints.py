"""From a webhook to what it changes: kept and answered at once, then the records that it names are
fetched again from the source, which alone is believed.

A webhook that was sent again leads to nothing but another look. Where a source signs the time, the
same one is taken once; where it does not, one that waits already is enough.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from tenure.audit.services import acting
from tenure.core.schedules import waits
from tenure.infra.clock import now
from tenure.infra.jobs import defer_once
from tenure.provisioning.services import follow
from tenure.readers.base import Fetching, ReaderBusy, ReaderError
from tenure.readers.webhook import Hint, Hinted, NotGenuine, Webhook, hint
from tenure.receiving.models import SourceHint
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.sources.opening import open_source
from tenure.sources.seen import AlreadyImporting
from tenure.vault.services import resolve

log = logging.getLogger(__name__)
REASON = "webhook"
#: Records that are fetched one by one; more than that, and what changed is asked for instead.
_MOST = 200
#: Then the next import by schedule has to do.
_MOST_TRIES = 10
#: A webhook that names no record has everything looked at that changed: no sooner than so long
#: after the source was read last, and for all that came meanwhile.
APART = timedelta(seconds=60)
#: Those that come together are one.
_TOGETHER = 2
#: How long the same one is recognised.
_KEPT = timedelta(days=1)


class Refused(Exception):
    """It is not taken, and nothing was done. str() is for our log, not for whoever sent it."""


class NotReady(Refused):
    """Whether it is genuine cannot be told at present, for something is wrong here."""


def receive(
    slug: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST"
) -> Mapping[str, str]:
    """Keep a webhook of the source and wake whoever fetches the records. Returns headers for the
    answer. Raises `Refused`, or `NotReady`."""
    source = Source.objects.filter(slug=slug).first()
    found = _described(source) if source is not None else None
    if source is None or found is None:
        raise Refused(f"there is no source {slug!r} that sends webhooks")
    secret = _secret(source, found)
    try:
        said = hint(found, secret, headers, body, now(), method=method)
    except NotGenuine as error:
        raise Refused(str(error)) from error
    if said.ids:
        _keep(source, found, headers, body, said.ids, said.event)
    return _echoed(found, headers)


def _described(source: Source) -> Webhook | None:
    try:
        reader = open_source(source)
    except ReaderError as error:
        raise NotReady(str(error)) from error
    return reader.webhook if isinstance(reader, Hinted) else None


def _secret(source: Source, webhook: Webhook) -> str:
    try:
        return resolve(source.secrets.get(webhook.secret, ""))
    except LookupError as error:
        raise NotReady(str(error)) from error


def _keep(
    source: Source,
    webhook: Webhook,
    headers: Mapping[str, str],
    body: bytes,
    ids: tuple[str, ...],
    event: str,
) -> None:
    """One row, and a wake-up; nothing where it is known."""
    with transaction.atomic():
        _, made = SourceHint.objects.get_or_create(
            source=source,
            digest=_digest(webhook, headers, body),
            defaults={"ids": list(ids), "event": event[:200]},
        )
        if made:
            wake(source.slug)


def _digest(webhook: Webhook, headers: Mapping[str, str], body: bytes) -> bytes:
    stamp = ""
    if webhook.timestamp is not None:
        known = {name.lower(): text for name, text in headers.items()}
        stamp = known.get(webhook.timestamp.header.lower(), "")
    return hashlib.sha256(stamp.encode() + b"\0" + body).digest()


def _echoed(webhook: Webhook, headers: Mapping[str, str]) -> Mapping[str, str]:
    if webhook.echo is None:
        return {}
    name = webhook.echo.header
    given = next((text for key, text in headers.items() if key.lower() == name.lower()), "")
    return {name: given} if given else {}


@transaction.atomic
def keep(source: Source, body: bytes, said: Hint | None) -> None:
    """The same for one that is proved by a secret of ours. `said` None: it names no record."""
    at = now()
    slot = int(at.timestamp()) // _TOGETHER
    ids, soonest = list(said.ids) if said else [], None
    if not ids:
        # It is begun when its slot is over, so that nothing comes too late for it.
        body = b""
        soonest = datetime.fromtimestamp((slot + 1) * _TOGETHER, UTC)
        if source.read_at is not None:
            soonest = max(soonest, source.read_at + APART)
    digest = hashlib.sha256(f"{slot}\0".encode() + body).digest()
    mine = SourceHint.objects.filter(source=source, digest=digest)
    _, made = SourceHint.objects.get_or_create(
        source=source,
        digest=digest,
        defaults={
            "ids": ids,
            "event": said.event[:200] if said else "",
            "not_before": soonest,
        },
    )
    # One that was looked at meanwhile is another now.
    again = mine.filter(taken_at__isnull=False).update(taken_at=None, not_before=soonest, tries=0)
    if (made or again) and soonest is None:
        wake(source.slug)


def wake(slug: str) -> None:
    """Have the hints of the source taken soon; one job that waits already is enough."""
    defer_once("tenure.take_hints", queueing_lock=f"hints {slug}", slug=slug)


def take(slug: str) -> None:
    """Look at everything that the hints of this source name. One that cannot be looked at now is
    tried again after a while."""
    source = Source.objects.filter(slug=slug).first()
    if source is None:
        return
    waiting = list(_waiting(now()).filter(source=source))
    if not waiting:
        return
    # One that names none has everything looked at that changed.
    whole = any(not row.ids for row in waiting)
    ids = [] if whole else list(dict.fromkeys(id for row in waiting for id in row.ids))
    try:
        with acting(f"{REASON} ({source.name})"):
            _look(source, ids)
    except AlreadyImporting:
        # It may have read them before they changed.
        _later(waiting, timedelta(seconds=5), tried=False)
    except ReaderError as error:
        asked = error.after if isinstance(error, ReaderBusy) else None
        log.warning("Webhooks of %s wait: %s", source.slug, error)
        _later(waiting, waits(waiting[0].tries + 1, asked), tried=True)
    else:
        mine = SourceHint.objects.filter(pk__in=[row.pk for row in waiting])
        mine.update(taken_at=now())
        _forget_untimed(source)


def _look(source: Source, ids: list[str]) -> None:
    reader = open_source(source)
    single = isinstance(reader, Fetching) and 0 < len(ids) <= _MOST
    result = import_source(source, ids=ids if single else (), reason=REASON, quiet=True)
    if result.leavers:
        follow(result.leavers, reason=f"{REASON} of {source.name}")


def _forget_untimed(source: Source) -> None:
    """Where no time is signed the same text may mean another change: it is taken again."""
    try:
        webhook = _described(source)
    except Refused:
        return
    if webhook is not None and webhook.timestamp is None:
        SourceHint.objects.filter(source=source, taken_at__isnull=False).delete()


def _later(rows: list[SourceHint], wait: timedelta, *, tried: bool) -> None:
    mine = SourceHint.objects.filter(pk__in=[row.pk for row in rows])
    mine.update(not_before=now() + wait, tries=F("tries") + int(tried))
    mine.filter(tries__gte=_MOST_TRIES).delete()


def _waiting(at: datetime) -> QuerySet[SourceHint]:
    rows = SourceHint.objects.filter(taken_at=None)
    return rows.filter(Q(not_before=None) | Q(not_before__lte=at))


def wake_waiting(at: datetime) -> None:
    """Hints whose wake-up was lost, or whose time has come."""
    for slug in _waiting(at).order_by().values_list("source__slug", flat=True).distinct():
        wake(slug)


def tidy(at: datetime) -> None:
    """Those that nobody would send again."""
    SourceHint.objects.filter(taken_at__lt=at - _KEPT).delete()
