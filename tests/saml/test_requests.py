"""What comes from applications, told from what only looks as if it did. Pure: no database."""

from __future__ import annotations

import base64
import zlib
from datetime import timedelta
from urllib.parse import quote

import pytest

from tenure.saml import bindings, checks, contexts, metadata_in, requests
from tenure.saml.contexts import Requested
from tenure.saml.errors import Answered, NotTrusted, SamlError
from tenure.saml.keys import read_certificate
from tenure.saml.names import NAME_ID_FORMATS
from tenure.saml.parsing import parse_message
from tenure.saml.service import NameIdFormat, ServiceProvider, by_hand
from tests.saml.application import Application, N, Pair, clock, deflated, pair

APP = Application()
HERE = {APP.sign_on}


def service(**how: object) -> ServiceProvider:
    found = metadata_in.read(APP.metadata(), at=clock()).service
    from dataclasses import replace

    return replace(found, **how)  # type: ignore[arg-type]


def taken(received: bindings.Received, *, needed: bool = True, **how: object) -> str:
    """The whole way of a request: its id, where it is good."""
    root = parse_message(received.xml)
    request = requests.read_authn_request(root)
    provider = service(**how)
    signed = checks.signed_as_needed(root, received, provider, needed=needed)
    checks.is_for_us_now(request.head, HERE, signed=signed, at=clock())
    checks.answer_for(request, provider)
    return request.head.id


def posted(xml: bytes) -> bindings.Received:
    return bindings.from_form(base64.b64encode(xml).decode(), "", "SAMLRequest")


def sent(query: str) -> bindings.Received:
    return bindings.from_query(query, "SAMLRequest")


def refused(received: bindings.Received, message: str, **how: object) -> None:
    with pytest.raises(NotTrusted, match=message):
        taken(received, **how)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_signed_requests_are_taken(kind: str) -> None:
    keys = pair(f"signer-{kind}", kind)
    known = (read_certificate(keys.pem),)
    xml = APP.authn_request(id="_one")
    assert taken(posted(APP.signed(xml, keys=keys)), verify_with=known) == "_one"
    algorithm = f"http://www.w3.org/2001/04/xmldsig-more#{'ecdsa' if kind == 'ec' else kind}-sha256"
    query = APP.query(xml, relay_state="a b&c", keys=keys, algorithm=algorithm)
    received = sent(query)
    assert received.relay_state == "a b&c"
    assert taken(received, verify_with=known) == "_one"
    # Some write the escapes in small letters: what was signed is what was written.
    assert received.beside is not None
    # Nobody else's key, and no other text.
    refused(sent(query), "not by the registered", verify_with=(read_certificate(pair("x").pem),))
    refused(sent(query.replace("a%20b", "a%20c")), "not by the registered", verify_with=known)


def test_signatures_where_they_are_not_needed_are_checked_all_the_same() -> None:
    xml = APP.authn_request(id="_one")
    assert taken(posted(xml), needed=False) == "_one"
    assert taken(sent(APP.query(xml, unsigned=True)), needed=False) == "_one"
    wrong = APP.signed(xml, keys=pair("x"))
    refused(posted(wrong), "not by the registered", needed=False)
    # With no certificate known, a signature says nothing, and cannot be demanded.
    assert taken(posted(wrong), needed=False, verify_with=()) == "_one"
    refused(posted(wrong), "no certificate", verify_with=())


def test_unsigned_is_refused_where_signed_is_needed() -> None:
    xml = APP.authn_request()
    refused(posted(xml), "not signed")
    refused(sent(APP.query(xml, unsigned=True)), "not signed")
    query = APP.query(xml)
    refused(sent(query.split("&SigAlg")[0]), "not signed")
    with pytest.raises(NotTrusted, match="only one"):
        sent(query.split("&Signature")[0])


