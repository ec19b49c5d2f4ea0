"""What Tenure holds about one person: each attribute and where it comes from, the accounts that it
went to, sign-ins, requests. For them alone; reasons and names of others are not in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tenure.applications import selectors as applications
from tenure.applications.models import Account
from tenure.audit import selectors as audit
from tenure.audit.models import Action
from tenure.core.expressions import AttributeType, ExpressionError, compile_value
from tenure.core.model import Situation
from tenure.people.models import Person
from tenure.people.selectors import attribute_labels
from tenure.people.services import schema
from tenure.requests import selectors as requests
from tenure.signin.models import How
from tenure.signin.passkeys import passkeys_of
from tenure.signin.sessions import history_of
from tenure.sources import selectors as sources
from tenure.sso import selectors as sso
from tenure.sso.models import Outcome

#: What is not shown on the page; it is in the file, which takes a fresh passkey.
PRIVATE: Final = "kept private here"
_LAST: Final = 20
_MOST: Final = 1000
#: What is told of the trail: what they did, and what was done with their keys and sessions.
_OWN: Final = (
    Action.SIGNED_IN,
    Action.SIGNED_OUT,
    Action.SESSIONS_ENDED,
    Action.PASSKEY_ADDED,
    Action.PASSKEY_RENAMED,
    Action.PASSKEY_REMOVED,
    Action.RECOVERY_CODES_MADE,
    Action.RECOVERY_CODE_USED,
    Action.INVITATION_SENT,
    Action.PAIRING_CONFIRMED,
    Action.IDENTITY_VERIFIED,
    Action.OWN_DATA_TAKEN,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute. `origin`: the source's name, or that it was made here."""

    name: str
    label: str
    value: object
    origin: str
    private: bool


@dataclass(frozen=True, slots=True)
class Went:
    """One application that was told of them. `told`: of which attributes."""

    account: Account
    told: tuple[str, ...]
    gone: bool


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in here, or at an application (`where`)."""

    at: datetime
    where: str
    how: str
    address: str
    browser: str


def facts(person: Person) -> list[Fact]:
    """Every attribute, in the order of the schema; what is sensitive with its value."""
    labels, sensitive = attribute_labels()
    names = sources.source_names()
    known = [name for name in labels if name in person.attributes]
    known += sorted(person.attributes.keys() - set(known))
    return [
        Fact(
            name,
            labels.get(name, name),
            person.attributes[name],
            names.get(person.origins.get(name, ""), person.origins.get(name, "")) or "made here",
            name in sensitive,
        )
        for name in known
    ]


def went(person: Person) -> list[Went]:
    """Where it went: accounts that are there, and those that are gone."""
    labels, known = attribute_labels()[0], schema()
    return [
        Went(row, _told(row, person, labels, known), row.situation == Situation.DELETED.value)
        for row in applications.accounts_of(person)
    ]


def sign_ins(person: Person, *, limit: int = _LAST) -> list[SignIn]:
    """Here and at applications, the latest first."""
    here = [
        SignIn(row.began_at, "", How(row.how).label, row.address or "", row.browser)
        for row in history_of(person, limit=limit)
    ]
    there = [
        SignIn(row.at, row.application.name, row.get_protocol_display(), row.address or "", "")
        for row in sso.sign_ons(person=person, limit=limit)
        if row.outcome == Outcome.ALLOWED
    ]
    return sorted([*here, *there], key=lambda one: one.at, reverse=True)[:limit]


def everything(person: Person, at: datetime) -> dict[str, Any]:
    """All of it, as a document. What is sensitive is in it."""
    return {
        "made_at": at,
        "person": {
            "uid": str(person.uid),
            "name": person.display_name,
            "employee_number": person.employee_number,
            "email": person.email,
            "state": person.state,
            "start_date": person.start_date,
            "end_date": person.end_date,
            "time_zone": person.time_zone,
            "manager": person.manager.display_name if person.manager else None,
        },
        "attributes": [
            {"name": f.name, "label": f.label, "value": f.value, "from": f.origin}
            for f in facts(person)
        ],
        "source_records": [
            {
                "source": row.source.name,
                "key": row.key,
                "attributes": row.attributes,
                "changed_at": row.changed_at,
                "present": row.present,
            }
            for row in sources.records_of(person)
        ],
        "applications": [_account(one) for one in went(person)],
        "requests": [
            {
                "application": row.application,
                "entitlement": row.entitlement,
                "reason": row.reason,
                "state": row.state,
                "asked_at": row.asked_at,
                "decided_at": row.decided_at,
            }
            for row in requests.of_person(person)
        ],
        "passkeys": [
            {"name": key.name, "added_at": key.created_at, "used_at": key.used_at}
            for key in passkeys_of(person)
        ],
        "sign_ins": [
            {
                "at": one.at,
                "application": one.where or None,
                "how": one.how,
                "address": one.address,
                "browser": one.browser,
            }
            for one in sign_ins(person, limit=_MOST)
        ],
        "trail": [
            {"at": event.at, "what": str(Action(event.action).label)} for event in _trail(person)
        ],
    }


def _account(one: Went) -> dict[str, Any]:
    row = one.account
    return {
        "application": row.application.name,
        "user_name": row.user_name,
        "id_there": row.remote_id,
        "open": row.active is not False and not one.gone,
        "attributes": row.attributes,
        "entitlements": row.entitlements,
        "made_at": row.created_at,
        "read_at": row.observed_at,
        "closed_at": row.disabled_at,
        "deleted_at": row.deleted_at,
    }


def _trail(person: Person) -> Iterable[Any]:
    return audit.events_of_person(str(person.uid), actions=_OWN, limit=_MOST)


def _told(
    row: Account, person: Person, labels: Mapping[str, str], known: Mapping[str, AttributeType]
) -> tuple[str, ...]:
    """The attributes that the application's mapping speaks of and that the person has."""
    used: set[str] = set()
    for line in row.application.mapping:
        try:
            used |= compile_value(line["expression"], known).attributes
        except ExpressionError:
            continue  # It gives nothing either.
    used &= person.attributes.keys()
    return tuple(
        labels.get(name, name) for name in [*labels, *sorted(used - labels.keys())] if name in used
    )
