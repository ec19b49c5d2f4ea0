"""What applications get from us, read by other implementations: signxml for signatures,
cryptography for what is encrypted, lxml's XPath for the rest. Pure: no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.exceptions import InvalidDigest, InvalidInput, InvalidSignature

from tenure.saml import assertions, bindings, contexts, logout, metadata_in, metadata_out
from tenure.saml.errors import NotTrusted
from tenure.saml.keys import KeyPair, read_certificate, self_signed
from tenure.saml.names import NAME_ID_FORMATS
from tenure.saml.parsing import parse_message
from tenure.saml.requests import Subject, read_logout_request, read_logout_response
from tenure.saml.service import Cipher, ServiceProvider, Signing
from tenure.saml.signing import verify
from tests.saml.application import Application, N, Pair, clock, decrypted, pair, verified

APP = Application()
US = "https://sign-in.acme.example/sso/saml"


@pytest.fixture(scope="module")
def ours() -> KeyPair:
    return own("sign-in.acme.example")


def own(name: str) -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made = self_signed(key, name, at=clock(), ends=clock() + timedelta(days=365))
    return KeyPair(Pair(key, made).private_pem.decode(), read_certificate(Pair(key, made).pem))


def made(ours: KeyPair, service: ServiceProvider, **how: str) -> assertions.Made:
    at = clock()
    who = assertions.SignedIn(
        name_id="sara & <sons>@acme.example",
        format=NAME_ID_FORMATS[how.get("form", "email")],
        session="_session",
        at=at - timedelta(minutes=2),
        until=at + timedelta(hours=8),
        context=contexts.UNSPECIFIED,
        statements=(
            assertions.Statement("mail", ("sara@acme.example",), friendly_name="E-mail"),
            assertions.Statement("groups", ("a", "b; c", "Ünï")),
            assertions.Statement("nothing", ()),
        ),
    )
    return assertions.response(
        service,
        who,
        issuer=US,
        destination=APP.acs,
        in_response_to=how.get("to", "_request"),
        at=at,
        pair=ours,
    )


def known(**how: object) -> ServiceProvider:
    return replace(metadata_in.read(APP.metadata(), at=clock()).service, **how)  # type: ignore[arg-type]


def one(element: object, path: str) -> str:
    found = element.xpath(path, namespaces=N)  # type: ignore[attr-defined]
    assert len(found) == 1, path
    return str(getattr(found[0], "text", found[0]))


@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
def test_an_assertion_says_who_for_whom_and_how_long(ours: KeyPair, sign: Signing) -> None:
    answer = made(ours, known(sign=sign))
    pem = ours.certificate.pem
    if sign == "response":
        with pytest.raises(InvalidInput):
            verified(answer.xml, pem, "Assertion")
        assertion = verified(answer.xml, pem, "Response").find("saml:Assertion", N)
    else:
        assertion = verified(answer.xml, pem, "Assertion")
    response = etree.fromstring(answer.xml)
    if sign != "assertion":
        response = verified(answer.xml, pem, "Response")
    assert one(response, "@InResponseTo") == "_request"
    assert one(response, "@Destination") == APP.acs
    assert one(response, "saml:Issuer") == one(assertion, "saml:Issuer") == US
    assert one(response, "samlp:Status/samlp:StatusCode/@Value").endswith("Success")
    data = "saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
    assert one(assertion, f"{data}/@Recipient") == APP.acs
    assert one(assertion, f"{data}/@InResponseTo") == "_request"
    assert one(assertion, "saml:Subject/saml:NameID") == "sara & <sons>@acme.example"
    assert one(assertion, "saml:Conditions/saml:AudienceRestriction/saml:Audience") == APP.entity_id
    assert one(assertion, "saml:AuthnStatement/@SessionIndex") == "_session"
    first = one(assertion, "saml:Conditions/@NotBefore")
    last = one(assertion, "saml:Conditions/@NotOnOrAfter")
    assert first < one(assertion, "@IssueInstant") < last == one(assertion, f"{data}/@NotOnOrAfter")
    values = "saml:AttributeStatement/saml:Attribute[@Name='groups']/saml:AttributeValue"
    found = assertion.xpath(values, namespaces=N)
    assert [value.text for value in found] == ["a", "b; c", "Ünï"]
    assert one(response, "@ID") == answer.id


def test_changed_answers_are_found_out_by_others(ours: KeyPair) -> None:
    answer = made(ours, known(sign="both")).xml
    pem = ours.certificate.pem
    forged = answer.replace(b"sara@acme.example", b"boss@acme.example")
    for where in ("Response", "Assertion"):
        with pytest.raises((InvalidDigest, InvalidSignature)):
            verified(forged, pem, where)
    with pytest.raises(InvalidSignature):
        verified(answer, pair("another").pem, "Response")


def test_ids_are_used_once_and_names_stay_between_two(ours: KeyPair) -> None:
    two = [made(ours, known(), form="persistent", to="") for _ in range(2)]
    ids = {id for answer in two for id in (answer.id, answer.assertion_id)}
    assert len(ids) == 4
    assertion = verified(two[0].xml, ours.certificate.pem, "Assertion")
    assert one(assertion, "saml:Subject/saml:NameID/@SPNameQualifier") == APP.entity_id
    # Nobody asked for it: sign-in began with us.
    assert not assertion.xpath("//@InResponseTo")


@pytest.mark.parametrize("cipher", ["aes256-gcm", "aes128-gcm", "aes256-cbc", "aes128-cbc"])
def test_encrypted_for_the_application_alone(ours: KeyPair, cipher: Cipher) -> None:
    keys = pair("encrypt")
    theirs = read_certificate(keys.pem)
    answer = made(ours, known(sign="assertion", encrypt_for=theirs, cipher=cipher))
    assert b"acme.example<" not in answer.xml
    assert b"groups" not in answer.xml
    response = verified(answer.xml, ours.certificate.pem, "Response")
    assertion = decrypted(response, keys.key)
    again = verified(etree.tostring(assertion), ours.certificate.pem, "")
    assert one(again, "saml:Subject/saml:NameID") == "sara & <sons>@acme.example"


def test_a_refusal_is_signed_and_names_nobody(ours: KeyPair) -> None:
    answer = assertions.refusal(
        issuer=US,
        destination=APP.acs,
        in_response_to="_request",
        at=clock(),
        pair=ours,
        status="urn:oasis:names:tc:SAML:2.0:status:Responder",
        detail="urn:oasis:names:tc:SAML:2.0:status:NoPassive",
    )
    response = verified(answer.xml, ours.certificate.pem, "Response")
    inner = "samlp:Status/samlp:StatusCode/samlp:StatusCode/@Value"
    assert one(response, inner).endswith("NoPassive")
    assert response.find("saml:Assertion", N) is None


def test_logouts_in_an_envelope_and_in_an_address(ours: KeyPair) -> None:
    subject = Subject("sara@acme.example", NAME_ID_FORMATS["email"])
    asked = logout.request(
        subject,
        ["_session"],
        issuer=US,
        destination=APP.slo,
        at=clock(),
        pair=ours,
        by_themselves=False,
    )
    root = verified(asked.xml, ours.certificate.pem, "Response")
    assert one(root, "samlp:SessionIndex") == "_session"
    # In an envelope the bytes are the same, and the message in it can be checked by itself.
    inside = logout.from_envelope(logout.enveloped(asked.xml))
    verify(inside, [ours.certificate])
    assert read_logout_request(inside).subject == subject
    with pytest.raises(NotTrusted, match=r"with a fault: .*no such session"):
        logout.from_envelope(
            logout.enveloped(
                b'<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">'
                b"<faultstring>no such session</faultstring></S:Fault>"
            )
        )
    unsigned = logout.answer(
        in_response_to="_x", issuer=US, destination=APP.slo, at=clock(), pair=None, everywhere=False
    )
    address = bindings.to_address(
        APP.slo + "?a=b", "SAMLResponse", unsigned.xml, relay_state="r&s", pair=ours
    )
    received = bindings.from_query(address.split("?a=b&", 1)[1], "SAMLResponse")
    assert received.relay_state == "r&s"
    assert received.beside is not None
    bindings.verify_beside(received.beside, [ours.certificate])
    response = read_logout_response(parse_message(received.xml))
    assert logout.went_well(response)
    assert response.statuses[1].endswith("PartialLogout")


def test_our_metadata_has_all_that_an_application_needs(ours: KeyPair) -> None:
    places = metadata_out.Places(US, f"{US}/sign-on", f"{US}/log-out", f"{US}/log-out/soap")
    later = own("next")
    text = metadata_out.metadata(places, [ours.certificate, later.certificate], company="Acme & Co")
    root = etree.fromstring(text)
    role = root.find("md:IDPSSODescriptor", N)
    assert root.get("entityID") == US
    found = role.xpath("md:KeyDescriptor//ds:X509Certificate/text()", namespaces=N)
    assert found == [ours.certificate.der_base64, later.certificate.der_base64]
    assert {place.get("Location") for place in role.findall("md:SingleSignOnService", N)} == {
        places.sign_on
    }
    assert len(role.findall("md:SingleLogoutService", N)) == 3
    # The order of the schema: keys, logout, forms of names, sign-on.
    order = [etree.QName(child).localname for child in role]
    assert order == sorted(
        order,
        key=("KeyDescriptor", "SingleLogoutService", "NameIDFormat", "SingleSignOnService").index,
    )
    assert ours.certificate.fingerprint().count(":") == 31
    assert read_certificate(ours.certificate.pem) == ours.certificate
    assert "PRIVATE" not in repr(ours)
