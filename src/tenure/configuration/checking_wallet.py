"""Whether what the company says of wallets can be carried out, as far as it is in the document."""

from __future__ import annotations

import re

from tenure.configuration.document_wallet import Wallet
from tenure.configuration.problems import Problems
from tenure.people.onboarding import asked_names
from tenure.wallet.errors import NotBelieved
from tenure.wallet.reading import key_of
from tenure.wallet.trust import certificates

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_AT = ("company", "onboarding", "wallet")


def check_wallet(wallet: Wallet, verify: list[str], problems: Problems) -> None:
    """Issuers can be believed by something; the key is no text of the document; claims are those
    that are asked for."""
    if "${" not in wallet.key:
        problems.add(
            (*_AT, "key"), "A key is never written here. Expected ${file:/path} or ${box:NAME}."
        )
    if not _SCHEME.fullmatch(wallet.scheme):
        problems.add((*_AT, "scheme"), f"{wallet.scheme!r}: expected one such as openid4vp://.")
    asked = asked_names(verify)
    if not asked:
        problems.add(_AT, "`verify` asks for nothing, so there is nothing that a wallet could say.")
    for name in wallet.claims:
        if name not in asked:
            problems.add(
                (*_AT, "claims", name),
                f"{name} is not asked for by `verify`. Expected one of {', '.join(asked)}.",
            )
    for index, issuer in enumerate(wallet.issuers):
        at = (*_AT, "issuers", index)
        if bool(issuer.keys) == bool(issuer.roots):
            problems.add(at, f"{issuer.name}: expected either `keys` or `roots`.")
        for number, jwk in enumerate(issuer.keys):
            try:
                key_of(jwk)
            except NotBelieved as error:
                problems.add((*at, "keys", number), str(error))
        try:
            if issuer.roots and "${" not in issuer.roots:
                certificates(issuer.roots)
        except ValueError:
            problems.add((*at, "roots"), "Expected certificates as PEM, or ${file:/path}.")
        for number, prefix in enumerate(issuer.status_lists):
            if not re.match(r"https://[^/\s@]+/", prefix):
                problems.add(
                    (*at, "status_lists", number),
                    f"{prefix!r}: expected an https address with a path, https://x.example/status/.",
                )
