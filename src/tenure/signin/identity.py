"""Is this the person that HR means? A code that goes to the address HR has, and claims that are
compared with HR's record as a whole: which of them was wrong is told to nobody on the phone. After
a few mistakes a person looks at it."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import actor
from tenure.core.expressions import AttributeType
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.onboarding import NAME, onboarding_of
from tenure.people.selectors import attribute_labels
from tenure.people.services import company, schema
from tenure.signin import invitations, letters
from tenure.signin.models import Invitation, Letter, OneTimeCode, Pairing, Review
from tenure.signin.owners import told
from tenure.signin.throttle import Limit, count
from tenure.signin.tokens import keyed, same

CODE_VALID: Final = timedelta(minutes=10)
DIGITS: Final = 6
_TRIES_OF_A_CODE: Final = 5
_TRIES_OF_CLAIMS: Final = 3
_LONGEST_CLAIM: Final = 200
#: Of telephone numbers: what is before may be written in several ways, or left out.
_PHONE_DIGITS: Final = 9
_PHONES: Final = frozenset({"phone", "mobile"})
_PURPOSE: Final = "one-time code"


class CodeRefused(ValueError):
    """The code proves nothing; `str()` says what to do."""


class Outcome(StrEnum):
    """What became of the claims."""

    RIGHT = "right"
    TRY_AGAIN = "try_again"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that the person is asked for. `kind` is that of the form's field."""

    name: str
    label: str
    kind: str = "text"


def questions() -> list[Question]:
    """What the company asks for, beside the code."""
    labels, _ = attribute_labels()
    kinds = schema()
    asked = []
    for name in onboarding_of(company().onboarding).verify:
        if name == NAME:
            asked.append(Question("given_name", labels["given_name"]))
            asked.append(Question("family_name", labels["family_name"]))
        else:
            kind = "date" if kinds.get(name) is AttributeType.DATE else "text"
            kind = "tel" if name in _PHONES else kind
            asked.append(Question(name, labels.get(name, name), kind))
    return asked


def send_code(row: Pairing) -> OneTimeCode:
    """Send a new code; earlier ones of this pairing are void. Raises `TooOften`."""
    invitation = _invitation(row)
    count(Limit.CODE_SENT, invitation.person_id)
    with transaction.atomic():
        OneTimeCode.objects.filter(pairing=row, used_at=None).update(used_at=now())
        code = OneTimeCode.objects.create(
            pairing=row, sent_to=invitation.sent_to, expires_at=now() + CODE_VALID
        )
        letters.queue(Letter.Kind.CODE, to=invitation.sent_to, code=code)
    return code


def mint(code: OneTimeCode) -> str:
    """The digits, for the letter that is about to go out. Only their keyed digest is kept."""
    digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    code.digest = keyed(_PURPOSE, str(code.pairing_id), digits)
    code.save(update_fields=["digest"])
    return digits


def check_code(row: Pairing, typed: str) -> None:
    """The code has come back: the address is the person's. Raises `CodeRefused`, `TooOften`."""
    invitation = _invitation(row)
    count(Limit.CODE_TRIED, invitation.person_id)
    digits = "".join(c for c in typed if c.isdigit())[: 2 * DIGITS]
    wrong = True
    with transaction.atomic():
        # The try is kept whatever comes of it, so nothing is raised inside.
        code = (
            OneTimeCode.objects.select_for_update()
            .filter(pairing=row, used_at=None, expires_at__gt=now(), digest__isnull=False)
            .first()
        )
        if code is not None:
            code.tries += 1
            wrong = not same(code.digest, keyed(_PURPOSE, str(row.pk), digits))
            if not wrong or code.tries >= _TRIES_OF_A_CODE:
                code.used_at = now()
            code.save(update_fields=["tries", "used_at"])
        if not wrong:
            Pairing.objects.filter(pk=row.pk).update(address_proven_at=now())
            row.address_proven_at = now()
            if invitation.vouched or not questions():
                _verified(row, invitation)
    if code is None:
        raise CodeRefused("This code has expired or been used up. Have a new one sent.")
    if wrong and code.used_at is not None:
        raise CodeRefused("That was wrong too often. Have a new code sent.")
    if wrong:
        raise CodeRefused("This is not the code. Look at the latest message.")


@transaction.atomic
def check_claims(row: Pairing, given: Mapping[str, str]) -> Outcome:
    """Compare everything that was typed with what HR has, all of it, whichever is wrong."""
    invitation = Invitation.objects.select_for_update().get(pk=_invitation(row).pk)
    person = invitation.person
    if row.address_proven_at is None:
        raise CodeRefused("Enter the code first.")
    if Review.objects.filter(person=person, decided_at=None).exists():
        return Outcome.WAITS
    if (onboarding_of(company().onboarding).wallet or {}).get("required"):
        raise CodeRefused("This is shown from your wallet, not typed. Begin again at the computer.")
    asked = questions()
    typed = {q.name: str(given.get(q.name, ""))[:_LONGEST_CLAIM] for q in asked}
    right = [_agree(q, typed[q.name], person) for q in asked]
    if all(right):
        _verified(row, invitation)
        return Outcome.RIGHT
    invitation.claim_tries += 1
    invitation.save(update_fields=["claim_tries"])
    if invitation.claim_tries < _TRIES_OF_CLAIMS:
        return Outcome.TRY_AGAIN
    _to_a_person(row, invitation, typed)
    return Outcome.WAITS


