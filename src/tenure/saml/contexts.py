"""What a request asks of the way in which somebody signed in, and what can be said of it (SAML
Core section 3.3.2.2.1, RequestedAuthnContext).

A passkey with the person verified on the device is at least as strong as all that is listed here,
so whichever of these is asked for is said: an application that asks for "password over TLS" (as
many do by default) means "no less than that". What Tenure cannot vouch for (a smart card, Kerberos)
is answered with NoAuthnContext.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tenure.saml.errors import Answered, NotTrusted
from tenure.saml.names import Status

Comparison: TypeAlias = Literal["exact", "minimum", "maximum", "better"]
COMPARISONS: Final[tuple[Comparison, ...]] = ("exact", "minimum", "maximum", "better")
_CLASSES: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
UNSPECIFIED: Final = f"{_CLASSES}unspecified"
#: REFEDS' profile of several factors, which most who ask for them ask by.
SEVERAL_FACTORS: Final = "https://refeds.org/profile/mfa"

#: Class -> how strong, so that "minimum" and "better" mean something.
_STRENGTH: Final = {
    UNSPECIFIED: 0,
    f"{_CLASSES}PreviousSession": 0,
    f"{_CLASSES}Password": 1,
    f"{_CLASSES}PasswordProtectedTransport": 2,
    "https://refeds.org/profile/sfa": 2,
    f"{_CLASSES}MobileOneFactorUnregistered": 2,
    f"{_CLASSES}MobileOneFactorContract": 2,
    f"{_CLASSES}TimeSyncToken": 3,
    f"{_CLASSES}MobileTwoFactorUnregistered": 3,
    f"{_CLASSES}MobileTwoFactorContract": 3,
    "http://schemas.microsoft.com/claims/multipleauthn": 3,
    SEVERAL_FACTORS: 3,
}
#: What a sign-in without a passkey (by recovery code) may be called.
_WITHOUT_PASSKEY: Final = 0


@dataclass(frozen=True, slots=True)
class Requested:
    """The classes in the order of preference, and how they compare."""

    classes: tuple[str, ...]
    comparison: Comparison = "exact"


def requested(classes: Sequence[str], comparison: str) -> Requested:
    """Raises `NotTrusted` for a comparison that there is not."""
    for known in COMPARISONS:
        if known == comparison:
            return Requested(tuple(classes), known)
    raise NotTrusted(
        f"RequestedAuthnContext compares by {comparison[:40]!r}. Expected one of "
        f"{', '.join(COMPARISONS)}."
    )


def said(wanted: Requested | None, *, passkey: bool) -> str:
    """The class to state. Raises `Answered` (NoAuthnContext) where none can be."""
    best = max(_STRENGTH.values()) if passkey else _WITHOUT_PASSKEY
    if wanted is None or not wanted.classes:
        return UNSPECIFIED
    known = [name for name in wanted.classes if name in _STRENGTH]
    good = [name for name in known if _STRENGTH[name] <= best]
    match wanted.comparison:
        case "exact" | "minimum" | "maximum":
            if good:
                return good[0]
        case "better":
            # Stronger than every one of them (Core, "better").
            everyone_known = len(known) == len(wanted.classes)
            if everyone_known and passkey and all(_STRENGTH[name] < best for name in known):
                return SEVERAL_FACTORS
    asked = ", ".join(wanted.classes)[:300]
    raise Answered(
        f"The application asks for a way to sign in that Tenure cannot vouch for ({asked}, "
        f"{wanted.comparison}). Change RequestedAuthnContext in the application, or take it out.",
        status=Status.RESPONDER,
        detail=Status.NO_AUTHN_CONTEXT,
    )


def needs_passkey(wanted: Requested | None) -> bool:
    """Whether only a passkey can satisfy the request: somebody who came in by a recovery code has
    to use one."""
    if wanted is None or not wanted.classes:
        return False
    try:
        said(wanted, passkey=False)
    except Answered:
        return True
    return False
