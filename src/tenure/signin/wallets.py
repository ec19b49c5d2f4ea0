"""Somebody shows who they are from a wallet, in place of typing it: the computer's QR code names a
request, the wallet answers it once, and what it says is compared with HR's record as typed claims
are. The rest stays: the number that the computer shows, the code by e-mail, the passkey."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors import fetching
from tenure.connectors.fetching import CannotFetch, Document
from tenure.infra.clock import now
from tenure.infra.secrets import SecretError
from tenure.people.onboarding import onboarding_of
from tenure.people.services import company
from tenure.signin import identity, invitations, pairing
from tenure.signin.models import Invitation, Pairing, WalletRequest
from tenure.signin.tokens import digest, keyed, new_short_token, same
from tenure.vault.services import resolve
from tenure.wallet import asking, revocation, sdjwt
from tenure.wallet.asking import Asked, Verifier, at_path
from tenure.wallet.errors import NotBelieved
from tenure.wallet.reading import header_of
from tenure.wallet.trust import Issuer, certificates, key_for

#: Until a wallet fetches the request, as any QR code; then so long for its owner to agree.
VALID: Final = pairing.VALID
VALID_IN_WALLET: Final = timedelta(minutes=10)
_STATUS_LIST: Final = Document(largest=1024 * 1024, accept=f"application/{revocation.KIND}")
#: Where credentials have what we call otherwise (OpenID Connect Core, section 5.1).
_USUAL: Final = {
    "birth_date": "birthdate",
    "personal_email": "email",
    "phone": "phone_number",
    "mobile": "phone_number",
}


class WalletRefused(ValueError):
    """There is no such request any more, or its answer proves nothing. The wallet is told no more
    than that."""


class WalletUnready(ValueError):
    """What is configured cannot be used; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Begun:
    """`text` is for the QR code, `started` for the browser's session."""

    started: pairing.Started
    text: str


def configured() -> Mapping[str, Any] | None:
    """How wallets are asked; None where they are not."""
    return onboarding_of(company().onboarding).wallet


def is_required() -> bool:
    """Whether nobody may type what is asked instead."""
    return bool((configured() or {}).get("required"))


def usual_claim(name: str) -> str:
    """Where credentials have an attribute of ours, unless it is configured."""
    return _USUAL.get(name, name)


def start(invitation: Invitation, *, address: str | None, browser: str) -> Begun:
    """The computer shows a request to a wallet. Raises `WalletUnready`."""
    ours = verifier()
    started = pairing.start(
        Pairing.Purpose.WELCOME, invitation=invitation, address=address, browser=browser
    )
    token = new_short_token()
    WalletRequest.objects.create(
        pairing=started.pairing,
        token_digest=digest(token),
        nonce=secrets.token_urlsafe(32),
        state=new_short_token(),
        expires_at=now() + VALID,
    )
    fetched = settings.TENURE_URL + reverse("wallet_request", args=[token])
    scheme = str(_settings()["scheme"])
    return Begun(started, asking.invocation(scheme, ours.client_id(), fetched))


def request_object(token: str, *, wallet_nonce: str = "") -> str:
    """What the wallet fetches. Its owner has time to agree from now on. Raises `WalletRefused`."""
    with transaction.atomic():
        row = _open(token)
        if row.fetched_at is None:
            row.fetched_at = now()
            row.expires_at = now() + VALID_IN_WALLET
            row.save(update_fields=["fetched_at", "expires_at"])
            Pairing.objects.filter(pk=row.pairing_id).update(expires_at=row.expires_at)
    asked = Asked(
        response_uri=settings.TENURE_URL + reverse("wallet_response", args=[token]),
        nonce=row.nonce,
        state=row.state,
        types=_settings()["types"],
        paths=[path for _, path in _paths()],
        encryption_key=_encryption_key(row),
    )
    return asking.request_object(verifier(), asked, wallet_nonce=wallet_nonce)