@transaction.atomic
def check_shown(row: Pairing, given: Mapping[str, str], *, by: str) -> bool:
    """Compare what a wallet has shown, attested by an issuer. It is no typing mistake, so what
    differs goes to a person at once. Nobody outside is told which it was."""
    invitation = Invitation.objects.select_for_update().get(pk=_invitation(row).pk)
    person, asked = invitation.person, questions()
    typed = {q.name: str(given.get(q.name, ""))[:_LONGEST_CLAIM] for q in asked}
    right = [_agree(q, typed[q.name], person) for q in asked]
    if asked and all(right):
        row.claims_proven_at = now()
        row.save(update_fields=["claims_proven_at"])
        after = {"wallet": by, "claims": [q.name for q in asked]}
        told(Action.IDENTITY_VERIFIED, person, after=after)
        return True
    if not Review.objects.filter(person=person, decided_at=None).exists():
        _to_a_person(row, invitation, typed)
    return False


def waits(row: Pairing) -> bool:
    """Whether somebody has to look at the claims first."""
    return Review.objects.filter(invitation=row.invitation, decided_at=None).exists()


def open_reviews(*, most: int) -> tuple[list[Review], int]:
    """What waits for an administrator, the oldest first, and how many they are."""
    rows = Review.objects.filter(decided_at=None)
    found = list(rows.select_related("person")[:most])
    return found, len(found) if len(found) < most else rows.count()


def review_of(person: Person) -> Review | None:
    """What waits for an administrator about this person."""
    return Review.objects.filter(person=person, decided_at=None).first()


def review_by_pk(pk: int) -> Review | None:
    """One of them, as long as nobody has decided."""
    rows = Review.objects.filter(pk=pk, decided_at=None)
    return rows.select_related("person", "invitation").first()


@dataclass(frozen=True, slots=True)
class Compared:
    """What was typed beside what HR has."""

    label: str
    given: str
    known: str
    same: bool


def compared(review: Review) -> list[Compared]:
    """For the administrator, who may see both."""
    person = review.person
    return [
        Compared(
            q.label,
            str(review.given.get(q.name, "")),
            str(person.attributes.get(q.name) or ""),
            _agree(q, str(review.given.get(q.name, "")), person),
        )
        for q in questions()
    ]


@transaction.atomic
def approve(*, review: Review, reason: str) -> Invitation:
    """It is them all the same: a new invitation goes out that does not ask again. By whoever is
    acting. Raises `ValueError` without a reason, or when somebody else was quicker."""
    row = _decide(review, reason, approved=True)
    told(Action.IDENTITY_VOUCHED, row.person, by_them=False, reason=reason)
    return invitations.invite(person=row.person, reason=reason, vouched=True)


@transaction.atomic
def reject(*, review: Review, reason: str) -> None:
    """It is not them: the invitation is worth nothing any more."""
    row = _decide(review, reason, approved=False)
    told(Action.IDENTITY_REJECTED, row.person, by_them=False, reason=reason)
    invitations.withdraw(person=row.person, reason=reason)


def _decide(review: Review, reason: str, *, approved: bool) -> Review:
    if not reason.strip():
        raise ValueError("Say how you know. The reason is kept in the audit trail.")
    row = Review.objects.select_for_update().select_related("person").get(pk=review.pk)
    if row.decided_at is not None:
        raise ValueError("Somebody else has decided this already.")
    row.decided_at, row.decided_by = now(), actor()[:200]
    row.approved, row.reason = approved, reason.strip()
    # What was typed is not needed any more, and may be what it is not theirs to know.
    row.given = {}
    row.save(update_fields=["decided_at", "decided_by", "approved", "reason", "given"])
    return row


def _to_a_person(row: Pairing, invitation: Invitation, typed: Mapping[str, str]) -> None:
    person = invitation.person
    Review.objects.create(
        invitation=invitation,
        person=person,
        given=dict(typed),
        address=row.address,
        browser=row.browser,
    )
    told(Action.IDENTITY_DOUBTED, person, after={"from": row.address, "computer": row.browser})


def _verified(row: Pairing, invitation: Invitation) -> None:
    row.claims_proven_at = now()
    row.save(update_fields=["claims_proven_at"])
    told(
        Action.IDENTITY_VERIFIED,
        invitation.person,
        after={"code": True, "claims": [] if invitation.vouched else [q.name for q in questions()]},
    )


def _invitation(row: Pairing) -> Invitation:
    assert row.invitation is not None
    invitations.check(row.invitation)
    return row.invitation


def _agree(question: Question, typed: str, person: Person) -> bool:
    """What HR does not have agrees with nothing."""
    known = person.attributes.get(question.name)
    if known in (None, ""):
        return False
    one, other = _canonical(question, typed), _canonical(question, known)
    return bool(other) and same(one.encode(), other.encode())


def _canonical(question: Question, value: Any) -> str:
    """As people write the same thing in several ways: accents, case, spaces, dashes."""
    text = unicodedata.normalize("NFKD", str(value)).casefold()
    if question.kind == "tel":
        return "".join(c for c in text if c.isdigit())[-_PHONE_DIGITS:]
    return "".join(c for c in text if c.isalnum())
