"""Ten recovery codes, each good for one sign-in when every device is lost. Shown once, kept as
keyed digests. Whether a name is anybody's is never told, by the answer or by the time it takes."""

from __future__ import annotations

import secrets
from typing import Final

from django.db import transaction

from tenure.audit.models import Action
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.searching import with_email
from tenure.signin import letters
from tenure.signin.models import RecoveryCode, User
from tenure.signin.owners import Owner, key_of, may_come_in, owned_by, told
from tenure.signin.throttle import Limit, count
from tenure.signin.tokens import keyed

HOW_MANY: Final = 10
#: Nothing that is mistaken for something else. 31 letters, ten of them: 49 bits.
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ2345678"
_LENGTH: Final = 10
_PURPOSE: Final = "recovery code"
#: Of one address so many are asked.
_MOST: Final = 10


class RecoveryRefused(ValueError):
    """The code lets nobody in. One sentence, whatever the reason."""

    def __init__(self) -> None:
        super().__init__("The name and the code do not go together, or the code has been used.")


@transaction.atomic
def make_codes(owner: Owner) -> list[str]:
    """Ten new codes; the old ones are void. They cannot be shown again."""
    RecoveryCode.objects.filter(**owned_by(owner), used_at=None).delete()
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(HOW_MANY)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(**owned_by(owner), digest=_digest(owner, code)) for code in codes
    )
    told(Action.RECOVERY_CODES_MADE, owner)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def codes_left(owner: Owner) -> int:
    """How many are unused."""
    return RecoveryCode.objects.filter(**owned_by(owner), used_at=None).count()


def use_code(*, name: str, code: str, address: str | None) -> Owner:
    """Whose code it is; it is used up. `name` is a work e-mail, an employee number or, of an
    administrator, the name. Raises `RecoveryRefused`, `TooOften`."""
    name = name.strip()[:254]
    count(Limit.RECOVERY_BY_ADDRESS, address)
    count(Limit.RECOVERY_BY_NAME, name.casefold())
    typed = "".join(c for c in code.upper() if c.isalnum())[: 2 * _LENGTH]
    # Somebody has to be looked up, or it would tell by its speed that there is nobody.
    asked = {_digest(owner, typed): owner for owner in _called(name) or [Person(pk=0)]}
    with transaction.atomic():
        row = (
            RecoveryCode.objects.select_for_update()
            .filter(digest__in=list(asked), used_at=None)
            .first()
        )
        owner = asked[bytes(row.digest)] if row is not None else None
        if row is None or owner is None or not may_come_in(owner):
            raise RecoveryRefused
        row.used_at = now()
        row.save(update_fields=["used_at"])
        told(Action.RECOVERY_CODE_USED, owner, after={"from": address, "left": codes_left(owner)})
        letters.notice(
            owner,
            subject="A recovery code was used",
            text="Somebody signed in with one of your recovery codes"
            + (f", from {address}." if address else ".")
            + " If that was not you, tell your administrator at once.",
        )
    return owner


def _called(name: str) -> list[Owner]:
    """Whose name it may be. The code says which of them: an administrator may be called by their
    address here, and somebody who has left had it before."""
    if not name:
        return []
    people = {
        person.pk: person
        for person in [
            *Person.objects.filter(employee_number=name),
            *with_email(name).order_by("-pk")[:_MOST],
        ]
    }
    return [*people.values(), *User.objects.filter(name=name)]


def _digest(owner: Owner, code: str) -> bytes:
    return keyed(_PURPOSE, key_of(owner), code)
