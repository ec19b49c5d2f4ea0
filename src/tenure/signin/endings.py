"""Ending sessions; and everything of those whose access has ended: sessions, keys, recovery codes,
invitations, and phones and computers that wait for each other, in the transaction that ends it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from django.db import transaction
from django.db.models import Q, QuerySet

from tenure.audit.models import Action
from tenure.audit.services import event, record_many
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.signin import closings
from tenure.signin.models import (
    Device,
    Invitation,
    OneTimeCode,
    OneTimeLink,
    Pairing,
    Passkey,
    RecoveryCode,
    Review,
    Session,
)
from tenure.signin.owners import Owner, owned_by, told

#: Without a request, other than what a page asks for by itself.
IDLE = timedelta(hours=1)
#: Whatever happens.
LONGEST = timedelta(hours=12)
_Change: TypeAlias = dict[str, datetime | str]
#: After these somebody does not come back with what they had.
_GONE = frozenset({LifecycleState.LEAVING.value, LifecycleState.LEFT.value})


def open_sessions(owner: Owner) -> list[Session]:
    """Where the owner is signed in, the one seen last first."""
    at = now()
    return list(
        Session.objects.filter(
            **owned_by(owner), ended_at=None, began_at__gt=at - LONGEST, seen_at__gt=at - IDLE
        ).select_related("passkey")
    )


def end_sessions(
    owner: Owner,
    *,
    because: str,
    passkey: Passkey | None = None,
    only: Sequence[uuid.UUID] | None = None,
    but: uuid.UUID | None = None,
) -> int:
    """End the owner's open sessions: those that a passkey began or confirmed, these only, or all
    but one.
    Returns how many."""
    rows = Session.objects.filter(**owned_by(owner), ended_at=None)
    if passkey is not None:
        rows = rows.filter(Q(passkey=passkey) | Q(confirmed_with=passkey))
    if only is not None:
        rows = rows.filter(uid__in=only)
    if but is not None:
        rows = rows.exclude(uid=but)
    return close(rows, because)


@transaction.atomic
def close(rows: QuerySet[Session], because: str) -> int:
    """End these sessions, and what people went on to from them. Returns how many."""
    ended = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
    Session.objects.filter(pk__in=ended).update(ended_at=now(), ended_because=because[:200])
    closings.closed(ended, because)
    return len(ended)


@transaction.atomic
def close_all(because: str) -> None:
    """Nobody is signed in any more, and no link, invitation or phone that waits lets anybody in:
    any of them may have been used or taken back without that being known here."""
    at = now()
    close(Session.objects.filter(ended_at=None), because)
    OneTimeLink.objects.filter(used_at=None).update(used_at=at)
    OneTimeCode.objects.filter(used_at=None).update(used_at=at)
    Invitation.objects.filter(used_at=None, withdrawn_at=None).update(
        withdrawn_at=at, withdrawn_because=because
    )
    Pairing.objects.filter(ended_at=None, redeemed_at=None).update(ended_at=at)


def tell_ended(owner: Owner, count: int, *, reason: str = "", by_them: bool = False) -> None:
    """Record that sessions were ended, if any were."""
    if count:
        after = {"sessions": count}
        told(Action.SESSIONS_ENDED, owner, by_them=by_them, reason=reason, after=after)


def end_access(people: Sequence[Person]) -> None:
    """They are out. A suspended person keeps their passkeys and codes, which let nobody in until
    the suspension ends; of a leaver they end too. What was ended is evidence in the audit trail."""
    at = now()
    counts: dict[int, dict[str, int]] = {}
    everybody = [person.pk for person in people]
    gone = [person.pk for person in people if person.state in _GONE]
    because = "access has ended"
    ended: _Change = {"ended_at": at, "ended_because": because}
    withdrawn: _Change = {"withdrawn_at": at, "withdrawn_because": because}
    removed: _Change = {"removed_at": at, "removed_because": because}
    _end(counts, "sessions", Session, Q(person__in=everybody, ended_at=None), ended)
    open_invitation = Q(person__in=everybody, used_at=None, withdrawn_at=None)
    _end(counts, "invitations", Invitation, open_invitation, withdrawn)
    waiting = Q(person__in=everybody, ended_at=None, redeemed_at=None)
    _end(counts, "pairings", Pairing, waiting, {"ended_at": at})
    OneTimeCode.objects.filter(pairing__person__in=everybody, used_at=None).update(used_at=at)
    Review.objects.filter(person__in=everybody, decided_at=None).update(
        decided_at=at, decided_by="system", approved=False, reason=because, given={}
    )
    _end(counts, "passkeys", Passkey, Q(person__in=gone, removed_at=None), removed)
    Device.objects.filter(person__in=gone).delete()
    unused = Q(person__in=gone, used_at=None)
    _end(counts, "recovery_codes", RecoveryCode, unused, {"used_at": at})
    record_many(
        [
            event(
                Action.ACCESS_ENDED,
                subject_kind="person",
                subject_key=str(person.uid),
                subject_label=person.display_name,
                person=str(person.uid),
                reason=f"{person.state}: no application has been told yet",
                after=counts[person.pk],
            )
            for person in people
            if person.pk in counts
        ]
    )


def sign_out(person: Person) -> None:
    """They are no more as a person of their own: nothing that they began goes on. Passkeys and
    codes stay, for whoever they are found to be."""
    at, because = now(), "two people were found to be one"
    close(Session.objects.filter(person=person, ended_at=None), because)
    open_invitation = Invitation.objects.filter(person=person, used_at=None, withdrawn_at=None)
    open_invitation.update(withdrawn_at=at, withdrawn_because=because)
    waiting = Pairing.objects.filter(person=person, ended_at=None, redeemed_at=None)
    waiting.update(ended_at=at)
    OneTimeCode.objects.filter(pairing__person=person, used_at=None).update(used_at=at)
    Review.objects.filter(person=person, decided_at=None).update(
        decided_at=at, decided_by="system", approved=False, reason=because, given={}
    )


def _end(
    counts: dict[int, dict[str, int]],
    name: str,
    model: type[Session | Invitation | Pairing | Passkey | RecoveryCode],
    which: Q,
    change: _Change,
) -> None:
    """Change the rows and count them by person."""
    rows = model.objects.select_for_update().filter(which).order_by("pk")
    found = list(rows.values_list("pk", "person_id"))
    if not found:
        return
    model.objects.filter(pk__in=[pk for pk, _ in found]).update(**change)
    for _, person in found:
        of_person = counts.setdefault(person, {})
        of_person[name] = of_person.get(name, 0) + 1
