"""Having an application void everything that somebody has there: Global Token Revocation
(draft-parecki-oauth-global-token-revocation; Okta's Universal Logout speaks it). One request, by a
JWT that we sign or a token that the application gave."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from tenure.applications.models import Account, Application
from tenure.configuration.document_sso import GlobalRevocation
from tenure.core.model import Situation
from tenure.infra.clock import now
from tenure.people.endings import CLOSED
from tenure.people.models import Person
from tenure.sso import outbox
from tenure.sso.models import ApplicationSession, Notice
from tenure.sso.oidc import jose
from tenure.sso.oidc.addresses import issuer
from tenure.sso.policies import NotConfigured, settings_of
from tenure.vault.services import resolve

KIND: Final = "sso.revocation"
WORDS: Final = "Global token revocation"
#: `typ` of the token that says who asks, so that it is taken for nothing else (RFC 8725, 3.11).
_TYPE: Final = "global-token-revocation+jwt"
_VALID: Final = timedelta(minutes=2)
_CANNOT: Final = (400, 405, 410, 415, 422, 501)


def order_of(application: Application) -> GlobalRevocation | None:
    """None where the application takes none."""
    try:
        return settings_of(application).global_token_revocation
    except NotConfigured:
        return None


def of_people(people: Sequence[Person], because: str) -> int:
    """Wherever these people were signed in, or have an account. Those whose access has ended are
    told of once for the state that they are in. Returns how many notices."""
    orders = _orders()
    if not orders or not people:
        return 0
    by_key = {person.pk: person for person in people}
    pairs = set(
        ApplicationSession.objects.filter(person__in=by_key, application__in=orders)
        .order_by()
        .values_list("person_id", "application_id")
    ) | set(
        Account.objects.filter(
            person__in=by_key, application__in=orders, situation=Situation.LINKED.value
        )
        .order_by()
        .values_list("person_id", "application_id")
    )
    return _post([(by_key[who], orders[where]) for who, where in sorted(pairs)], because)


def of_sessions(sessions: Iterable[ApplicationSession], because: str) -> int:
    """Where these sessions were: their people are not to have the application any more."""
    pairs = {(one.person_id, one.application_id): (one.person, one.application) for one in sessions}
    wanted = [pair for pair in pairs.values() if order_of(pair[1]) is not None]
    return _post(wanted, because)


def _post(pairs: Sequence[tuple[Person, Application]], because: str) -> int:
    count = 0
    told = _told([person for person, _ in pairs])
    for person, application in pairs:
        order = order_of(application)
        cause = _cause(person, because)
        if order is None or (person.pk, application.pk, cause) in told:
            continue
        subject = _subject(order, person, application)
        if subject is None:
            continue
        outbox.post(
            KIND,
            address=order.address,
            # As it is set up now: it may be turned off before this is sent.
            payload={
                "subject": subject,
                "cause": cause,
                "member": order.member,
                "token": order.token,
            },
            application=application,
            person=person,
            wakes=False,
        )
        count += 1
    if count:
        outbox.wake(KIND)
    return count


def _told(people: Sequence[Person]) -> set[tuple[Any, ...]]:
    rows = Notice.objects.filter(kind=KIND, person__in=[person.pk for person in people])
    return set(rows.values_list("person_id", "application_id", "payload__cause"))


def _cause(person: Person, because: str) -> str:
    if person.state in CLOSED:
        return f"{person.state} since {person.state_since}"
    return f"{because} {now().isoformat()}"


def _orders() -> dict[int, Application]:
    rows = Application.objects.exclude(single_sign_on={})
    return {row.pk: row for row in rows if order_of(row) is not None}


def _subject(
    order: GlobalRevocation, person: Person, application: Application
) -> Mapping[str, str] | None:
    """As RFC 9493 has it; None where this person has no such name."""
    if order.subject == "email":
        return {"format": "email", "email": person.email} if person.email else None
    if order.subject == "iss_sub":
        rows = ApplicationSession.objects.filter(person=person, application=application)
        last = rows.order_by("-id").first()
        if last is None or not last.subject:
            return None
        return {"format": "iss_sub", "iss": issuer(), "sub": last.subject}
    account = (
        Account.objects.filter(
            person=person, application=application, situation=Situation.LINKED.value
        )
        .order_by("-id")
        .first()
    )
    return {"format": "opaque", "id": account.remote_id} if account is not None else None


class RevocationSender:
    """See `outbox.Sender`."""

    def prepare(self, notice: Notice) -> outbox.Prepared:
        said = notice.payload
        body = json.dumps({said["member"]: said["subject"]}).encode()
        token = resolve(said["token"]) if said["token"] else _signed(notice.address)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return outbox.Prepared(body, "application/json", headers)

    def arrived(self, notice: Notice, reply: outbox.Reply) -> bool:
        """204 is what the draft says; 404 says that there is nobody to be signed out."""
        return 200 <= reply.status < 300 or reply.status == 404

    def hopeless(self, notice: Notice, reply: outbox.Reply) -> bool:
        """It does not understand, or cannot: the same again would be answered the same."""
        return reply.status in _CANNOT


def _signed(address: str) -> str:
    """Who asks, for this endpoint alone and for two minutes (RFC 7523, 3)."""
    at = now()
    claims = {
        "iss": issuer(),
        "sub": issuer(),
        "aud": address,
        "iat": int(at.timestamp()),
        "exp": int((at + _VALID).timestamp()),
        "jti": secrets.token_urlsafe(16),
    }
    return jose.signed(claims, "RS256", kind=_TYPE)
