"""Everything that works once, by eight at the same moment: one of them gets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections, transaction

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import terminate
from tenure.signin import identity, invitations, pairing, passkeys, recovery
from tenure.signin.models import Pairing, Passkey, RecoveryCode, Session
from tests.signin.authenticator import Authenticator
from tests.signin.people import person, with_passkey

pytestmark = pytest.mark.django_db(transaction=True)
_MANY = 8


def at_once(work: Callable[[int], Any], refusals: tuple[type[Exception], ...]) -> list[Any]:
    """What came of it for each; None for who was refused."""
    together = Barrier(_MANY)

    def one(number: int) -> Any:
        try:
            together.wait(timeout=60)
            return work(number)
        except refusals:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(_MANY) as pool:
        return list(pool.map(one, range(_MANY)))


def winners(found: list[Any]) -> int:
    return sum(item is not None for item in found)


def started(ana: Person) -> pairing.Started:
    row = invitations.invite(person=ana)
    return pairing.start(
        Pairing.Purpose.WELCOME, invitation=row, address="127.0.0.1", browser="Firefox"
    )


def test_one_phone_takes_a_computer() -> None:
    begun = started(person())
    assert winners(at_once(lambda _: pairing.take(begun.token), (pairing.PairingRefused,))) == 1


def test_one_computer_goes_on() -> None:
    ana = person()
    begun = started(ana)
    with_passkey(ana)
    pairing.approve_welcome(begun.pairing, Passkey.objects.get())
    found = at_once(
        lambda _: pairing.redeem(begun.pairing.pk, begun.secret), (pairing.PairingRefused,)
    )
    assert winners(found) == 1


def test_a_recovery_code_is_used_once() -> None:
    code = recovery.make_codes(person())[0]
    found = at_once(
        lambda n: recovery.use_code(name="1", code=code, address=f"10.0.0.{n}"),
        (recovery.RecoveryRefused, ValueError),
    )
    assert winners(found) == 1
    assert RecoveryCode.objects.filter(used_at__isnull=False).count() == 1


def test_a_challenge_is_used_once() -> None:
    ana = person()
    device = with_passkey(ana)
    asked = passkeys.ask_to_sign_in()
    signed = device.get(json.loads(asked.options))
    found = at_once(
        lambda _: passkeys.authenticate(challenge=asked.challenge, credential=signed, address=None),
        (passkeys.CeremonyRefused,),
    )
    assert winners(found) == 1


def test_an_invitation_makes_one_passkey() -> None:
    ana = person()
    row = invitations.invite(person=ana)

    def make(_: int) -> Passkey:
        asked = passkeys.ask_to_register(ana)
        credential = Authenticator().create(json.loads(asked.options))
        with transaction.atomic():
            invitations.use(row)
            return passkeys.register(
                ana, challenge=asked.challenge, credential=credential, name="Phone"
            )

    assert winners(at_once(make, (invitations.InvitationRefused,))) == 1
    assert Passkey.objects.count() == 1


def test_a_code_has_five_tries_by_however_many() -> None:
    ana = person()
    begun = started(ana)
    row, _ = pairing.take(begun.token)
    code = identity.send_code(row)
    digits = identity.mint(code)
    wrong = "000000" if digits != "000000" else "111111"
    at_once(lambda _: identity.check_code(row, wrong), (ValueError,))
    code.refresh_from_db()
    assert (code.tries, code.used_at is None) == (5, False)


def test_the_last_passkey_survives_two_removals() -> None:
    ana = person()
    for _ in range(2):
        with_passkey(ana)
    keys = [key.pk for key in Passkey.objects.all()]
    at_once(lambda n: passkeys.remove(ana, keys[n % 2], because="lost"), (ValueError, LookupError))
    assert Passkey.objects.filter(removed_at=None).count() == 1


def test_who_signs_in_while_they_are_terminated_is_out() -> None:
    ana = person()
    begun = started(ana)
    with_passkey(ana)
    pairing.approve_welcome(begun.pairing, Passkey.objects.get())

    def either(number: int) -> Any:
        if number == 0:
            return terminate(ana, at=now(), reason="resigned", now=now())
        return pairing.redeem(begun.pairing.pk, begun.secret)

    at_once(either, (pairing.PairingRefused,))
    assert not Session.objects.filter(ended_at=None).exists()
    with pytest.raises(pairing.PairingRefused):
        pairing.redeem(begun.pairing.pk, begun.secret)