def test_algorithms_that_anybody_can_use_are_refused() -> None:
    xml = APP.authn_request()
    sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
    refused(sent(APP.query(xml, algorithm=sha1)), "signed with .*rsa-sha1")
    # HMAC with the public certificate as its key, which everybody has.
    hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
    refused(sent(APP.query(xml, algorithm=hmac)), "signed with .*hmac-sha256")
    good = APP.signed(xml).decode()
    for bad in (sha1, hmac, "http://www.w3.org/2000/09/xmldsig#hmac-sha1"):
        refused(
            posted(good.replace("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", bad).encode()),
            "signature uses",
        )
    digest = "http://www.w3.org/2001/04/xmlenc#sha256"
    refused(
        posted(good.replace(digest, "http://www.w3.org/2000/09/xmldsig#sha1").encode()),
        "signature uses",
    )
    inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    refused(
        posted(good.replace("http://www.w3.org/2001/10/xml-exc-c14n#", inclusive).encode()),
        "signature uses",
    )
    with pytest.raises(SamlError, match="1024 bits"):
        read_certificate(pair("weak", "weak").pem)


def _wrapped() -> list[tuple[str, bytes]]:
    """The eight classic ways to wrap (Somorovsky and others, "On Breaking SAML", 2012), as far as
    a request has them: the signed message hidden in one that says what the attacker likes."""
    good = APP.signed(APP.authn_request(id="_good")).decode()
    start = good.index("<ds:Signature")
    end = good.index("</ds:Signature>") + len("</ds:Signature>")
    signature = good[start:end]
    bare = good[:start] + good[end:]
    evil = APP.authn_request(id="_evil", attributes='ForceAuthn="false"').decode()

    def put(into: str, what: str) -> str:
        return into.replace("</saml:Issuer>", f"</saml:Issuer>{what}", 1)

    def extension(what: str) -> str:
        return f"<samlp:Extensions>{what}</samlp:Extensions>"

    same = evil.replace("_evil", "_good")
    an_object = f'<ds:Object xmlns:ds="{N["ds"]}">{bare}</ds:Object>'
    return [
        ("signature moved out, original beside", put(evil, signature + extension(bare))),
        ("original with its signature inside of evil", put(evil, extension(good))),
        ("original inside of the signature's object", put(evil, signature.replace(
            "</ds:Signature>", f"{an_object}</ds:Signature>"))),
        ("the same id twice, original first", put(same, extension(bare) + signature)),
        ("the same id twice, original in the object", put(same, signature.replace(
            "</ds:Signature>", f"{an_object}</ds:Signature>"))),
        ("evil inside of the signed original", good.replace(
            "</samlp:AuthnRequest>", f"{extension(evil)}</samlp:AuthnRequest>")),
        ("two signatures", put(good, signature)),
        ("an id in other letters", put(evil, signature + extension(
            bare.replace('ID="_good"', 'Id="_good"')))),
        ("xml:id", put(evil, signature + extension(
            bare.replace('ID="_good"', 'xml:id="_good"')))),
        ("another reference", good.replace('URI="#_good"', 'URI=""')),
        ("a reference to elsewhere", good.replace('URI="#_good"', 'URI="https://evil.example/"')),
        ("XPath that leaves the rest out", good.replace(
            '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>',
            '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
            "<ds:XPath>self::node()[false()]</ds:XPath></ds:Transform>")),
        ("XSLT", good.replace(
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/TR/1999/REC-xslt-19991116")),
        ("a value changed", good.replace("https://app.example.com/saml<", "https://evil.example/<")),
        ("an attribute added", good.replace("Version=", 'ForceAuthn="true" Version=')),
        ("two SignedInfo", good.replace(
            "</ds:SignedInfo>", "</ds:SignedInfo><ds:SignedInfo/>")),
        ("two references", good.replace(
            "</ds:SignedInfo>", '<ds:Reference URI=""/></ds:SignedInfo>')),
    ]  # fmt: skip


@pytest.mark.parametrize(("what", "text"), _wrapped(), ids=[what for what, _ in _wrapped()])
def test_signature_wrapping(what: str, text: str) -> None:
    with pytest.raises(NotTrusted):
        taken(posted(text.encode()), needed=True)


def test_a_key_that_the_message_brings_along_is_not_believed() -> None:
    """The attacker signs by a key of theirs and puts its certificate into KeyInfo."""
    refused(posted(APP.signed(APP.authn_request(), keys=pair("evil"))), "not by the registered")


def test_entities_and_document_types_are_refused() -> None:
    for before in (
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/evil.dtd">',
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l "l"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;">]>',
    ):
        xml = APP.authn_request(before=before, inside="<samlp:Extensions/>")
        refused(posted(xml), "document type", needed=False)
    # In another encoding the word would not be seen: only UTF-8 is read.
    for encoding in ("utf-16", "utf-7", "utf-32"):
        text = '<!DOCTYPE x [<!ENTITY e "1">]>' + APP.authn_request().decode()
        with pytest.raises(NotTrusted):
            parse_message(f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding))
    with pytest.raises(SamlError, match="document type"):
        metadata_in.read(b'<!DOCTYPE x [<!ENTITY e "1">]>' + APP.metadata()[20:], at=clock())


def test_comments_cut_no_names() -> None:
    xml = APP.authn_request(issuer=f"{APP.entity_id}<!-- -->.evil.example")
    refused(posted(xml), "comment", needed=False)
    refused(posted(APP.authn_request(issuer=f"{APP.entity_id}<?x y?>")), "comment", needed=False)
    logout = APP.logout_request("sara@acme.example<!---->.evil.example")
    with pytest.raises(NotTrusted, match="comment"):
        parse_message(logout)
    # CDATA is text like any other: nothing is lost.
    root = parse_message(APP.logout_request("sara@acme.example<![CDATA[.evil]]>"))
    assert requests.read_logout_request(root).subject.value == "sara@acme.example.evil"
    nested = APP.logout_request("sara@acme.example<saml:x/>.evil")
    with pytest.raises(NotTrusted, match="more in it than text"):
        requests.read_logout_request(parse_message(nested))


def test_bombs_and_huge_inputs() -> None:
    bomb = zlib.compressobj(wbits=-15)
    packed = bomb.compress(b"<" * 30_000_000) + bomb.flush()
    assert len(packed) < 40_000
    with pytest.raises(NotTrusted, match="longer than"):
        sent(f"SAMLRequest={quote(base64.b64encode(packed), safe='')}")
    with pytest.raises(NotTrusted, match="longer than"):
        sent("SAMLRequest=" + "A" * 100_000)
    with pytest.raises(NotTrusted, match="longer than"):
        bindings.from_form("A" * 400_000, "", "SAMLRequest")
    with pytest.raises(NotTrusted, match="longer than"):
        parse_message(b" " * 200_000)
    deep = "<a>" * 20_000 + "</a>" * 20_000
    with pytest.raises(NotTrusted):
        parse_message(APP.authn_request(inside=deep))
    with pytest.raises(NotTrusted, match="RelayState is longer"):
        bindings.from_form("AAAA", "x" * 3000, "SAMLRequest")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SAMLRequest=",
        "SAMLRequest=%%%",
        "SAMLRequest=AAAA",
        f"SAMLRequest={quote(base64.b64encode(b'<x/>'), safe='')}",
        f"SAMLRequest={quote(deflated(b'<x/>')[:8], safe='')}",
        f"SAMLRequest={quote(deflated(b'<x'), safe='')}",
        f"SAMLRequest={quote(deflated(b'<x/>'), safe='')}&SAMLEncoding=none",
        f"SAMLRequest={quote(deflated(b'<x/>'), safe='')}&SAMLRequest=AAAA",
        f"SAMLRequest={quote(deflated(b'<x/>'), safe='')}&%53AMLRequest=AAAA",
        f"SAMLRequest={quote(deflated(b'<x/>'), safe='')}",
    ],
)
def test_what_is_no_message(query: str) -> None:
    with pytest.raises(NotTrusted):
        taken(sent(query), needed=False)


