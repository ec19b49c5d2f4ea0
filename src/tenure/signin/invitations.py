"""Invitations: to whom, for how long, by whom; sent again, withdrawn, used once. An invitation is
the right to verify oneself and make a passkey; alone it opens nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from tenure.audit.models import Action
from tenure.audit.services import actor
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.onboarding import Invite, onboarding_of
from tenure.people.services import admit, company
from tenure.provisioning.services import follow
from tenure.signin import letters, pairing
from tenure.signin.models import Invitation, Letter, Passkey
from tenure.signin.owners import address_for, has_way_in, may_come_in, told
from tenure.signin.tokens import digest, same

#: Whoever began longer ago and was never invited is invited by hand: the whole company does not
#: get a letter on the day on which `automatic` is switched on.
_MISSED: Final = timedelta(days=14)
_AT_ONCE: Final = 200


class Standing(StrEnum):
    """What an invitation is worth."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class InvitationRefused(ValueError):
    """The invitation opens nothing. `standing` says why."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(f"The invitation is {standing.value}.")
        self.standing = standing


class CannotInvite(ValueError):
    """They cannot be invited; `str()` says why and what to do."""


@transaction.atomic
def invite(*, person: Person, reason: str = "", vouched: bool = False) -> Invitation:
    """Send an invitation, by whoever is acting. One that is open is withdrawn: only the latest
    letter works. Who has a passkey already has lost it, which takes a reason. Raises
    `CannotInvite`."""
    person = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    settings = onboarding_of(company().onboarding)
    if not may_come_in(person):
        raise CannotInvite(
            f"{person.display_name} has no access (state: {person.state}), so there is nothing "
            "to be invited to."
        )
    if has_way_in(person) and not reason.strip():
        raise CannotInvite(
            f"{person.display_name} has a passkey. If it is lost, say so as the reason: the new "
            "invitation lets them make another one."
        )
    address = address_for(person, settings)
    if not address:
        raise CannotInvite(
            f"HR has no e-mail address of {person.display_name}. Enter a personal or a work "
            "address there and import it."
        )
    Invitation.objects.filter(_open_of(person)).update(
        withdrawn_at=now(), withdrawn_because="another one was sent"
    )
    pairing.end_of(person)
    row = Invitation.objects.create(
        person=person,
        sent_to=address,
        reason=reason.strip(),
        invited_by=actor()[:200],
        expires_at=now() + settings.valid,
        vouched=vouched,
    )
    letters.queue(Letter.Kind.INVITATION, to=address, invitation=row)
    told(
        Action.INVITATION_SENT,
        person,
        by_them=False,
        reason=reason.strip(),
        after={"to": letters.masked(address), "expires_at": row.expires_at.isoformat()},
    )
    return row


@transaction.atomic
def withdraw(*, person: Person, reason: str) -> int:
    """What was sent to them works no longer. Returns how many invitations that were."""
    count = Invitation.objects.filter(_open_of(person)).update(
        withdrawn_at=now(), withdrawn_because=reason[:200]
    )
    if count:
        pairing.end_of(person)
        told(Action.INVITATION_WITHDRAWN, person, by_them=False, reason=reason)
    return count


def look(token: str) -> Invitation:
    """What a token is worth, without using it up. Raises `InvitationRefused`."""
    wanted = digest(token)
    row = Invitation.objects.select_related("person").filter(digest=wanted).first()
    if row is None or not same(row.digest, wanted):
        raise InvitationRefused(Standing.UNKNOWN)
    check(row)
    if row.opened_at is None:
        row.opened_at = now()
        row.save(update_fields=["opened_at"])
    return row


def check(row: Invitation) -> None:
    """Raises `InvitationRefused` unless it can be used now."""
    if row.used_at is not None:
        raise InvitationRefused(Standing.USED)
    if row.withdrawn_at is not None:
        raise InvitationRefused(Standing.WITHDRAWN)
    if row.expires_at <= now() or not may_come_in(row.person):
        raise InvitationRefused(Standing.EXPIRED)


def use(row: Invitation) -> None:
    """The passkey is made, and what waited for that is provisioned. Raises `InvitationRefused`; of
    two at once, one is refused. The caller holds a transaction, so that the passkey and this are
    kept together."""
    locked = Invitation.objects.select_for_update().select_related("person").get(pk=row.pk)
    check(locked)
    locked.used_at = now()
    locked.save(update_fields=["used_at"])
    if admit(locked.person, now=locked.used_at):
        follow([locked.person.pk], reason="has come in")


def latest(person: Person) -> Invitation | None:
    """Their last invitation, whatever became of it."""
    return Invitation.objects.filter(person=person).first()


def invite_due(at: datetime) -> int:
    """Where the company invites automatically: everybody whose first day is near and who was never
    invited. Who has no address is left: the console says so. Returns how many were invited."""
    settings = onboarding_of(company().onboarding)
    if settings.invite is not Invite.AUTOMATIC:
        return 0
    people = Person.objects.filter(
        ~Exists(Invitation.objects.filter(person=OuterRef("pk"))),
        ~Exists(Passkey.objects.filter(person=OuterRef("pk"))),
        state__in=[
            LifecycleState.UPCOMING.value,
            LifecycleState.ACTIVE.value,
            LifecycleState.ON_LEAVE.value,
        ],
        start_date__range=((at - _MISSED).date(), (at + settings.ahead).date()),
    ).order_by("start_date", "pk")
    count = 0
    for person in people[:_AT_ONCE]:
        if not address_for(person, settings):
            continue
        try:
            invite(person=person, reason="")
        except (CannotInvite, IntegrityError):
            # Somebody else was quicker, or they have left meanwhile.
            continue
        count += 1
    return count


def _open_of(person: Person) -> Q:
    return Q(person=person, used_at=None, withdrawn_at=None)
