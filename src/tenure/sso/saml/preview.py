"""What an application would be told of a person, without anybody signing in: the decision, the
name, the attributes, and the very XML."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from tenure.core.sign_on import Decision
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.saml.errors import Answered
from tenure.signin.endings import LONGEST
from tenure.sso.saml import answering
from tenure.sso.saml.answering import Said, Wanted
from tenure.sso.saml.registered import Registered
from tenure.sso.saml.told import CannotTell
from tenure.sso.trying import discreet, tried


@dataclass(frozen=True, slots=True)
class Preview:
    """`decision` without what only a real sign-in has: a network, a fresh passkey. `problem`: why
    nothing can be said of the person; then there is no `said` and no `xml`."""

    person: Person
    decision: Decision
    said: Said | None = None
    xml: str = ""
    problem: str = ""


def preview(known: Registered, person: Person) -> Preview:
    """As if the person opened the application now."""
    at = now()
    found, decision = tried(person, known.application, known.sso, at)
    wanted = Wanted.unasked(known)
    try:
        given = discreet(found.given)
        said = answering.what_is_said(known, person, given.attributes, wanted)
        made = answering.response(
            known, said, wanted, session="_preview", at=at, until=at + LONGEST
        )
    except (CannotTell, Answered, ValueError) as error:
        return Preview(person, decision, problem=str(error))
    return Preview(person, decision, said, _readable(made.xml))


def _readable(xml: bytes) -> str:
    """Indented for people, which its signature would not bear."""
    root = etree.fromstring(xml)
    etree.indent(root, "  ")
    return etree.tostring(root, encoding="unicode")