def test_for_whom_and_when() -> None:
    def made(**how: object) -> bindings.Received:
        return posted(APP.authn_request(**how))  # type: ignore[arg-type]

    refused(made(destination="https://evil.example/"), "not for here", needed=False)
    assert taken(made(destination=""), needed=False)
    refused(posted(APP.signed(APP.authn_request(destination=""))), "no Destination")
    refused(made(at=clock() - timedelta(minutes=14)), "too long ago", needed=False)
    refused(made(at=clock() + timedelta(minutes=4)), "to come", needed=False)
    refused(made(version="1.1"), "Expected 2.0", needed=False)
    refused(made(issuer=" "), "no Issuer", needed=False)
    refused(made(id="1"), "no proper ID", needed=False)
    refused(posted(APP.logout_request("x")), "Expected AuthnRequest", needed=False)


def test_answers_go_only_where_it_was_registered() -> None:
    def asked(attributes: str) -> requests.AuthnRequest:
        return requests.read_authn_request(parse_message(APP.authn_request(attributes=attributes)))

    other = "https://app.example.com/other/acs"
    more = f'<md:AssertionConsumerService Binding="{checks.POST}" index="7" Location="{other}"/>'
    known = metadata_in.read(APP.metadata(more=more), at=clock()).service
    place = checks.consumer_for
    assert place(asked(""), known).location == APP.acs
    name = "AssertionConsumerServiceURL"
    assert place(asked(f'{name}="{other}"'), known).location == other
    assert place(asked('AssertionConsumerServiceIndex="7"'), known).location == other
    for wrong in (
        f'{name}="https://evil.example/acs"',
        f'{name}="{APP.acs}/"',
        f'{name}="{APP.acs}?x=1"',
        f'{name}="{APP.acs.upper()}"',
        f'{name}="{APP.acs}.evil.example"',
        'AssertionConsumerServiceIndex="3"',
    ):
        with pytest.raises(NotTrusted, match=r"not registered|none with that number"):
            place(asked(wrong), known)
    with pytest.raises(NotTrusted, match="an index"):
        asked(f'{name}="{other}" AssertionConsumerServiceIndex="7"')
    with pytest.raises(Answered) as told:
        checks.answer_for(asked('ProtocolBinding="urn:x:artifact"'), known)
    assert told.value.detail.endswith("UnsupportedBinding")


