"""What applications are told of a person: standard claims by scope, those that the configuration
adds by expressions over the person's attributes, and how they had signed in."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from tenure.core.expression_sets import targeted
from tenure.core.expressions import AttributeType, ExpressionError, compile_value
from tenure.core.groups import ATTRIBUTE as GROUPS
from tenure.core.model import Attributes
from tenure.people.models import Person
from tenure.people.services import schema
from tenure.provisioning.questions.standing import Given
from tenure.signin.models import How, Session
from tenure.sso.oidc.clients import Client

_log = logging.getLogger(__name__)

#: Resistant to phishing: a passkey signed (OpenID Connect Extended Authentication Profile ACR
#: Values 1.0). The other is what a recovery code or an invitation comes to.
PASSKEY: Final = "phr"
CODE: Final = "urn:tenure:acr:code"
_PROFILE: Final = {"name": "display_name", "given_name": "given_name", "family_name": "family_name"}


class ClaimProblem(ValueError):
    """The configuration's expressions give no claims for this person; `str()` says which."""


def subject_of(client: Client, person: Person, attributes: Attributes) -> str:
    """`sub`: what the client calls the person. Raises `ClaimProblem`."""
    if client.settings.subject is None:
        return str(person.uid)
    value = _value("sub", client.settings.subject, attributes)
    if value in (None, "") or len(str(value)) > 255:
        raise ClaimProblem("sub comes out empty, or is longer than 255 letters, for this person.")
    return str(value)


def claims_of(client: Client, person: Person, given: Given, scope: Iterable[str]) -> dict[str, Any]:
    """The claims for these scopes, `sub` among them. Raises `ClaimProblem`."""
    scopes, attributes = set(scope), given.attributes
    found: dict[str, Any] = {}
    if "profile" in scopes:
        found |= {claim: attributes.get(name) for claim, name in _PROFILE.items()}
        found["name"] = person.display_name
        found["preferred_username"] = attributes.get("user_name") or person.email
        found["zoneinfo"] = person.time_zone
        found["updated_at"] = int(person.changed_at.timestamp())
    if "email" in scopes and person.email:
        found |= {"email": person.email, "email_verified": True}
    if "groups" in scopes:
        kept = sorted(key.partition(":")[2] for key in given.entitlements if key[:6] == "group:")
        found["groups"] = kept
    for claim, expression in client.settings.claims.items():
        found[claim] = _value(claim, expression, attributes)
    told = {name: value for name, value in found.items() if value not in (None, "")}
    return {**told, "sub": subject_of(client, person, attributes)}


def authentication(session: Session) -> dict[str, Any]:
    """`auth_time`, `acr` and `amr` (RFC 8176) of a session of ours."""
    proved_at: datetime = session.passkey_at or session.began_at
    told: dict[str, Any] = {"auth_time": int(proved_at.timestamp())}
    if session.passkey_at is None:
        how = ["otp"] if session.how in (How.RECOVERY_CODE, How.ONBOARDING) else ["user"]
        return {**told, "acr": CODE, "amr": how}
    key = session.signed_last
    synced = key is not None and key.backed_up
    return {**told, "acr": PASSKEY, "amr": ["swk" if synced else "hwk", "pop", "user", "mfa"]}


def _value(claim: str, expression: str, attributes: Attributes) -> Any:
    known = {**schema(), GROUPS: AttributeType.STRINGS}
    try:
        return targeted(claim, compile_value(expression, known), attributes)
    except ExpressionError as error:
        raise ClaimProblem(f"The claim {claim} cannot be told: {error}") from error
