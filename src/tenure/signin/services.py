"""One-time links: issued on the command line, redeemed once in a browser. Only the digest of a
link is stored, so whoever reads the database cannot sign in with it. Knows nothing of requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.db import transaction
from django.urls import reverse

from tenure.audit.models import Action
from tenure.audit.services import acting, record
from tenure.infra.clock import now
from tenure.signin import letters
from tenure.signin.models import Letter, OneTimeLink, Role, User
from tenure.signin.tokens import digest, new_token, same

VALID = timedelta(minutes=15)
#: Of a link that is sent by e-mail.
INVITED = timedelta(hours=72)


class Standing(StrEnum):
    """What a link is worth."""

    GOOD = "good"
    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class LinkRefused(ValueError):
    """The link signs nobody in. `standing` says why."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(f"The link is {standing.value}.")
        self.standing = standing


@dataclass(frozen=True, slots=True)
class Look:
    """What a link is worth, and whom it would sign in (None unless it is good)."""

    standing: Standing
    user: User | None = None


@transaction.atomic
def issue_link(*, name: str = "owner", role: Role = Role.OWNER, valid: timedelta = VALID) -> str:
    """The path of a link that signs this administrator in once, within `valid`.

    An administrator of that name is made, with this role, if there is none; one who is there keeps
    their role. Raises `ValueError` for one who has been deactivated.
    """
    user = _administrator(name, role)
    token = new_token()
    expires = now() + valid
    OneTimeLink.objects.create(user=user, digest=digest(token), expires_at=expires)
    record(
        Action.LINK_ISSUED,
        subject_kind="administrator",
        subject_key=str(user.pk),
        subject_label=user.name,
        after={"expires_at": expires.isoformat()},
    )
    return reverse("signin:link", args=[token])


@transaction.atomic
def invite_administrator(*, name: str, email: str, role: Role = Role.ADMINISTRATOR) -> User:
    """Make the administrator, or find the one there is, and send a link that works once. Raises
    `ValueError` for an address that is none, or who has been deactivated."""
    if "@" not in email.strip("@ "):
        raise ValueError(f"{email!r} is no e-mail address. Expected one such as anna@acme.example.")
    user = _administrator(name, role)
    letters.queue(Letter.Kind.ADMINISTRATOR, to=email.strip(), user=user)
    record(
        Action.ADMINISTRATOR_INVITED,
        subject_kind="administrator",
        subject_key=str(user.pk),
        subject_label=user.name,
        after={"to": letters.masked(email.strip()), "role": user.role},
    )
    return user


def look(token: str) -> Look:
    """What the link is worth, without using it up."""
    link = _find(token)
    if link is None:
        return Look(Standing.UNKNOWN)
    standing = _standing(link)
    return Look(standing, link.user if standing is Standing.GOOD else None)


@transaction.atomic
def redeem(token: str, ip: str | None) -> User:
    """Use the link up. Raises `LinkRefused`; of two that come at once, one is refused."""
    link = _find(token, lock=True)
    if link is None:
        raise LinkRefused(Standing.UNKNOWN)
    standing = _standing(link)
    if standing is not Standing.GOOD:
        raise LinkRefused(standing)
    link.used_at, link.used_from = now(), ip
    link.save(update_fields=["used_at", "used_from"])
    with acting(actor_name(link.user)):
        record(
            Action.ADMINISTRATOR_SIGNED_IN,
            subject_kind="administrator",
            subject_key=str(link.user.pk),
            subject_label=link.user.name,
            reason="one-time link",
            after={"from": ip} if ip else None,
        )
    return link.user


def signed_out(user: User) -> None:
    """Record that the administrator has signed out."""
    with acting(actor_name(user)):
        record(
            Action.ADMINISTRATOR_SIGNED_OUT,
            subject_kind="administrator",
            subject_key=str(user.pk),
            subject_label=user.name,
        )


def actor_name(user: User) -> str:
    """The administrator as the audit trail names them."""
    return f"administrator {user.name}"


def _administrator(name: str, role: Role) -> User:
    user, made = User.objects.get_or_create(name=name, defaults={"role": role})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    if not user.is_active:
        raise ValueError(f"{name} may not sign in: the administrator has been deactivated.")
    return user


def _find(token: str, *, lock: bool = False) -> OneTimeLink | None:
    """By digest, and the digest compared once more in constant time: the database's comparison
    may take longer the more of it is right."""
    wanted = digest(token)
    rows = OneTimeLink.objects.select_related("user")
    if lock:
        rows = rows.select_for_update(of=("self",))
    link = rows.filter(digest=wanted).first()
    if link is None or not same(link.digest, wanted):
        return None
    return link


def _standing(link: OneTimeLink) -> Standing:
    if link.used_at is not None:
        return Standing.USED
    if link.expires_at <= now():
        return Standing.EXPIRED
    return Standing.GOOD if link.user.is_active else Standing.UNKNOWN
