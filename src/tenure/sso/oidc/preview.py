"""What a client would be told of a person, without anybody signing in: the decision and the
claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenure.core.sign_on import Decision
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.sso.oidc.claims import ClaimProblem, claims_of
from tenure.sso.oidc.clients import Client
from tenure.sso.trying import discreet, tried


@dataclass(frozen=True, slots=True)
class Preview:
    """`claims`: for all scopes that the client may ask for. `problem`: why nothing can be said."""

    person: Person
    decision: Decision
    claims: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def preview(client: Client, person: Person) -> Preview:
    """As if the person opened the application now."""
    found, decision = tried(person, client.application, client.sso, now())
    try:
        told = claims_of(client, person, discreet(found.given), client.scopes)
    except ClaimProblem as error:
        return Preview(person, decision, problem=str(error))
    return Preview(person, decision, dict(sorted(told.items())))
