"""Keys that sign: made when first needed, rotated with overlap. A new key is published before it
signs, an old one stays published after it has signed its last; the private halves are in the vault.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.db import connection, transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.infra.clock import now
from tenure.sso.models import Algorithm, Protocol, SigningKey
from tenure.vault.services import get_ours, put_ours

Private: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
#: Makes the certificate of a new key: PEM. Given the key, its id, and until when it is valid.
Certifier: TypeAlias = Callable[[Private, str, datetime], str]
_LOCK: Final = 0x7E50_0550


@dataclass(frozen=True, slots=True)
class Terms:
    """How long keys of a use live, how long before one signs it is published, and how long after
    its last signature it stays. `by_itself`: others follow what we publish, so it is rotated
    without anybody; otherwise somebody has to carry the certificate over first."""

    lives: timedelta
    ahead: timedelta
    overlap: timedelta
    warned: timedelta
    by_itself: bool


TERMS: Final = {
    Protocol.OIDC: Terms(
        lives=timedelta(days=365),
        ahead=timedelta(days=1),
        overlap=timedelta(days=7),
        warned=timedelta(days=14),
        by_itself=True,
    ),
    Protocol.SAML: Terms(
        lives=timedelta(days=3 * 365),
        ahead=timedelta(days=30),
        overlap=timedelta(days=30),
        warned=timedelta(days=60),
        by_itself=False,
    ),
}
_certifiers: dict[Protocol, Certifier] = {}


@dataclass(frozen=True, slots=True)
class Warned:
    """A key that soon signs no more, and what to do."""

    key: SigningKey
    days: int
    detail: str


def register_certifier(use: Protocol, certifier: Certifier) -> None:
    """New keys of this use get a certificate."""
    _certifiers[use] = certifier


def current(use: Protocol, algorithm: Algorithm = Algorithm.RS256) -> SigningKey:
    """The key that signs now; the first is made here."""
    found = _signing(use, algorithm)
    return found if found is not None else _first(use, algorithm)


def published(use: Protocol) -> list[SigningKey]:
    """Every key that signs, will sign or has signed lately, the one that signs now first."""
    at = now()
    rows = list(SigningKey.objects.filter(use=use, expires_at__gt=at))
    signing = {_signing(use, Algorithm(name)) for name in {row.algorithm for row in rows}}
    return sorted(rows, key=lambda row: (row not in signing, row.algorithm, row.signs_from))


def private_key(key: SigningKey) -> Private:
    """Its private half. Raises `SecretError` where the vault cannot open it."""
    pem = get_ours(_place(key.kid)).encode()
    found = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return found


def private_pem(key: SigningKey) -> str:
    """Its private half, as PKCS 8 in PEM."""
    return get_ours(_place(key.kid))


@transaction.atomic
def rotate(
    use: Protocol,
    algorithm: Algorithm,
    *,
    ahead: timedelta | None = None,
    overlap: timedelta | None = None,
    reason: str = "",
) -> SigningKey:
    """A new key. It signs after `ahead`; those before it are published for `overlap` longer. Both
    zero: the old ones are worth nothing from now on, as when one has become known."""
    terms, at = TERMS[use], now()
    begins = at + (terms.ahead if ahead is None else ahead)
    ends = begins + (terms.overlap if overlap is None else overlap)
    _lock()
    made = _make(use, algorithm, begins)
    older = SigningKey.objects.filter(use=use, algorithm=algorithm, expires_at__gt=ends)
    older.exclude(pk=made.pk).update(expires_at=ends)
    record(
        Action.SIGNING_KEY_MADE,
        subject_kind="signing_key",
        subject_key=made.kid,
        subject_label=f"{made.get_use_display()}, {algorithm}",
        reason=reason,
        after={"signs_from": begins.isoformat(), "others_until": ends.isoformat()},
    )
    return made


def rotate_due() -> list[SigningKey]:
    """Rotate what ends soon and needs nobody; forget what is over."""
    at = now()
    for row in SigningKey.objects.filter(expires_at__lte=at):
        put_ours(_place(row.kid), "")
        row.delete()
    made = []
    for use, terms in TERMS.items():
        for key in _last(use) if terms.by_itself else ():
            if key.expires_at - at <= terms.warned:
                made.append(rotate(use, Algorithm(key.algorithm), reason="the old one ends soon"))
    return made


def warnings() -> list[Warned]:
    """Keys that end soon and that no newer one follows, where a person has to do something."""
    at, found = now(), []
    for use, terms in TERMS.items():
        for key in _last(use) if not terms.by_itself else ():
            left = key.expires_at - at
            if left <= terms.warned:
                detail = (
                    f"The {key.get_use_display()} key {key.kid} ends on {key.expires_at:%-d %b %Y}."
                    f" Make the next one with `tenure sso keys rotate --use {use.value}`, and give "
                    "its certificate to the applications before it signs."
                )
                found.append(Warned(key, left.days, detail))
    return found


def _last(use: Protocol) -> list[SigningKey]:
    """Of each algorithm the key that no other follows."""
    rows = SigningKey.objects.filter(use=use, expires_at__gt=now()).order_by("signs_from", "id")
    return list({row.algorithm: row for row in rows}.values())


def _signing(use: Protocol, algorithm: Algorithm) -> SigningKey | None:
    at = now()
    rows = SigningKey.objects.filter(
        use=use, algorithm=algorithm, signs_from__lte=at, expires_at__gt=at
    )
    return rows.order_by("signs_from", "id").last()


@transaction.atomic
def _first(use: Protocol, algorithm: Algorithm) -> SigningKey:
    _lock()
    return _signing(use, algorithm) or _make(use, algorithm, now())


def _make(use: Protocol, algorithm: Algorithm, begins: datetime) -> SigningKey:
    private: Private
    if algorithm is Algorithm.ES256:
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = secrets.token_urlsafe(12)
    ends = begins + TERMS[use].lives
    certifier = _certifiers.get(use)
    put_ours(
        _place(kid),
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SigningKey.objects.create(
        kid=kid,
        use=use,
        algorithm=algorithm,
        public=public.decode(),
        certificate=certifier(private, kid, ends) if certifier else "",
        signs_from=begins,
        expires_at=ends,
    )


def _lock() -> None:
    """Two processes that need the first key at once make one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _place(kid: str) -> str:
    return f"sso.key.{kid}"
