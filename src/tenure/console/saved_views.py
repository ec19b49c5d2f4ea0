"""Keeping lists of people under a name: for oneself, or for everybody."""

from __future__ import annotations

from django.db.models import Q

from tenure.console.models import SavedView
from tenure.signin.models import User

MOST = 50


class CannotSave(ValueError):
    """The view cannot be kept; `str()` says why and what to do."""


def views_for(user: User) -> list[SavedView]:
    """Their own and those that others share, by name. One query."""
    rows = SavedView.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")
    return list(rows.order_by("name", "id")[: 2 * MOST])


def save_view(*, user: User, name: str, query: str, shared: bool) -> SavedView:
    """Keep it; a view of the same name is replaced. Raises `CannotSave`."""
    name = " ".join(name.split())[:80]
    if not name:
        raise CannotSave("Give the view a name that you will recognise.")
    mine = SavedView.objects.filter(owner=user)
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        raise CannotSave(f"You have {MOST} views already. Remove one first.")
    row, _ = SavedView.objects.update_or_create(
        owner=user, name=name, defaults={"query": query[:2000], "shared": shared}
    )
    return row


def remove_view(*, user: User, pk: int) -> str:
    """Forget one of their own. Returns its name. Raises `LookupError`."""
    row = SavedView.objects.filter(owner=user, pk=pk).first()
    if row is None:
        raise LookupError("There is no such view of yours. Only its owner removes a shared one.")
    row.delete()
    return row.name
