"""How messages travel in a browser (SAML Bindings 2.0, sections 3.4 and 3.5): deflated in an
address, with the signature beside it; or as a field of a form, with the signature inside.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tenure.saml.errors import NotTrusted
from tenure.saml.keys import Certificate, KeyPair
from tenure.saml.parsing import LONGEST_MESSAGE

Field: TypeAlias = Literal["SAMLRequest", "SAMLResponse"]
#: A query that is longer is no message.
LONGEST_QUERY: Final = 64 * 1024
#: Bindings 2.0, section 3.4.3, says 80 bytes. Real applications put whole addresses there.
LONGEST_RELAY_STATE: Final = 2048
_DEFLATE: Final = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_RSA: Final = {
    f"{_MORE}rsa-sha256": hashes.SHA256(),
    f"{_MORE}rsa-sha384": hashes.SHA384(),
    f"{_MORE}rsa-sha512": hashes.SHA512(),
}
_ECDSA: Final = {
    f"{_MORE}ecdsa-sha256": hashes.SHA256(),
    f"{_MORE}ecdsa-sha384": hashes.SHA384(),
    f"{_MORE}ecdsa-sha512": hashes.SHA512(),
}
_OURS: Final = f"{_MORE}rsa-sha256"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature beside a message: what was signed, how, and the signature."""

    text: bytes
    algorithm: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came. `beside`: the signature of an address; those inside are in `xml`."""

    xml: bytes
    relay_state: str = ""
    beside: Signed | None = None


def from_query(query: str, field: Field) -> Received:
    """The message in an address, from the query exactly as it was sent: the signature is over the
    letters that the sender wrote. Raises `NotTrusted`."""
    if len(query) > LONGEST_QUERY:
        raise NotTrusted(f"The address is longer than {LONGEST_QUERY // 1024} KiB.")
    raw = _fields(query, field)
    if field not in raw:
        raise NotTrusted(f"There is no {field} in the address.")
    if unquote_plus(raw.get("SAMLEncoding", _DEFLATE)) != _DEFLATE:
        raise NotTrusted("The message is encoded in another way than DEFLATE.")
    beside = None
    if "Signature" in raw or "SigAlg" in raw:
        if not ("Signature" in raw and "SigAlg" in raw):
            raise NotTrusted("Of Signature and SigAlg only one is there.")
        order = [name for name in (field, "RelayState", "SigAlg") if name in raw]
        beside = Signed(
            text="&".join(f"{name}={raw[name]}" for name in order).encode(),
            algorithm=unquote_plus(raw["SigAlg"]),
            signature=_base64(unquote_plus(raw["Signature"]), "Signature"),
        )
    return Received(
        xml=inflate(_base64(unquote_plus(raw[field]), field)),
        relay_state=_relay_state(unquote_plus(raw.get("RelayState", ""))),
        beside=beside,
    )


def from_form(value: str, relay_state: str, field: Field) -> Received:
    """The message in a form's field. Raises `NotTrusted`."""
    if not value:
        raise NotTrusted(f"There is no {field} in the form.")
    if len(value) > 2 * LONGEST_MESSAGE:
        raise NotTrusted(f"The message is longer than {LONGEST_MESSAGE // 1024} KiB.")
    return Received(xml=_base64(value, field), relay_state=_relay_state(relay_state))


def inflate(data: bytes) -> bytes:
    """Raw DEFLATE (RFC 1951) undone, never beyond what a message may be. Raises `NotTrusted`."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = engine.decompress(data, LONGEST_MESSAGE + 1)
    except zlib.error as error:
        raise NotTrusted("The message is not deflated as it should be.") from error
    if len(found) > LONGEST_MESSAGE:
        raise NotTrusted(f"The message is longer than {LONGEST_MESSAGE // 1024} KiB.")
    if not engine.eof or engine.unused_data:
        raise NotTrusted("The deflated message is cut off, or something follows it.")
    return found


def verify_beside(signed: Signed, certificates: Sequence[Certificate]) -> None:
    """The signature is by the key of one of these. Raises `NotTrusted`."""
    if signed.algorithm not in _RSA and signed.algorithm not in _ECDSA:
        raise NotTrusted(
            f"The address is signed with {signed.algorithm[:120]}. Accepted are RSA and ECDSA with "
            "SHA-256 or longer."
        )
    for certificate in certificates:
        try:
            _verify_with(certificate.public_key, signed)
        except (InvalidSignature, ValueError):
            continue
        return
    raise NotTrusted(
        "The signature is not by the registered certificate, or what it signed was changed. Where "
        "the application has a new certificate, read its metadata anew."
    )


def to_address(location: str, field: Field, xml: bytes, *, relay_state: str, pair: KeyPair) -> str:
    """The address to send a browser to, signed."""
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = base64.b64encode(engine.compress(xml) + engine.flush()).decode()
    parts = [f"{field}={quote(packed, safe='')}"]
    if relay_state:
        parts.append(f"RelayState={quote(relay_state, safe='')}")
    parts.append(f"SigAlg={quote(_OURS, safe='')}")
    text = "&".join(parts)
    key = serialization.load_pem_private_key(pair.private_pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    encoded = quote(base64.b64encode(signature).decode(), safe="")
    return f"{location}{'&' if '?' in location else '?'}{text}&Signature={encoded}"


def to_form(xml: bytes) -> str:
    """The value of the form's field."""
    return base64.b64encode(xml).decode()


def _fields(query: str, field: Field) -> dict[str, str]:
    """Name -> value as written, of those that count. Each may be there once: of two, we and
    somebody else could read different ones."""
    counted = {field, "RelayState", "SigAlg", "Signature", "SAMLEncoding"}
    raw: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if unquote_plus(name) not in counted:
            continue
        if unquote_plus(name) != name:
            raise NotTrusted(f"The name of {unquote_plus(name)} is written in an odd way.")
        if name in raw:
            raise NotTrusted(f"{name} is in the address twice.")
        raw[name] = value
    return raw


def _base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotTrusted(f"{what} is not base64.") from error


def _relay_state(text: str) -> str:
    if len(text) > LONGEST_RELAY_STATE:
        raise NotTrusted(f"RelayState is longer than {LONGEST_RELAY_STATE} characters.")
    return text


def _verify_with(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, signed: Signed) -> None:
    """Raises `InvalidSignature`."""
    if isinstance(key, rsa.RSAPublicKey):
        if signed.algorithm not in _RSA:
            raise InvalidSignature
        key.verify(signed.signature, signed.text, padding.PKCS1v15(), _RSA[signed.algorithm])
        return
    if signed.algorithm not in _ECDSA:
        raise InvalidSignature
    # XML Signature 1.1, section 6.4.3: the two numbers, one after the other.
    half, rest = divmod(len(signed.signature), 2)
    if rest or half != (key.curve.key_size + 7) // 8:
        raise InvalidSignature
    number = int.from_bytes
    pair = number(signed.signature[:half]), number(signed.signature[half:])
    key.verify(encode_dss_signature(*pair), signed.text, ec.ECDSA(_ECDSA[signed.algorithm]))
