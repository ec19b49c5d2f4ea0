"""Who is told of what waits, and telling them: each thing once, tried again where it did not
arrive, and never from within a page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.configuration import editing
from tenure.infra.clock import now
from tenure.infra.secrets import SecretError
from tenure.notices.collecting import (
    SEVERITY,
    WORDS,
    Kind,
    Severity,
    Waiting,
    ending,
    newer,
    waiting,
)
from tenure.notices.models import Channel, Target, Told
from tenure.people.services import company
from tenure.signin import sending
from tenure.vault.services import get_ours, put_ours

_TRIES: Final = 8
_FIRST_WAIT: Final = timedelta(seconds=30)
_SECONDS: Final = 10
#: What no longer waits is forgotten after so long; should it wait again it is told again.
_FORGOTTEN: Final = timedelta(days=1)
SIGNATURE: Final = "Tenure-Signature"


class TargetRefused(ValueError):
    """Nobody can be told there; str() says why."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is signed for one address goes to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def targets() -> list[Target]:
    """All of them."""
    return list(Target.objects.all())


def target(pk: int) -> Target | None:
    """One of them."""
    return Target.objects.filter(pk=pk).first()


@transaction.atomic
def add(*, channel: str, address: str, kinds: Sequence[str]) -> tuple[Target, str]:
    """Tell somebody from now on; what waits already is told too. Returns the target, and the key
    that a webhook's messages are signed with, which is shown this once. Raises `TargetRefused`."""
    address = address.strip()
    chosen = [kind.value for kind in Kind if kind.value in kinds]
    if channel not in Channel.values:
        raise TargetRefused("Choose e-mail or webhook.")
    if channel == Channel.EMAIL and ("@" not in address.strip("@ ") or " " in address):
        raise TargetRefused(f"{address!r} is no e-mail address. Expected one: it@acme.example.")
    if channel == Channel.WEBHOOK and not _is_url(address):
        raise TargetRefused(f"{address!r} is no address. Expected https://hooks.example/tenure.")
    if not chosen:
        raise TargetRefused("Choose at least one thing to be told of.")
    if Target.objects.filter(channel=channel, address=address[:500]).exists():
        raise TargetRefused(f"{address} is told already: change there what it is told of.")
    row = Target.objects.create(
        channel=channel,
        address=address[:500],
        kinds=chosen,
        known=[kind.value for kind in Kind],
        added_by=actor()[:200],
    )
    key = ""
    if channel == Channel.WEBHOOK:
        key = secrets.token_urlsafe(32)
        put_ours(_sealed(row), key)
    _record(row, None, {"to": shown(row), "kinds": chosen})
    return row, key


@transaction.atomic
def change(pk: int, *, kinds: Sequence[str], seen: str) -> Target:
    """Tell them of other things from now on. `seen`: the version of `told_of` that whoever changes
    it began with. Raises `TargetRefused`, and `Overtaken` where it is another one now."""
    row = Target.objects.select_for_update().filter(pk=pk).first()
    there = told_of(row) if row is not None else None
    if row is None or editing.version(there) != seen:
        raise editing.Overtaken("notice", str(pk), there)
    chosen = [kind.value for kind in Kind if kind.value in kinds]
    if not chosen:
        raise TargetRefused("Choose at least one thing to be told of, or remove it.")
    before, row.kinds = told_of(row)["kinds"], chosen
    row.known = [kind.value for kind in Kind]
    row.save(update_fields=["kinds", "known"])
    if before != chosen:
        _record(row, {"kinds": before}, {"kinds": chosen})
    return row


def told_of(row: Target) -> dict[str, Any]:
    """What can be changed of it: what was chosen, and what came to that since."""
    taken = {*row.kinds, *newer(row.kinds, row.known)}
    return {"kinds": [kind.value for kind in Kind if kind.value in taken]}


def newer_of(row: Target) -> list[str]:
    """What it is told of that there was not yet when that was chosen."""
    return newer(row.kinds, row.known)


@transaction.atomic
def remove(pk: int) -> None:
    """They are told no more. Raises `LookupError`."""
    row = Target.objects.filter(pk=pk).first()
    if row is None:
        raise LookupError("There is no such target any more.")
    put_ours(_sealed(row), "")
    _record(row, {"to": shown(row), "kinds": row.kinds}, None)
    row.delete()


def tell() -> int:
    """Tell everybody what they do not know yet, and of what they were alarmed for that it is over.
    Returns how many messages arrived."""
    rows = targets()
    if not rows:
        return 0
    found = waiting()
    at = now()
    keys = [item.key for item in found]
    Told.objects.filter(key__in=keys).update(seen_at=at)
    Told.objects.filter(seen_at__lte=at - _FORGOTTEN).delete()
    arrived = 0
    for row in rows:
        kinds = told_of(row)["kinds"]
        arrived += _tell(row, [item for item in found if item.kind.value in kinds])
        arrived += _tell_endings(row, keys, kinds)
    return arrived