@pytest.mark.parametrize(
    ("asked", "ours", "insist", "given"),
    [
        ("", None, False, "email"),
        ("persistent", None, False, "persistent"),
        ("unspecified", "persistent", False, "persistent"),
        ("email", "persistent", False, None),
        ("email", "persistent", True, "persistent"),
        ("transient", "transient", False, "transient"),
        ("urn:other", None, False, None),
        ("urn:other", None, True, "email"),
    ],
)
def test_the_form_of_the_name(
    asked: str, ours: NameIdFormat | None, insist: bool, given: str | None
) -> None:
    policy = f'<samlp:NameIDPolicy Format="{NAME_ID_FORMATS.get(asked, asked)}"/>'
    root = parse_message(APP.authn_request(inside=policy if asked else ""))
    known = service(name_id=ours, insist=insist)
    request = requests.read_authn_request(root)
    if given is None:
        with pytest.raises(Answered) as told:
            checks.answer_for(request, known)
        assert told.value.detail.endswith("InvalidNameIDPolicy")
    else:
        assert checks.answer_for(request, known).format == NAME_ID_FORMATS[given]


_PPT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
_CARD = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
_MFA = "https://refeds.org/profile/mfa"


@pytest.mark.parametrize(
    ("classes", "comparison", "said"),
    [
        ((_PPT,), "exact", _PPT),
        ((_CARD, _MFA), "exact", _MFA),
        ((_CARD,), "exact", None),
        ((_PPT,), "minimum", _PPT),
        ((_PPT,), "better", _MFA),
        ((_MFA,), "better", None),
        ((_CARD, _PPT), "better", None),
        ((_MFA,), "maximum", _MFA),
    ],
)
def test_what_is_said_of_the_way_in(
    classes: tuple[str, ...], comparison: str, said: str | None
) -> None:
    wanted = contexts.requested(classes, comparison)
    if said is None:
        with pytest.raises(Answered) as told:
            contexts.said(wanted, passkey=True)
        assert told.value.detail.endswith("NoAuthnContext")
    else:
        assert contexts.said(wanted, passkey=True) == said


