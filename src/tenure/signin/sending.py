"""Sending letters. Tokens and codes are made when the letter goes out, so that they stand nowhere
else. One that cannot be sent is tried again for a while; what the mail server said is kept with it.
"""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Case, F, Q, When
from django.template.loader import render_to_string
from django.urls import reverse

from tenure.infra.clock import now
from tenure.infra.colours import DEFAULT, ink_on
from tenure.infra.secrets import SecretError
from tenure.people.services import company
from tenure.signin.identity import CODE_VALID, mint
from tenure.signin.models import Letter, User
from tenure.signin.services import INVITED, issue_link
from tenure.signin.tokens import digest, new_token

_TRIES: Final = 8
_FIRST_WAIT: Final = timedelta(seconds=20)
_OVER: Final = "It is not needed any more."
#: Whoever sends has so long before another one may try.
_CLAIM: Final = timedelta(minutes=2)
#: Somebody stands there and waits for a code.
_CODES_FIRST: Final = Case(When(kind=Letter.Kind.CODE, then=0), default=1)
#: Errors of a mail server or of the way to it.
FAILURES: Final = (smtplib.SMTPException, OSError, SecretError)


def send_waiting(*, most: int = 500) -> int:
    """Send what is due. Returns how many went out."""
    sent = 0
    for _ in range(most):
        row = _claim()
        if row is None:
            break
        sent += _send(row)
    return sent


def send_test(to: str) -> None:
    """One letter at once, to see whether any leaves. Raises what `FAILURES` has."""
    words = {"text": "This is a test. If you can read it, letters leave the house."}
    compose(to=to, subject="A test of Tenure's letters", template="notice", words=words).send()


def unsent() -> tuple[int, str]:
    """How many letters of the last day could not be sent so far, and the latest error."""
    rows = (
        Letter.objects.filter(sent_at=None, created_at__gt=now() - timedelta(days=1))
        .exclude(error="")
        .exclude(error=_OVER)
    )
    last = rows.order_by("-id").first()
    return rows.count(), last.error if last else ""


def compose(
    *, to: str, subject: str, template: str, words: dict[str, Any]
) -> EmailMultiAlternatives:
    """A message in text and HTML, with the company's name and colour."""
    ours = company()
    colour = ours.colour or DEFAULT
    context = {"company": ours.name, "colour": colour, "ink": ink_on(colour), **words}
    message = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"signin/mail/{template}.txt", context),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
    )
    message.attach_alternative(
        render_to_string(f"signin/mail/{template}.html", {**context, "subject": subject}),
        "text/html",
    )
    return message


def absolute(path: str) -> str:
    """As a browser elsewhere has to be told."""
    return f"{settings.TENURE_URL}{path}"


def _claim() -> Letter | None:
    """The next letter that is due, kept from other senders for a while."""
    at = now()
    with transaction.atomic():
        row = (
            Letter.objects.select_for_update(skip_locked=True)
            .filter(Q(not_before=None) | Q(not_before__lte=at), sent_at=None, given_up_at=None)
            .order_by(_CODES_FIRST, "id")
            .first()
        )
        if row is None:
            return None
        Letter.objects.filter(pk=row.pk).update(not_before=at + _CLAIM, tries=F("tries") + 1)
    return Letter.objects.select_related("invitation__person", "code__pairing", "user").get(
        pk=row.pk
    )


def _send(row: Letter) -> bool:
    message = _compose(row)
    if message is None:
        Letter.objects.filter(pk=row.pk).update(given_up_at=now(), error=_OVER)
        return False
    try:
        message.send()
    except FAILURES as error:
        over = row.tries >= _TRIES or isinstance(error, smtplib.SMTPRecipientsRefused)
        Letter.objects.filter(pk=row.pk).update(
            error=said(error),
            not_before=now() + _FIRST_WAIT * 2 ** (row.tries - 1),
            given_up_at=now() if over else None,
        )
        return False
    Letter.objects.filter(pk=row.pk).update(sent_at=now(), error="")
    return True


def said(error: Exception) -> str:
    """What the mail server said, in one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()), (0, b""))
        return f"The mail server refused the address: {code} {text.decode(errors='replace')}"
    if isinstance(error, smtplib.SMTPResponseException):
        told: bytes | str = error.smtp_error
        words = told.decode(errors="replace") if isinstance(told, bytes) else told
        return f"The mail server answered {error.smtp_code}: {words}"
    if isinstance(error, SecretError):
        return f"The mail server is not known any more, enter it again: {error}"
    return f"The mail server cannot be reached: {error}"


def _compose(row: Letter) -> EmailMultiAlternatives | None:
    """None for what is not worth sending any more."""
    if row.kind == Letter.Kind.INVITATION:
        return _invitation(row)
    if row.kind == Letter.Kind.CODE:
        return _code(row)
    if row.kind == Letter.Kind.ADMINISTRATOR:
        return _administrator(row)
    words = {name: row.words.get(name, "") for name in ("text", "link", "do")}
    return compose(to=row.to, subject=row.words["subject"], template="notice", words=words)


def _invitation(row: Letter) -> EmailMultiAlternatives | None:
    invitation = row.invitation
    if invitation is None or invitation.withdrawn_at or invitation.used_at:
        return None
    # Kept before it is sent: a letter that did go out always works.
    token = new_token()
    invitation.digest = digest(token)
    invitation.save(update_fields=["digest"])
    person = invitation.person
    words = {
        "first_name": person.attributes.get("given_name") or person.display_name,
        "link": absolute(reverse("portal:welcome", args=[token])),
        "expires_at": invitation.expires_at,
        "start_date": person.start_date,
        "again": bool(invitation.reason),
        "upcoming": person.state == "upcoming",
    }
    name = company().name
    subject = f"Your access to {name}" if invitation.reason else f"Welcome to {name}"
    return compose(to=row.to, subject=subject, template="invitation", words=words)


def _code(row: Letter) -> EmailMultiAlternatives | None:
    code = row.code
    if code is None or code.used_at or code.expires_at <= now():
        return None
    digits = mint(code)
    words = {
        "digits": f"{digits[:3]} {digits[3:]}",
        "minutes": int(CODE_VALID.total_seconds() // 60),
        "computer": code.pairing.browser,
        "address": code.pairing.address,
    }
    subject = f"{digits[:3]} {digits[3:]} is your code for {company().name}"
    return compose(to=row.to, subject=subject, template="code", words=words)


def _administrator(row: Letter) -> EmailMultiAlternatives | None:
    user = row.user
    if not isinstance(user, User) or not user.is_active:
        return None
    words = {
        "name": user.name,
        "role": user.get_role_display(),
        "link": absolute(issue_link(name=user.name, valid=INVITED)),
        "hours": int(INVITED.total_seconds() // 3600),
    }
    subject = f"Administrator of {company().name}"
    return compose(to=row.to, subject=subject, template="administrator", words=words)
