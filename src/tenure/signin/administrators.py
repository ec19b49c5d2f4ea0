"""Administrators: who there is, their roles, letting them in and out. There is always an owner who
can sign in: the last one is neither demoted nor deactivated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.people.models import Person
from tenure.signin.endings import end_sessions
from tenure.signin.models import Role, User


class RoleRefused(ValueError):
    """It cannot be so; str() says why and what to do."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """One of them, with their keys and when they were last here."""

    user: User
    keys: int
    sessions: int
    seen_at: datetime | None


def administrators() -> list[Administrator]:
    """All of them, those who may come in first."""
    rows = User.objects.annotate(
        keys=Count("passkeys", filter=Q(passkeys__removed_at=None), distinct=True),
        open=Count("sessions", filter=Q(sessions__ended_at=None), distinct=True),
        seen=Max("sessions__seen_at"),
    ).order_by("-is_active", "name", "pk")
    return [Administrator(row, row.keys, row.open, row.seen) for row in rows]


def may_be(user: User, person: Person) -> bool:
    """Whether an administrator may be this person; see `Person.goes_by`."""
    return person.goes_by(user.name)


def called_as(person: Person) -> list[User]:
    """The administrators who may come in and may be this person."""
    rows = User.objects.filter(is_active=True).order_by("name", "pk")
    return [user for user in rows if may_be(user, person)]


@transaction.atomic
def change_role(user: User, role: Role) -> None:
    """Another role from the next request on. Raises `RoleRefused` for the last owner."""
    row = _locked(user)
    if row.role == role:
        return
    if row.role == Role.OWNER:
        _another_owner(row)
    before = row.role
    row.role = role
    row.save(update_fields=["role"])
    _record(row, {"role": before}, {"role": str(role)})


@transaction.atomic
def deactivate(user: User) -> None:
    """They come in no more, and are out at once. Raises `RoleRefused` for the last owner."""
    row = _locked(user)
    if not row.is_active:
        return
    if row.role == Role.OWNER:
        _another_owner(row)
    row.is_active = False
    row.save(update_fields=["is_active"])
    end_sessions(row, because="deactivated")
    _record(row, {"active": True}, {"active": False})


@transaction.atomic
def activate(user: User) -> None:
    """They may come in again."""
    row = _locked(user)
    if not row.is_active:
        row.is_active = True
        row.save(update_fields=["is_active"])
        _record(row, {"active": False}, {"active": True})


def _locked(user: User) -> User:
    # All of them: two owners who demote each other at the same time would leave none.
    rows = {row.pk: row for row in User.objects.select_for_update().order_by("pk")}
    return rows[user.pk]


def _another_owner(row: User) -> None:
    if not User.objects.filter(role=Role.OWNER, is_active=True).exclude(pk=row.pk).exists():
        raise RoleRefused(f"{row.name} is the only owner. Make somebody else an owner first.")


def _record(row: User, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="administrator",
        subject_key=str(row.pk),
        subject_label=row.name,
        before=dict(before),
        after=dict(after),
    )
