"""Keys that are lost for good: told before anything starts, and how an installation goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.infra.secrets import Box, KeysMissing
from tenure.vault.models import Sealed
from tenure.vault.services import anything_sealed, unreadable

#: What Tenure makes for itself without anybody, and makes again once it is forgotten.
_MADE_HERE: Final[set[str]] = set()


class NothingLost(ValueError):
    """The keys are there."""


def made_here(name: str) -> None:
    """What is kept under this name is made at its first use, and may be made anew."""
    _MADE_HERE.add(name)


def require_keys() -> None:
    """Raises `KeysMissing` where something is sealed and there are no keys, and `SecretError` where
    they are damaged: whoever starts then would come to a stop at every secret."""
    try:
        Box.at(settings.HOME)
    except KeysMissing:
        if anything_sealed():
            Box.at(settings.HOME)


@transaction.atomic
def begin_anew(*, reason: str) -> Sequence[str]:
    """A new key in the place of one that is lost. What Tenure made for itself alone is forgotten,
    and made anew. The names of the rest, which somebody has to enter again, are returned: until
    then they stay as they are, so that a key that turns up still opens them.

    Raises `NothingLost`, and `SecretError` where the key cannot be written.
    """
    if not _lost():
        raise NothingLost(
            "No key is missing here: nothing was changed. `tenure doctor` names secrets that no "
            "key opens; `tenure secrets rotate` makes a new key where all are there."
        )
    Sealed.objects.filter(ours=True, name__in=_MADE_HERE).delete()
    Box.begin(settings.HOME)
    lost = sorted(unreadable())
    record(
        Action.SECRETS_BEGUN_ANEW,
        subject_kind="secret",
        subject_key="all",
        reason=reason,
        after={"lost": lost},
    )
    return lost


def _lost() -> bool:
    try:
        require_keys()
    except KeysMissing:
        return True
    return False