def test_a_recovery_code_is_no_passkey() -> None:
    assert contexts.needs_passkey(Requested((_MFA,)))
    assert not contexts.needs_passkey(None)
    assert contexts.said(None, passkey=False) == contexts.UNSPECIFIED
    with pytest.raises(NotTrusted, match="Expected one of"):
        contexts.requested((_MFA,), "most")


def test_what_a_request_asks_is_read() -> None:
    request = requests.read_authn_request(
        parse_message(
            APP.authn_request(
                attributes='ForceAuthn="1" IsPassive="false"',
                inside="<saml:Subject><saml:NameID>sara@acme.example</saml:NameID></saml:Subject>"
                '<samlp:NameIDPolicy AllowCreate="true" SPNameQualifier="other"/>'
                '<samlp:RequestedAuthnContext Comparison="minimum">'
                f"<saml:AuthnContextClassRef>{_PPT}</saml:AuthnContextClassRef>"
                "</samlp:RequestedAuthnContext>",
            )
        )
    )
    assert (request.force, request.passive) == (True, False)
    assert request.subject is not None
    assert request.subject.value == "sara@acme.example"
    assert request.context == Requested((_PPT,), "minimum")
    with pytest.raises(Answered, match="in the space of other"):
        checks.answer_for(request, service())


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://app.example.com/acs",
        "https://",
        "//app.example.com/acs",
        "https://user:pw@app.example.com/acs",
        "https://app.example.com/acs#x",
        "https://app.example.com/a cs",
        "https://app.example.com:x/acs",
        "http://localhost.evil.example/acs",
    ],
)
def test_addresses_that_nobody_is_sent_to(address: str) -> None:
    with pytest.raises(SamlError, match="ACS"):
        by_hand("x", address)
    with pytest.raises(SamlError):
        metadata_in.read(APP.metadata(acs=address), at=clock())


def test_metadata_of_several_and_of_none() -> None:
    other = Application(entity_id="https://other.example/sp")
    both = (
        b'<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
        + b"".join(app.metadata().split(b"-->", 1)[1] for app in (APP, other))
        + b"</md:EntitiesDescriptor>"
    )
    found = metadata_in.read(both, at=clock(), entity_id=other.entity_id)
    assert found.service.entity_id == other.entity_id
    with pytest.raises(SamlError, match="describes 2 applications"):
        metadata_in.read(both, at=clock())
    with pytest.raises(SamlError, match="nothing about"):
        metadata_in.read(both, at=clock(), entity_id="x")
    with pytest.raises(SamlError, match="of an identity provider"):
        metadata_in.read(
            APP.metadata().replace(b"SPSSODescriptor", b"IDPSSODescriptor"), at=clock()
        )
    with pytest.raises(SamlError, match="no SAML metadata"):
        metadata_in.read(b"<html/>", at=clock())
    over = APP.metadata().replace(b"entityID=", b'validUntil="2020-01-01T00:00:00Z" entityID=')
    with pytest.raises(SamlError, match="valid until"):
        metadata_in.read(over, at=clock())


def test_metadata_is_read_whole() -> None:
    keys: Pair = pair("encrypt")
    more = (
        '<md:AttributeConsumingService index="1"><md:ServiceName xml:lang="en">Wiki'
        '</md:ServiceName><md:RequestedAttribute Name="mail" FriendlyName="E-mail" '
        'isRequired="true"/></md:AttributeConsumingService>'
    )
    found = metadata_in.read(
        APP.metadata(encryption=keys, signed_requests=True, more=more), at=clock()
    )
    provider = found.service
    assert provider.signed_requests
    assert [c.der_base64 for c in provider.verify_with] == [APP.keys.base64]
    assert found.encryption is not None
    assert found.encryption.der_base64 == keys.base64
    assert provider.encrypt_for is None
    assert provider.name == "Wiki"
    assert [(w.name, w.required) for w in provider.wanted] == [("mail", True)]
    assert provider.logout[0].location == APP.slo
    assert found.remarks == ()
    weak = metadata_in.read(APP.metadata(encryption=pair("weak", "weak")), at=clock())
    assert weak.encryption is None
    assert "1024 bits" in weak.remarks[0]
