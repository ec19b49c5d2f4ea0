"""Filters and distinguished names: from text, to what is sent, and back."""

from __future__ import annotations

import pytest

from tenure.connectors.ldap import names
from tenure.connectors.ldap.ber import Malformed, bounds, elements, integer, number, octets
from tenure.connectors.ldap.filters import both, equal, parse, present


def test_text_and_values_make_the_same_filter() -> None:
    assert parse("(uid=ada)") == equal("uid", "ada")
    assert parse(" (objectClass=*) ") == present("objectClass")
    assert parse("(&(uid=ada)(mail=*))") == both(equal("uid", "ada"), present("mail"))
    assert parse(r"(cn=\2a\c3\a4)") == equal("cn", "*ä")
    assert parse("(cn=Žofie)") == equal("cn", "Žofie")


def test_every_kind_of_filter_is_as_the_rfc_encodes_it() -> None:
    assert parse("(!(a=b))").hex() == "a208a306040161040162"
    assert parse("(cn=a*b*c)").hex() == "a40f0402636e3009800161810162820163"
    assert parse("(|(a>=1)(a<=2)(a~=3))")[:1] == b"\xa1"
    bit = parse("(userAccountControl:1.2.840.113556.1.4.803:=2)")
    assert [tag for tag, _ in elements(next(elements(bit))[1])] == [0x81, 0x82, 0x83]
    assert [tag for tag, _ in elements(next(elements(parse("(o:dn:=x)")))[1])] == [0x82, 0x83, 0x84]


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "uid=ada", "(uid=ada", "(uid=ada))", "(&)", "(!(a=b)(c=d))", "(uid)", "(=x)"),
        r"(cn=a\zz)",
        "(!" * 40 + "(a=b)" + ")" * 40,
    ],
)
def test_what_is_no_filter_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"expected|backslash|levels|more"):
        parse(wrong)


@pytest.mark.parametrize(
    "value", ["Sales", "Sales, north", "#1", " a ", 'a"b\\c', "a+b=c;d<e>", "李小龍", "a\x00b", "/"]
)
def test_a_name_survives_being_written(value: str) -> None:
    dn = f"{names.rdn('ou', value)},dc=example,dc=com"
    parts = names.parse(dn)
    assert parts[0] == (("ou", value),)
    assert names.written(parts) == dn


def test_names_are_compared_by_what_they_name() -> None:
    assert names.same("OU=Sales,DC=Example", "ou = sales , dc=example")
    assert names.same(r"cn=a\2cb,dc=x", r"CN=A\,B,dc=x")
    assert not names.same("ou=Sales,dc=x", "ou=Sales,dc=y")
    assert not names.same("Sales", "Sales")
    assert names.below(names.parse("uid=a,ou=b,dc=x"), names.parse("OU=B,DC=X"))
    assert not names.below(names.parse("ou=b,dc=x"), names.parse("uid=a,ou=b,dc=x"))
    assert names.parse("cn=a+uid=b,dc=x")[0] == (("cn", "a"), ("uid", "b"))
    assert names.parse("") == ()


@pytest.mark.parametrize("wrong", ["ou", "ou=a,", "=a", "ou=a,,dc=x", 'ou="a'])
def test_what_is_no_name_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        names.parse(wrong)


def test_numbers_and_lengths() -> None:
    for value in (0, 1, 127, 128, 255, 256, 65535, -1, -129, 2**31):
        ((_, content),) = elements(integer(value))
        assert number(content) == value
    long = octets(b"x" * 70_000)
    assert bounds(long, 0) == (5, 70_005)
    with pytest.raises(IndexError):
        bounds(long[:3], 0)
    for wrong in (b"\x04\x80", b"\x04\x89123456789", b"\x04\x05ab"):
        with pytest.raises((Malformed, IndexError)):
            list(elements(wrong))
