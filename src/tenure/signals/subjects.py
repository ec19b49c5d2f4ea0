"""How a person is named to others, and who it is that others name (RFC 9493)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from tenure.applications.models import Account
from tenure.core.model import Situation
from tenure.people.models import Person
from tenure.people.searching import with_email
from tenure.signals.models import Receiver, SubjectFormat

#: Members of a complex subject that we can read; one that is critical and not among them makes
#: the event unreadable (SSF 1.0, 3.6).
_READABLE: Final = ("user",)


def named(person: Person, receiver: Receiver, account: Account | None) -> dict[str, Any] | None:
    """The subject identifier; None where this person has no such name. `account`: theirs in the
    receiver's application."""
    match SubjectFormat(receiver.subjects):
        case SubjectFormat.EMAIL:
            return {"format": "email", "email": person.email} if person.email else None
        case SubjectFormat.ISS_SUB:
            return {"format": "iss_sub", "iss": settings.TENURE_URL, "sub": str(person.uid)}
        case SubjectFormat.ACCOUNT:
            if account is None or not account.user_name:
                return None
            return {"format": "opaque", "id": account.user_name}


def found(subject: Mapping[str, Any], receiver: Receiver | None = None) -> Person | None:
    """Who is meant; None where nobody, or more than one, is. A complex subject is its user."""
    if "format" not in subject or subject["format"] == "complex":
        user = subject.get("user")
        return found(user, receiver) if isinstance(user, Mapping) else None
    match subject["format"]:
        case "email":
            return _mailed(_text(subject, "email"))
        case "account":
            address = _text(subject, "uri").removeprefix("acct:")
            return _mailed(address)
        case "iss_sub":
            ours = subject.get("iss") == settings.TENURE_URL
            return _one(uid=_text(subject, "sub")) if ours else None
        case "opaque" if receiver is not None and receiver.application_id is not None:
            return _owner(receiver.application_id, _text(subject, "id"))
        case "aliases":
            names = subject.get("identifiers")
            people = {
                person.pk: person
                for one in (names if isinstance(names, list) else [])
                if isinstance(one, Mapping) and (person := found(one, receiver)) is not None
            }
            return next(iter(people.values())) if len(people) == 1 else None
    return None


def readable(subject: Mapping[str, Any], critical: object) -> bool:
    """Whether nothing that the sender calls critical is left unread."""
    names = critical if isinstance(critical, list) else []
    return all(name in _READABLE or name not in subject for name in names)


def _text(subject: Mapping[str, Any], name: str) -> str:
    value = subject.get(name)
    return value if isinstance(value, str) and "\0" not in value else ""


def _one(**which: str) -> Person | None:
    if not all(which.values()):
        return None
    try:
        return _the(Person.objects.filter(**which))
    except ValidationError:
        return None


def _mailed(address: str) -> Person | None:
    return _the(with_email(address)) if address else None


def _the(rows: QuerySet[Person]) -> Person | None:
    found = list(rows[:2])
    return found[0] if len(found) == 1 else None


def _owner(application: int, user_name: str) -> Person | None:
    rows = Account.objects.filter(application_id=application, user_name__iexact=user_name)
    rows = rows.filter(person__isnull=False).exclude(situation=Situation.DELETED.value)
    owners = {row.person_id: row.person for row in rows.select_related("person")[:2]}
    return next(iter(owners.values())) if len(owners) == 1 else None
