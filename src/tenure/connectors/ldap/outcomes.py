"""What a directory's result means to the engine: a code of RFC 4511, 4.1.9, becomes an error by
consequence.

A result that is not success means that nothing was changed: one operation is done as a whole or
not at all (RFC 4511, 4.6 and 4.7). It must not know what was asked for.
"""

from __future__ import annotations

import re

from tenure.connectors.answers import Ask, Redactor
from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    NotFound,
    Rejected,
    RetryLater,
    StopApplication,
)
from tenure.connectors.ldap.session import Result

SUCCESS = 0
SIZE_LIMIT = 4
NO_SUCH_ATTRIBUTE, VALUE_EXISTS = 16, 20
NO_SUCH_OBJECT = 32
UNWILLING = 53
NOT_ON_NON_LEAF, OBJECT_CLASS_VIOLATION, EXISTS = 66, 65, 68

_NAMES = {
    1: "operationsError",
    2: "protocolError",
    3: "timeLimitExceeded",
    4: "sizeLimitExceeded",
    7: "authMethodNotSupported",
    8: "strongerAuthRequired",
    10: "referral",
    11: "adminLimitExceeded",
    12: "unavailableCriticalExtension",
    13: "confidentialityRequired",
    16: "noSuchAttribute",
    17: "undefinedAttributeType",
    18: "inappropriateMatching",
    19: "constraintViolation",
    20: "attributeOrValueExists",
    21: "invalidAttributeSyntax",
    32: "noSuchObject",
    34: "invalidDNSyntax",
    48: "inappropriateAuthentication",
    49: "invalidCredentials",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    64: "namingViolation",
    65: "objectClassViolation",
    66: "notAllowedOnNonLeaf",
    67: "notAllowedOnRDN",
    68: "entryAlreadyExists",
    69: "objectClassModsProhibited",
    71: "affectsMultipleDSAs",
    80: "other",
}
LATER = frozenset({3, 51, 52, 80})
_STOP = {
    1: "Check the name that we sign in with (bind_dn).",
    2: "Check that this is an LDAP version 3 directory.",
    4: "It gives no more entries than that to us: raise the limit for the account that we sign in "
    "with, or make page_size smaller.",
    7: "It does not take a name and password.",
    8: "It wants the connection encrypted: use ldaps://, or ldap:// without plain.",
    10: "It is not the server that is written to: enter the address of that one.",
    11: "A limit of the directory is reached: raise it for the account that we sign in with, or "
    "make page_size smaller.",
    12: "It lacks something that is needed.",
    13: "It wants the connection encrypted: use ldaps://, or ldap:// without plain.",
    48: "Enter the name that we sign in with (bind_dn) and its password.",
    49: "The name that we sign in with (bind_dn) or its password is wrong: enter them again.",
}
#: What Active Directory adds to 49 ("data 532"), by the Windows error that it stands for.
_SIGN_IN = {
    "525": "That account is not there.",
    "530": "That account may not sign in at this hour.",
    "532": "That account's password has run out: set a new one, and that it never runs out.",
    "533": "That account is disabled.",
    "701": "That account has expired.",
    "773": "That account has to set a new password first.",
    "775": "That account is locked after wrong passwords.",
}
_DATA = re.compile(r"\bdata ([0-9a-f]{3})\b")
#: How Active Directory and Samba say that a userPrincipalName is somebody's.
_TAKEN = re.compile(r"000021C8|userPrincipalName '[^']*' is already")
#: How slapd and Active Directory name the attribute that they refuse.
_ATTRIBUTE = re.compile(
    r"attribute '([\w-]+)'|\(([A-Za-z][\w-]*)\)\s*(?:;|\x00|$)|^([A-Za-z][\w-]*): "
)


def failure(ask: Ask, result: Result, redact: Redactor) -> ConnectorError:
    """The error that a result stands for."""
    code = result.code
    text = f"{ask} was answered {code} ({_NAMES.get(code, 'unknown')})"
    if result.text:
        text += f": {redact(result.text)}"
    text = text.rstrip(".") + "."
    if code in LATER:
        return RetryLater(f"{text} Nothing was changed; it is tried again later.")
    if code in _STOP:
        return StopApplication(f"{text} {_stopped(code, result.text)}")
    if code == 50 and not (ask.write and ask.single):
        return StopApplication(f"{text} The account that we sign in with lacks the right for it.")
    if code == NO_SUCH_OBJECT:
        return NotFound(f"{text} It is not there.")
    if code == EXISTS or (code == 19 and _TAKEN.search(result.text)):
        return AlreadyExists(f"{text} Something else already has this name.")
    found = next((m for m in _ATTRIBUTE.findall(result.text) if any(m)), ())
    return Rejected(f"{text} {_refused(code, result.text)}", [name for name in found if name])


def _stopped(code: int, text: str) -> str:
    data = _DATA.search(text)
    return (_SIGN_IN.get(data[1], "") if data and code == 49 else "") or _STOP[code]


def _refused(code: int, text: str) -> str:
    if code == 50:
        return (
            "The directory does not let this one be changed: it may be protected, or the account "
            "that we sign in with may lack the right."
        )
    if code == UNWILLING and "0000052D" in text:
        return "The domain's rules for passwords refuse it: see its password policy."
    if code == UNWILLING and "0000001F" in text:
        return "Passwords are set only over an encrypted connection."
    if code == OBJECT_CLASS_VIOLATION:
        return "An attribute is missing or not allowed in the object classes (object_classes)."
    if code == 17:
        return "The directory's schema has no such attribute: correct the mapping."
    if code == NOT_ON_NON_LEAF:
        return "Other entries are under it: move or delete them first."
    return "Correct the values or the mapping; the same would be refused again."