def declined(token: str, state: str) -> None:
    """The wallet's owner did not agree, or it has nothing to show. Raises `WalletRefused`."""
    with transaction.atomic():
        row = _open(token)
        if not same(row.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise WalletRefused
        row.answered_at, row.outcome = now(), WalletRequest.Outcome.DECLINED
        row.save(update_fields=["answered_at", "outcome"])


def answer(token: str, response: str) -> str:
    """Take the answer, once, whatever comes of it. Returns the address at which the phone goes on:
    a new code of the pairing, that only this wallet has. Raises `WalletRefused`."""
    with transaction.atomic():
        row = _open(token)
        row.answered_at = now()
        row.save(update_fields=["answered_at"])
    try:
        shown = _believed(row, response)
    except NotBelieved as error:
        _settle(row, WalletRequest.Outcome.REFUSED)
        _told(row, str(error))
        raise WalletRefused from error
    given = {name: _text(at_path(shown.claims, path)) for name, path in _paths()}
    with transaction.atomic():
        right = identity.check_shown(row.pairing, given, by=shown.issuer.name)
        outcome = WalletRequest.Outcome
        _settle(row, outcome.VERIFIED if right else outcome.DIFFERS)
        return reverse("scan", args=[pairing.renew(row.pairing)])


def last_of(row: Pairing) -> WalletRequest | None:
    """The request of this computer, where it is a wallet that is asked."""
    return row.wallet_requests.first()


def verifier() -> Verifier:
    """Who asks, from what is configured. Raises `WalletUnready`."""
    given = _settings()
    try:
        key = ECKey.import_key(resolve(str(given["key"])))
        chain = certificates(resolve(str(given["certificate"])))
    except SecretError as error:
        raise WalletUnready(f"wallet: {error}") from error
    except (JoseError, ValueError, TypeError) as error:
        raise WalletUnready(
            "wallet: `key` or `certificate` is not read. Expected a private key on P-256 or P-384 "
            f"and certificates, as PEM: {error}"
        ) from error
    if not key.is_private or key.curve_name not in ("P-256", "P-384"):
        raise WalletUnready("wallet: `key` is no private key on P-256 or P-384.")
    # The same numbers, or every wallet finds the signature wrong.
    if not chain or chain[0].public_key() != key.raw_value.public_key():  # type: ignore[union-attr]
        raise WalletUnready("wallet: `key` is not that of the first certificate.")
    ours = Verifier(key, chain, str(given["client_id"]))
    if ours.prefix == "x509_san_dns" and ours.client_id().partition(":")[2] != _host():
        raise WalletUnready(f"wallet: the certificate is not for {_host()}.")
    return ours


def issuers() -> list[Issuer]:
    """Who is believed. Raises `WalletUnready`."""
    try:
        return [
            Issuer(
                name=item["name"],
                iss=item["iss"],
                keys=tuple(item["keys"]),
                roots=certificates(resolve(item["roots"])) if item["roots"] else (),
                status_lists=tuple(item["status_lists"]),
            )
            for item in _settings()["issuers"]
        ]
    except SecretError as error:
        raise WalletUnready(f"wallet: {error}") from error
    except ValueError as error:
        raise WalletUnready(f"wallet: the roots of an issuer are not read: {error}") from error


def _believed(row: WalletRequest, response: str) -> sdjwt.Shown:
    """Raises `NotBelieved`."""
    at = now()
    expected = sdjwt.Expected(
        audience=verifier().client_id(),
        nonce=row.nonce,
        types=_settings()["types"],
        asked_at=row.started_at,
    )
    text = asking.presented(response, row.state, _encryption_key(row))
    shown = sdjwt.shown(text, expected, issuers(), at)
    place = revocation.place_of(shown.claims, shown.issuer)
    if place is not None:
        uri, index = place
        listed = _fetched(uri)
        _, key = key_for(header_of(listed), shown.issuer.iss, [shown.issuer], at)
        if revocation.status_at(listed, key, uri, index, at) != revocation.VALID:
            raise NotBelieved(f"{shown.issuer.name} has taken the credential back.")
    return shown


def _fetched(uri: str) -> str:
    """A status list. What cannot be fetched is not believed to be valid."""
    try:
        return fetching.fetch(uri, _STATUS_LIST).decode("ascii")
    except (CannotFetch, ValueError) as error:
        raise NotBelieved(f"The status list {uri} cannot be read: {error}") from error


def _open(token: str) -> WalletRequest:
    """Locked; not answered yet, in time, of a computer and an invitation that still wait."""
    wanted = digest(token)
    row = (
        WalletRequest.objects.select_for_update(of=("self",))
        .select_related("pairing", "pairing__invitation", "pairing__person")
        .filter(token_digest=wanted)
        .first()
    )
    if row is None or not same(row.token_digest, wanted) or configured() is None:
        raise WalletRefused
    if row.answered_at is not None or row.expires_at <= now():
        raise WalletRefused
    if row.pairing.phone_digest is not None or row.pairing.ended_at is not None:
        raise WalletRefused
    assert row.pairing.invitation is not None
    try:
        invitations.check(row.pairing.invitation)
    except invitations.InvitationRefused as error:
        raise WalletRefused from error
    return row


def _settle(row: WalletRequest, outcome: WalletRequest.Outcome) -> None:
    WalletRequest.objects.filter(pk=row.pk).update(outcome=outcome)


def _told(row: WalletRequest, why: str) -> None:
    person = row.pairing.person
    record(
        Action.WALLET_REFUSED,
        subject_kind="person" if person else "door",
        subject_key=str(person.uid) if person else "unknown",
        subject_label=person.display_name if person else row.pairing.browser,
        person=str(person.uid) if person else "",
        reason=why[:500],
    )


def _settings() -> Mapping[str, Any]:
    found = configured()
    if found is None:
        raise WalletUnready("Wallets are not asked: `company.onboarding.wallet` is not there.")
    return found


def _paths() -> list[tuple[str, list[str]]]:
    """Each attribute that is asked for, and where a credential has it."""
    claims = _settings()["claims"]
    return [
        (q.name, str(claims.get(q.name) or usual_claim(q.name)).split("."))
        for q in identity.questions()
    ]


def _text(value: Any) -> str:
    """As it would be typed. What is no text proves nothing."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _encryption_key(row: WalletRequest) -> ECKey:
    """For this request alone. It is made of the installation's key, so that nobody who reads the
    database can open an answer."""
    seed = keyed("wallet encryption", bytes(row.token_digest).hex(), row.nonce)
    # The order of P-256 less one; what the seed is above it makes no difference that counts.
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550
    private = ec.derive_private_key(int.from_bytes(seed) % order + 1, ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ECKey.import_key(pem)


def _host() -> str:
    return str(settings.PASSKEY_DOMAIN)
