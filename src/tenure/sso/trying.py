"""Whether a person would be let in to an application now, without anybody signing in: the rules and
the policy, without what only a real sign-in has (an address, a fresh passkey)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from tenure.applications.models import Application
from tenure.configuration.document_sso import SingleSignOn
from tenure.core.expressions import AttributeType
from tenure.core.model import Value
from tenure.core.sign_on import Decision, Standing, decide
from tenure.core.veiling import HIDDEN
from tenure.people.models import Person
from tenure.people.selectors import sensitive_attributes
from tenure.people.services import schema, zone_of
from tenure.provisioning.questions.standing import ApplicationStanding, Given, standing_in
from tenure.signin.owners import may_come_in
from tenure.sso.policies import policy_of
from tenure.sso.selectors import has_come_in

#: In place of a sensitive attribute, so that expressions over it still give something.
_STANDS_FOR: Final[Mapping[AttributeType, Value]] = MappingProxyType(
    {
        AttributeType.STRING: HIDDEN,
        AttributeType.STRINGS: [HIDDEN],
        AttributeType.DATE: "1900-01-01",
        AttributeType.INTEGER: 0,
        AttributeType.NUMBER: 0.0,
        AttributeType.BOOLEAN: False,
    }
)


def discreet(given: Given) -> Given:
    """What an application is told of somebody, for whoever only looks at it: nothing of what is
    sensitive, and nothing computed from it."""
    hidden = sensitive_attributes() & given.attributes.keys()
    if not hidden:
        return given
    kinds = schema()
    stand_ins = {name: _STANDS_FOR[kinds[name]] for name in hidden if name in kinds}
    return replace(given, attributes={**given.attributes, **stand_ins})


def tried(
    person: Person, application: Application, sso: SingleSignOn, at: datetime
) -> tuple[ApplicationStanding, Decision]:
    """How they stand there, and what would be decided."""
    came_in, policy = has_come_in(person, application), policy_of(sso)
    found = standing_in(person, application, at, came_in=came_in)
    who = Standing(
        may_come_in=may_come_in(person),
        due=found.given.due,
        why=found.given.why,
        stage=found.stage,
        local=at.astimezone(zone_of(person)),
        address=str(policy.networks[0].network_address) if policy.networks else None,
        country=next(iter(policy.countries), ""),
        passkey_at=at,
        detail=found.detail,
    )
    return found, decide(who, policy)
