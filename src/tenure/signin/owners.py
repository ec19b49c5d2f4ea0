"""Who owns passkeys, codes and sessions: an administrator or a person. The difference between the
two ends here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

from tenure.audit.models import Action
from tenure.audit.services import acting, actor, record
from tenure.infra.clock import now
from tenure.people.endings import CLOSED
from tenure.people.models import Person
from tenure.people.onboarding import Onboarding, SendTo, onboarding_of
from tenure.people.services import company, stand
from tenure.signin.models import Passkey, User

Owner: TypeAlias = User | Person


def owned_by(owner: Owner) -> dict[str, Owner]:
    """The columns of a row that is theirs."""
    return {"user": owner} if isinstance(owner, User) else {"person": owner}


def owner_of(row: Any) -> Owner:
    """Whose row it is."""
    owner: Owner | None = row.user or row.person
    assert owner is not None
    return owner


def key_of(owner: Owner) -> str:
    """`administrator:3`, `person:7`: what codes and challenges are bound to."""
    kind = "administrator" if isinstance(owner, User) else "person"
    return f"{kind}:{owner.pk}"


def label_of(owner: Owner) -> str:
    """As people call them."""
    return owner.name if isinstance(owner, User) else owner.display_name


def login_of(owner: Owner) -> str:
    """What a passkey manager shows beneath the name."""
    if isinstance(owner, User):
        return owner.name
    return owner.email or owner.employee_number or owner.display_name


def may_come_in(owner: Owner) -> bool:
    """Whether the door is open to them at this instant, whatever the clock has recorded."""
    if isinstance(owner, User):
        return owner.is_active
    # For the grace of a leaver the door is closed as it is afterwards: it need not be known.
    return (
        owner.state not in CLOSED
        and stand(owner, now(), grace=timedelta(0)).state.value not in CLOSED
        # A backup does not know who has left since it was made.
        and company().restored_at is None
    )


def told(action: Action, owner: Owner, *, by_them: bool = True, **details: Any) -> None:
    """Record it about the owner: by themselves, or (not `by_them`) by whoever is acting."""
    if isinstance(owner, User):
        about = {"subject_kind": "administrator", "subject_key": str(owner.pk)}
        name = f"administrator {owner.name}"
    else:
        uid = str(owner.uid)
        about = {"subject_kind": "person", "subject_key": uid, "person": uid}
        name = f"{owner.display_name} (themselves)"
    with acting(name if by_them else actor()):
        record(action, **about, subject_label=label_of(owner), **details)


def has_way_in(owner: Owner) -> bool:
    """Whether the owner has a passkey."""
    return Passkey.objects.filter(**owned_by(owner), removed_at=None).exists()


def address_for(person: Person, settings: Onboarding | None = None) -> str:
    """Where HR says that the person is reached, in the company's order; empty if nowhere."""
    chosen = (settings or onboarding_of(company().onboarding)).send_to
    personal = str(person.attributes.get("personal_email") or "").strip()
    both = (personal, person.email) if chosen is SendTo.PERSONAL else (person.email, personal)
    return next((address for address in both if "@" in address), "")
