"""Who may open a stream: tokens made once and shown once, checked by digest, taken back at once."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tenure.applications.finding import application_named
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.infra.clock import now
from tenure.signals import emitting, pushing
from tenure.signals.models import Receiver, SubjectFormat
from tenure.signin.tokens import digest
from tenure.vault.services import put_ours

_PREFIX: Final = "tnr_ssf_"
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
VALID: Final = timedelta(days=3650)
#: When a token was last used is kept only so exactly.
_NOTED: Final = timedelta(minutes=1)


@transaction.atomic
def add(
    slug: str,
    *,
    name: str = "",
    application: str = "",
    subjects: SubjectFormat = SubjectFormat.EMAIL,
    audience: str = "",
    valid: timedelta = VALID,
) -> tuple[Receiver, str]:
    """A new receiver, and its token, which is not kept. Raises `LookupError` for an application
    that does not exist, `ValueError` for a name that cannot be or is taken."""
    if not _SLUG.fullmatch(slug):
        raise ValueError(
            f"{slug!r} is no name of a receiver. Expected lower-case letters, digits, - and _."
        )
    if Receiver.objects.filter(slug=slug).exists():
        raise ValueError(f"There is a receiver {slug!r} already. Remove it, or choose another.")
    row = application_named(application) if application else None
    if subjects is SubjectFormat.ACCOUNT and row is None:
        raise ValueError(
            "User names are those of an application: say which one the receiver belongs to."
        )
    token = _PREFIX + secrets.token_urlsafe(32)
    receiver = Receiver.objects.create(
        slug=slug,
        name=name.strip()[:200] or slug,
        application=row,
        audience=audience.strip() or slug,
        subjects=subjects,
        digest=digest(token),
        created_by=actor(),
        expires_at=now() + valid,
    )
    _record(Action.SIGNAL_RECEIVER_ADDED, receiver)
    return receiver, token


@transaction.atomic
def remove(slug: str) -> None:
    """Its stream ends, and its token opens nothing any more. Raises `LookupError`."""
    receiver = named(slug)
    stream = getattr(receiver, "stream", None)
    if stream is not None:
        emitting.drop(stream, "the receiver was removed")
        put_ours(pushing.header_place(stream), "")
    _record(Action.SIGNAL_RECEIVER_REMOVED, receiver)
    receiver.delete()


def named(slug: str) -> Receiver:
    """Raises `LookupError` naming those that there are."""
    found = Receiver.objects.filter(slug=slug).select_related("stream", "application").first()
    if found is None:
        known = ", ".join(Receiver.objects.values_list("slug", flat=True)) or "none yet"
        raise LookupError(f"There is no receiver {slug!r}. Receivers: {known}.")
    return found


def let_in(token: str, at: datetime) -> Receiver | None:
    """Whose token it is; None where it opens nothing."""
    rows = Receiver.objects.filter(digest=digest(token), expires_at__gt=at)
    row = rows.select_related("application").first()
    if row is not None and (row.last_used_at is None or at - row.last_used_at > _NOTED):
        Receiver.objects.filter(pk=row.pk).update(last_used_at=at)
    return row


def _record(action: Action, receiver: Receiver) -> None:
    record(
        action,
        subject_kind="signal_receiver",
        subject_key=receiver.slug,
        subject_label=receiver.name,
        application=receiver.application.slug if receiver.application else "",
        after={"subjects": receiver.subjects, "audience": receiver.audience},
    )
