"""What an application would be told of a person, without anybody signing in: the decision, the
name, the attributes, and the very XML."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from tenure.core.lifecycle import zone
from tenure.core.sign_on import Decision, Standing, decide
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning.standing import standing_in
from tenure.saml.errors import Answered
from tenure.signin.endings import LONGEST
from tenure.signin.owners import may_come_in
from tenure.sso.policies import policy_of
from tenure.sso.saml import answering
from tenure.sso.saml.answering import Said, Wanted
from tenure.sso.saml.registered import Registered
from tenure.sso.saml.told import CannotTell


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
    found = standing_in(person, known.application, at)
    policy = policy_of(known.sso)
    who = Standing(
        may_come_in=may_come_in(person),
        due=found.given.due,
        why=found.given.why,
        stage=found.stage,
        local=at.astimezone(zone(person.time_zone)),
        address=str(policy.networks[0].network_address) if policy.networks else None,
        country=next(iter(policy.countries), ""),
        passkey_at=at,
        detail=found.detail,
    )
    decision = decide(who, policy)
    wanted = Wanted.unasked(known)
    try:
        said = answering.what_is_said(known, person, found.given.attributes, wanted)
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
