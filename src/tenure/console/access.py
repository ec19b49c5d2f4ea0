"""How a person gets into the portal, as their page in the console shows it."""

from __future__ import annotations

from typing import Any

from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.people.onboarding import onboarding_of
from tenure.signin import invitations
from tenure.signin.endings import open_sessions
from tenure.signin.identity import review_of
from tenure.signin.models import Invitation, Letter
from tenure.signin.owners import address_for, may_come_in
from tenure.signin.passkeys import passkeys_of


def of(person: Person, company: Company) -> dict[str, Any]:
    """Keys, sessions, and what became of the last invitation."""
    last = invitations.latest(person)
    return {
        "door_open": may_come_in(person),
        "keys": passkeys_of(person),
        "portal_sessions": open_sessions(person),
        "invitation": last,
        "invitation_open": last is not None and _is_open(last),
        "letter": Letter.objects.filter(invitation=last).last() if last else None,
        "invite_to": address_for(person, onboarding_of(company.onboarding)),
        "review": review_of(person) if last else None,
    }


def _is_open(row: Invitation) -> bool:
    return row.used_at is None and row.withdrawn_at is None and row.expires_at > now()
