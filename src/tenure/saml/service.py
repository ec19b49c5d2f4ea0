"""An application as SAML has it, a service provider: who it is, where it is answered, by which keys
it is known. Made from its metadata, or by hand; what a request says never changes it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from tenure.saml.errors import SamlError
from tenure.saml.keys import Certificate
from tenure.saml.names import NAME_ID_FORMATS, POST

Signing: TypeAlias = Literal["assertion", "response", "both"]
Cipher: TypeAlias = Literal["aes256-gcm", "aes128-gcm", "aes256-cbc", "aes128-cbc"]
NameIdFormat: TypeAlias = Literal["email", "persistent", "transient", "unspecified"]
LONGEST_ADDRESS: Final = 2000


@dataclass(frozen=True, slots=True)
class Consumer:
    """Where assertions are posted (AssertionConsumerService)."""

    location: str
    index: int = 0
    default: bool = False


@dataclass(frozen=True, slots=True)
class LogoutPlace:
    """Where it is told of a logout. `answers`: where answers go, if not there."""

    binding: str
    location: str
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An attribute that its metadata asks for."""

    name: str
    friendly_name: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """`verify_with`: the keys by which its messages are known. `encrypt_for`: the key that its
    assertions are encrypted for, where they are. `name_id` None: as the request says, else
    e-mail; `insist`: that form whatever the request says."""

    entity_id: str
    consumers: tuple[Consumer, ...]
    logout: tuple[LogoutPlace, ...] = ()
    verify_with: tuple[Certificate, ...] = ()
    encrypt_for: Certificate | None = None
    signed_requests: bool = False
    sign: Signing = "both"
    cipher: Cipher | None = None
    name_id: NameIdFormat | None = None
    insist: bool = False
    formats: tuple[str, ...] = ()
    name: str = ""
    wanted: tuple[Wanted, ...] = field(default=())

    @property
    def consumer(self) -> Consumer:
        """Where to answer when the request does not say (Metadata section 2.2.3)."""
        return next((place for place in self.consumers if place.default), self.consumers[0])

    @property
    def usual_format(self) -> str:
        """The form of the subject when the request does not say."""
        if self.name_id is not None:
            return NAME_ID_FORMATS[self.name_id]
        ours = set(NAME_ID_FORMATS.values()) - {NAME_ID_FORMATS["unspecified"]}
        return next((name for name in self.formats if name in ours), NAME_ID_FORMATS["email"])


def checked_address(address: str, what: str) -> str:
    """An address that somebody's browser may be sent to with proof of who they are: https, or
    http on this machine. Raises `SamlError`."""
    text = address.strip()
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise SamlError(f"{what}: {text[:200]!r} is no address.") from error
    if len(text) > LONGEST_ADDRESS or any(c.isspace() or ord(c) < 32 for c in text):
        raise SamlError(f"{what}: the address is too long, or has white space in it.")
    if not host or parts.username is not None or parts.fragment:
        raise SamlError(
            f"{what}: {text[:200]!r} is no full address such as https://app.example.com/saml/acs."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _this_machine(host)):
        raise SamlError(
            f"{what}: {text[:200]!r} is not https. Whoever reads what is sent there can sign in as "
            "the person; only applications on this machine may do without."
        )
    return text


def checked_entity_id(text: str) -> str:
    """The name of an application or of ours (Core section 8.3.6). Raises `SamlError`."""
    found = text.strip()
    if not found or len(found) > 1024 or any(c.isspace() or ord(c) < 32 for c in found):
        raise SamlError(
            f"The entity id {found[:80]!r} is none. Expected one name without spaces, at most 1024 "
            "characters, as the application shows it (often an address)."
        )
    return found


def by_hand(entity_id: str, acs: str) -> ServiceProvider:
    """The least that has to be known. Raises `SamlError`."""
    place = Consumer(checked_address(acs, "The address for assertions (ACS)"), default=True)
    return ServiceProvider(checked_entity_id(entity_id), (place,))


def _this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


#: Answers are posted, whatever else its metadata offers.
ANSWERS_BY: Final = POST
