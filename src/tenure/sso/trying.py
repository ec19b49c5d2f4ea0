"""Whether a person would be let in to an application now, without anybody signing in: the rules and
the policy, without what only a real sign-in has (an address, a fresh passkey)."""

from __future__ import annotations

from datetime import datetime

from tenure.applications.models import Application
from tenure.configuration.document_sso import SingleSignOn
from tenure.core.lifecycle import zone
from tenure.core.sign_on import Decision, Standing, decide
from tenure.people.models import Person
from tenure.provisioning.standing import ApplicationStanding, standing_in
from tenure.signin.owners import may_come_in
from tenure.sso.policies import policy_of


def tried(
    person: Person, application: Application, sso: SingleSignOn, at: datetime
) -> tuple[ApplicationStanding, Decision]:
    """How they stand there, and what would be decided."""
    found, policy = standing_in(person, application, at), policy_of(sso)
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
    return found, decide(who, policy)