def try_it(pk: int) -> str:
    """A message that says that it is one for trying. Returns what went wrong, "" if nothing."""
    row = Target.objects.get(pk=pk)
    item = Waiting(Kind.HELD, "try", "This is a test", "Nothing waits because of it.", "/console/")
    return _remember(row, _send(row, [item], test=True))


def _tell(row: Target, items: Sequence[Waiting]) -> int:
    """What this target was not told yet."""
    due = []
    for item in items:
        told, _ = Told.objects.get_or_create(
            target=row, key=item.key, defaults={"kind": item.kind.value, "about": item.about}
        )
        if told.sent_at is None and _may_try(told):
            due.append((item, told))
    return _deliver(row, due)


def _tell_endings(row: Target, keys: Sequence[str], kinds: Sequence[str]) -> int:
    """That it is over, of what they were told and what waits no more."""
    due = []
    for told in row.told.exclude(sent_at=None).exclude(key__in=keys).order_by("pk"):
        item = ending(told.kind, told.key, told.about) if told.kind in kinds else None
        if item is not None and _may_try(told):
            due.append((item, told))
    return _deliver(row, due)


def _may_try(told: Told) -> bool:
    late = told.not_before is not None and told.not_before > now()
    return told.tries < _TRIES and not late


def _deliver(row: Target, due: Sequence[tuple[Waiting, Told]]) -> int:
    """All of it in one e-mail, or in one call each. Returns how many messages arrived."""
    if not due:
        return 0
    groups = [due] if row.channel == Channel.EMAIL else [[pair] for pair in due]
    arrived = 0
    for group in groups:
        error = _remember(row, _send(row, [item for item, _ in group]))
        for item, told in group:
            _keep(told, over=item.over, error=error)
        arrived += not error
        if error:
            break
    return arrived


def _keep(told: Told, *, over: bool, error: str) -> None:
    if error:
        told.tries += 1
        told.not_before = now() + _FIRST_WAIT * 2**told.tries
    elif over:
        told.delete()
        return
    else:
        told.tries, told.not_before, told.sent_at = 0, None, now()
    told.save(update_fields=["tries", "sent_at", "not_before"])


def _send(row: Target, items: Sequence[Waiting], *, test: bool = False) -> str:
    if row.channel == Channel.EMAIL:
        return _letter(row, items, test=test)
    return _call(row, items[0], test=test)


def _letter(row: Target, items: Sequence[Waiting], *, test: bool) -> str:
    count = len(items)
    several = "are over" if items[0].over else "wait for you"
    subject = items[0].title if count == 1 else f"{count} things {several}"
    text = "\n\n".join(f"{item.title}\n{item.detail}\n{item.url}" for item in items)
    words = {"text": text}
    subject = f"{company().name}: {subject}"
    try:
        sending.compose(to=row.address, subject=subject, template="notice", words=words).send()
    except sending.FAILURES as error:
        return sending.said(error)
    return ""


def _call(row: Target, item: Waiting, *, test: bool) -> str:
    body = orjson.dumps(
        {
            "event": "test" if test else item.event,
            "title": item.title,
            "detail": item.detail,
            "url": item.url,
            "company": company().name,
            "at": now().isoformat(),
        }
    )
    try:
        key = get_ours(_sealed(row))
    except SecretError as error:
        return f"What signs the call is not known any more, enter the address again: {error}"
    request = urllib.request.Request(
        row.address,
        data=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "Tenure",
            SIGNATURE: signature(key, body, int(time.time())),
        },
    )
    try:
        with _opener.open(request, timeout=_SECONDS) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        return f"It answered {error.code}."
    except (OSError, ValueError) as error:
        return f"It cannot be reached: {getattr(error, 'reason', error)}."
    return ""


def signature(key: str, body: bytes, at: int) -> str:
    """`t=1764340000,v1=<hex>`: HMAC-SHA256 of the time, a full stop and the body."""
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _remember(row: Target, error: str) -> str:
    values: dict[str, Any] = {"error": error} if error else {"error": "", "told_at": now()}
    Target.objects.filter(pk=row.pk).update(**values)
    return error


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("https", "http") and bool(parts.hostname)
    except ValueError:
        return False


def shown(row: Target) -> str:
    """Without what is after the host: many a webhook's path is its password."""
    parts = urlsplit(row.address)
    return row.address if row.channel == Channel.EMAIL else f"{parts.scheme}://{parts.hostname}/…"


def _sealed(row: Target) -> str:
    return f"notice-{row.pk}"


def _record(row: Target, before: Any, after: Any) -> None:
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="notice",
        subject_key=str(row.pk),
        subject_label=f"{row.get_channel_display()} {shown(row)}",
        before=before,
        after=after,
    )


def kinds() -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be told of with its words, by how grave it is."""
    return [
        (severity.value, [(k.value, WORDS[k]) for k in Kind if SEVERITY[k] is severity])
        for severity in Severity
    ]


def words() -> dict[str, str]:
    """Kind -> what it is called."""
    return {kind.value: WORDS[kind] for kind in Kind}
