"""The names that SAML 2.0 is written in. Nothing here but constants, each with its source."""

from __future__ import annotations

from typing import Final

# Namespaces: SAML Core 2.0 (oasis-open saml-core-2.0-os) section 1.1, SAML Metadata section 1.1,
# XML Signature, XML Encryption.
SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
MDUI: Final = "urn:oasis:names:tc:SAML:metadata:ui"
ALG: Final = "urn:oasis:names:tc:SAML:metadata:algsupport"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XS: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
PREFIXES: Final = {"saml": SAML, "samlp": SAMLP, "md": MD, "ds": DS, "xenc": XENC}

# Bindings: SAML Bindings 2.0 sections 3.2, 3.4, 3.5.
REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
SOAP_BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"

# Forms of the subject: SAML Core section 8.3.
NAME_ID_FORMATS: Final = {
    "email": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "persistent": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "transient": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
    "unspecified": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
}
ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
ENCRYPTED_NAME_ID: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"

# Forms of attribute names: SAML Core section 8.2.
NAME_FORMATS: Final = {
    "unspecified": "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
    "uri": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
    "basic": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
}

BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
#: SAML Core section 8.1 has no reason for logging out; section 3.7.3 has these two.
LOGOUT_BY_USER: Final = "urn:oasis:names:tc:SAML:2.0:logout:user"
LOGOUT_BY_ADMIN: Final = "urn:oasis:names:tc:SAML:2.0:logout:admin"


class Status:
    """What an answer says: SAML Core section 3.2.2.2."""

    SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
    REQUESTER: Final = "urn:oasis:names:tc:SAML:2.0:status:Requester"
    RESPONDER: Final = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    VERSION_MISMATCH: Final = "urn:oasis:names:tc:SAML:2.0:status:VersionMismatch"
    AUTHN_FAILED: Final = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
    INVALID_NAME_ID_POLICY: Final = "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"
    NO_AUTHN_CONTEXT: Final = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
    NO_PASSIVE: Final = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
    PARTIAL_LOGOUT: Final = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
    REQUEST_DENIED: Final = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
    REQUEST_UNSUPPORTED: Final = "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported"
    UNKNOWN_PRINCIPAL: Final = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"
    UNSUPPORTED_BINDING: Final = "urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding"


def q(namespace: str, name: str) -> str:
    """The name as lxml has it: `{namespace}name`."""
    return f"{{{namespace}}}{name}"
