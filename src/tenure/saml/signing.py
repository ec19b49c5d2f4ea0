"""Signatures inside of messages (the enveloped profile of SAML Core section 5): making one, and
finding out whether one is by a key that we know over everything that is read.

XML Signature lets a signature lie about what it covers: it may sign another element than the one
that is read ("signature wrapping"), by a transform leave out half of it, or be made with an
algorithm that anybody can use. So before any key is asked, the signature must have the one form
that SAML allows: a direct child of the document's root, one reference, to the root's own id, with
the enveloped transform and exclusive canonicalisation, and algorithms from short lists. Keys are
those that were registered for the sender; what the message says of keys itself is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import xmlsec
from lxml.etree import _Element

from tenure.saml.errors import NotTrusted
from tenure.saml.keys import Certificate, KeyPair
from tenure.saml.names import DS, SAML, q
from tenure.saml.parsing import child, id_of

#: RFC 9231, and XML Signature 1.1 section 6. SHA-1 and every HMAC are left out on purpose.
_METHODS: Final = frozenset(
    f"http://www.w3.org/2001/04/xmldsig-more#{name}"
    for name in (
        "rsa-sha256",
        "rsa-sha384",
        "rsa-sha512",
        "ecdsa-sha256",
        "ecdsa-sha384",
        "ecdsa-sha512",
    )
)
_DIGESTS: Final = frozenset(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512",
    }
)
_EXCLUSIVE: Final = frozenset(
    {
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    }
)
_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"


def sign(root: _Element, pair: KeyPair) -> None:
    """Sign the element in its document; the signature stands after its Issuer, where the schema
    wants it, or first where there is none (metadata)."""
    signature = xmlsec.template.create(
        root, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    issuer = root.find(q(SAML, "Issuer"))
    root.insert(0 if issuer is None else 1, signature)
    reference = xmlsec.template.add_reference(
        signature, xmlsec.constants.TransformSha256, uri=f"#{id_of(root)}"
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    info = xmlsec.template.ensure_key_info(signature)
    xmlsec.template.add_x509_data(info)
    context = xmlsec.SignatureContext()
    key = xmlsec.Key.from_memory(pair.private_pem, xmlsec.constants.KeyDataFormatPem)
    key.load_cert_from_memory(pair.certificate.pem, xmlsec.constants.KeyDataFormatCertPem)
    context.key = key
    context.register_id(root, "ID")
    context.sign(signature)


def signature_in(root: _Element) -> _Element | None:
    """The signature of the whole document; None where there is none at all. Raises `NotTrusted`
    for one that is anywhere else, or not of the one form."""
    found = list(root.iter(q(DS, "Signature")))
    if not found:
        return None
    if len(found) > 1:
        raise NotTrusted(f"There are {len(found)} signatures. Expected one, of the whole message.")
    signature = found[0]
    if signature.getparent() is not root:
        raise NotTrusted("The signature is not a child of the message's own element.")
    _has_the_one_form(signature, id_of(root))
    return signature


def verify(root: _Element, certificates: Sequence[Certificate]) -> None:
    """The document has a signature over all of it by the key of one of these. Raises
    `NotTrusted`."""
    signature = signature_in(root)
    if signature is None:
        raise NotTrusted("The message is not signed.")
    if not certificates:
        raise NotTrusted("No certificate is known by which the signature could be checked.")
    for certificate in certificates:
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(certificate.pem, xmlsec.constants.KeyDataFormatCertPem)
        context.register_id(root, "ID")
        try:
            context.verify(signature)
        except xmlsec.Error:
            continue
        return
    raise NotTrusted(
        "The signature is not by the registered certificate, or what it signed was changed. Where "
        "the application has a new certificate, read its metadata anew."
    )


def _has_the_one_form(signature: _Element, signed_id: str) -> None:
    """Raises `NotTrusted` unless it has."""
    if signature.find(q(DS, "Object")) is not None:
        raise NotTrusted("The signature carries an object of its own.")
    info = _needed(signature, "SignedInfo")
    _one_of(_needed(info, "CanonicalizationMethod"), _EXCLUSIVE)
    _one_of(_needed(info, "SignatureMethod"), _METHODS)
    reference = _needed(info, "Reference")
    if reference.get("URI") != f"#{signed_id}":
        raise NotTrusted(
            f"The signature is of {str(reference.get('URI'))[:80]!r}. Expected the message itself, "
            f"#{signed_id}."
        )
    _one_of(_needed(reference, "DigestMethod"), _DIGESTS)
    transforms = list(_needed(reference, "Transforms"))
    names = [str(transform.get("Algorithm")) for transform in transforms]
    if not (
        names[:1] == [_ENVELOPED]
        and len(names) <= 2
        and all(name in _EXCLUSIVE for name in names[1:])
        and all(transform.tag == q(DS, "Transform") for transform in transforms)
    ):
        raise NotTrusted(
            "The signature leaves out more than itself: expected the enveloped transform and "
            f"exclusive canonicalisation, not {', '.join(names)[:200] or 'none'}."
        )


def _needed(parent: _Element, name: str) -> _Element:
    found = child(parent, DS, name)
    if found is None:
        raise NotTrusted(f"The signature has no {name}.")
    return found


def _one_of(method: _Element, allowed: frozenset[str]) -> None:
    name = str(method.get("Algorithm"))
    if name not in allowed or len(method) > (1 if name in _EXCLUSIVE else 0):
        raise NotTrusted(
            f"The signature uses {name[:120]}. Accepted are RSA and ECDSA with SHA-256 or longer, "
            "and exclusive canonicalisation."
        )
