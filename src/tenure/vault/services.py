"""Keeping, reading and resealing secrets. A value goes in once and is never shown again: only the
code that sends it to its application opens it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.infra.clock import now
from tenure.infra.secrets import KEY_VARIABLE, Box, KeysMissing, SecretError
from tenure.infra.secrets import resolve as resolve_text
from tenure.infra.secrets import resolve_all as resolve_value
from tenure.vault.models import Sealed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LONGEST = 64 * 1024
_ROTATING = 0x7E50_0024
#: What is sealed in tables of others.
_ELSEWHERE: list[Elsewhere] = []
#: How long before its last day a secret is complained about.
WARN_AHEAD = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Values that are sealed in another app's tables. `reseal` seals them with the first key of
    the box, in the transaction that changes the key, and says how many those were; `any` says
    whether there are some."""

    reseal: Callable[[Box], int]
    any: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is told of a secret: everything but its value."""

    name: str
    expires_on: date | None
    kept_at: datetime
    kept_by: str

    def days_left(self, today: date) -> int | None:
        """Days that it still works; None where it does not die by itself."""
        return None if self.expires_on is None else (self.expires_on - today).days


@transaction.atomic
def keep(name: str, value: str, *, expires_on: date | None = None) -> None:
    """Keep what a person entered, in place of what was there. Refer to it as `${box:NAME}`.

    Raises `ValueError` for a name or a value that cannot be kept.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name for a secret. Expected letters, digits, '.', '_' and '-', at "
            "most 100, the first a letter or digit."
        )
    if not value:
        raise ValueError(f"The secret {name} is empty: nothing was kept.")
    if len(value) > _LONGEST:
        raise ValueError(f"The secret {name} is longer than {_LONGEST // 1024} KiB.")
    _put(name, value, ours=False, expires_on=expires_on)
    record(
        Action.SECRET_KEPT,
        subject_kind="secret",
        subject_key=name,
        after={"expires_on": expires_on.isoformat()} if expires_on else None,
    )


@transaction.atomic
def forget(name: str) -> None:
    """Raises `LookupError` where there is none."""
    if not Sealed.objects.filter(name=name, ours=False).delete()[0]:
        raise LookupError(_unknown(name))
    record(Action.SECRET_FORGOTTEN, subject_kind="secret", subject_key=name)


def kept() -> list[Kept]:
    """What people entered, by name."""
    rows = Sealed.objects.filter(ours=False)
    return [Kept(row.name, row.expires_on, row.kept_at, row.kept_by) for row in rows]


def dying(today: date) -> list[Kept]:
    """Those that die within the next weeks, or have, soonest first."""
    rows = [item for item in kept() if item.expires_on is not None]
    soon = [item for item in rows if item.expires_on and item.expires_on - today <= WARN_AHEAD]
    return sorted(soon, key=lambda item: (item.expires_on or today, item.name))


def resolve(text: str) -> str:
    """The text with every reference in it replaced: environment, files, the box. Raises
    `SecretError`."""
    return resolve_text(text, boxed=opened)


def resolve_all(value: Any) -> Any:
    """The same at any depth of a setting."""
    return resolve_value(value, boxed=opened)


def opened(name: str) -> str:
    """What a person entered under this name. Raises `SecretError`."""
    row = Sealed.objects.filter(name=name, ours=False).first()
    if row is None:
        raise SecretError(_unknown(name))
    keys = box()
    try:
        return keys.open(row.value, bound_to=_bound(name))
    except SecretError as error:
        raise SecretError(f"{error} `tenure secrets set {name}` enters it again.") from error


def put_ours(name: str, value: str) -> None:
    """Keep a value that Tenure got for itself; "" forgets it."""
    if not value:
        Sealed.objects.filter(name=name, ours=True).delete()
        return
    _put(name, value, ours=True)


def ours(name: str, make: Callable[[], str]) -> str:
    """What Tenure keeps for itself under this name, made at the first call: whoever comes first
    makes it for all."""
    if found := get_ours(name):
        return found
    Sealed.objects.get_or_create(
        name=name,
        ours=True,
        defaults={
            "value": box().seal(make(), bound_to=_bound(name)),
            "kept_at": now(),
            "kept_by": actor(),
        },
    )
    return get_ours(name)


def get_ours(name: str) -> str:
    """What Tenure keeps for itself under this name, "" where there is none."""
    row = Sealed.objects.filter(name=name, ours=True).first()
    return box().open(row.value, bound_to=_bound(name)) if row else ""


@transaction.atomic
def rotate() -> int:
    """Seal everything with a new key. Returns how many values. What was sealed before still opens
    with the keys that stay behind the new one, so a worker that is at it is not disturbed.

    Where the keys are in the environment they are rotated there, by whoever set them: this seals
    everything with the first of them.
    """
    # One after the other: of two who read the file of keys at once the second would put it back
    # without the first one's key, which has sealed everything by then.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ROTATING])
    in_environment = bool(os.environ.get(KEY_VARIABLE))
    box()
    with_key = box() if in_environment else Box.rotate(settings.HOME)
    count = 0
    for row in Sealed.objects.select_for_update().order_by("pk"):
        plain = with_key.open(row.value, bound_to=_bound(row.name))
        row.value = with_key.seal(plain, bound_to=_bound(row.name))
        row.save(update_fields=["value"])
        count += 1
    count += sum(elsewhere.reseal(with_key) for elsewhere in _ELSEWHERE)
    record(Action.SECRETS_ROTATED, subject_kind="secret", subject_key="all", after={"count": count})
    return count


def sealed_elsewhere(where: Elsewhere) -> None:
    """Have the vault know of values that are sealed in other tables."""
    if where not in _ELSEWHERE:
        _ELSEWHERE.append(where)


def unreadable() -> Iterable[str]:
    """The names that no key of this process opens. Raises `SecretError` for keys that are none."""
    try:
        keys = box()
    except KeysMissing:
        yield from Sealed.objects.values_list("name", flat=True)
        return
    for row in Sealed.objects.all():
        try:
            keys.open(row.value, bound_to=_bound(row.name))
        except SecretError:
            yield row.name


def _put(name: str, value: str, *, ours: bool, expires_on: date | None = None) -> None:
    Sealed.objects.update_or_create(
        name=name,
        ours=ours,
        defaults={
            "value": box().seal(value, bound_to=_bound(name)),
            "expires_on": expires_on,
            "kept_at": now(),
            "kept_by": actor(),
        },
    )


def box() -> Box:
    """The installation's box, for whoever seals values of its own. Read anew each time: another
    process may have rotated the keys. The first key is made here, as long as nothing is sealed:
    one in the place of a key that was lost would open nothing. Raises `KeysMissing`,
    `SecretError`."""
    try:
        return Box.at(settings.HOME)
    except KeysMissing:
        if not anything_sealed():
            return Box.begin(settings.HOME)
    # Another process may have made the first key, and sealed with it, since this one looked.
    return Box.at(settings.HOME)


def anything_sealed() -> bool:
    """Whether a key is needed to open something."""
    return Sealed.objects.exists() or any(elsewhere.any() for elsewhere in _ELSEWHERE)


def _bound(name: str) -> str:
    return f"secret:{name}"


def _unknown(name: str) -> str:
    return f"No secret is kept under {name!r}. Enter it with `tenure secrets set {name}`."
