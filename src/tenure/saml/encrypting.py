"""Encrypting an assertion for its application (XML Encryption 1.1), so that the browser that
carries it, and whatever reads along in it, learns nothing.
"""

from __future__ import annotations

from typing import Final

import xmlsec
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from lxml.etree import _Element

from tenure.saml.errors import SamlError
from tenure.saml.keys import Certificate
from tenure.saml.names import SAML, q
from tenure.saml.service import Cipher

#: AES in GCM says when it was changed; in CBC it does not, and is there for applications that know
#: no other.
_CIPHERS: Final = {
    "aes256-gcm": (xmlsec.constants.TransformAes256Gcm, 256),
    "aes128-gcm": (xmlsec.constants.TransformAes128Gcm, 128),
    "aes256-cbc": (xmlsec.constants.TransformAes256Cbc, 256),
    "aes128-cbc": (xmlsec.constants.TransformAes128Cbc, 128),
}


def checked_for_encryption(certificate: Certificate) -> Certificate:
    """Raises `SamlError` for a key that nothing can be encrypted for."""
    if not isinstance(certificate.public_key, rsa.RSAPublicKey):
        raise SamlError(
            "The certificate for encryption has no RSA key, and assertions are encrypted by RSA."
        )
    return certificate


def encrypt(assertion: _Element, certificate: Certificate, cipher: Cipher) -> None:
    """Put an EncryptedAssertion in the assertion's place in its document."""
    transform, bits = _CIPHERS[cipher]
    parent = assertion.getparent()
    assert parent is not None
    # As a document of its own, which needs nothing that is declared around it.
    plain = etree.tostring(assertion, with_tail=False)
    holder = parent.makeelement(q(SAML, "EncryptedAssertion"), nsmap={"saml": SAML})
    parent.replace(assertion, holder)
    data = xmlsec.template.encrypted_data_create(
        holder, transform, type=xmlsec.constants.TypeEncElement, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds")
    key = xmlsec.template.add_encrypted_key(info, xmlsec.constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(certificate.pem, xmlsec.constants.KeyDataFormatCertPem))
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(
        xmlsec.constants.KeyDataAes, bits, xmlsec.constants.KeyDataTypeSession
    )
    holder.append(context.encrypt_binary(data, plain))
