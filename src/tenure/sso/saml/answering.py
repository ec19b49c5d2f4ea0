"""From somebody who may sign in to the answer that lets them in, and from a request that cannot be
met to the answer that says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from django.db import transaction

from tenure.core.model import Attributes
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.saml import assertions, contexts
from tenure.saml.assertions import SignedIn, Statement
from tenure.saml.contexts import Requested
from tenure.saml.errors import Answered
from tenure.saml.names import NAME_ID_FORMATS, Status
from tenure.saml.requests import AuthnRequest
from tenure.signin.endings import LONGEST
from tenure.sso.entering import Visit, enter
from tenure.sso.models import UNTIL, ApplicationSession
from tenure.sso.saml import identity, told
from tenure.sso.saml.registered import Registered


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a checked request asks for, so that it can wait until somebody has signed in. `id` "":
    nobody asked, sign-in began with us."""

    application: str
    consumer: str
    format: str
    id: str = ""
    relay_state: str = ""
    force: bool = False
    passive: bool = False
    classes: tuple[str, ...] = ()
    comparison: str = "exact"
    subject: str = ""
    at: datetime = field(default_factory=now)

    @classmethod
    def of(
        cls, request: AuthnRequest, known: Registered, *, consumer: str, form: str, relay: str
    ) -> Self:
        return cls(
            application=known.application.slug,
            consumer=consumer,
            format=form,
            id=request.head.id,
            relay_state=relay,
            force=request.force,
            passive=request.passive,
            classes=request.context.classes if request.context else (),
            comparison=request.context.comparison if request.context else "exact",
            subject=request.subject.value if request.subject else "",
        )

    @classmethod
    def unasked(cls, known: Registered) -> Self:
        return cls(
            application=known.application.slug,
            consumer=known.service.consumer.location,
            format=known.service.usual_format,
            relay_state=known.saml.relay_state,
        )

    @classmethod
    def stored(cls, data: dict[str, Any]) -> Self:
        return cls(
            **{
                **data,
                "classes": tuple(data["classes"]),
                "at": datetime.fromisoformat(data["at"]),
            }
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "consumer": self.consumer,
            "format": self.format,
            "id": self.id,
            "relay_state": self.relay_state,
            "force": self.force,
            "passive": self.passive,
            "classes": list(self.classes),
            "comparison": self.comparison,
            "subject": self.subject,
            "at": self.at.isoformat(),
        }

    @property
    def context(self) -> Requested | None:
        return contexts.requested(self.classes, self.comparison) if self.classes else None


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that the browser posts to the application."""

    address: str
    xml: bytes
    relay_state: str = ""
    field: str = "SAMLResponse"


@dataclass(frozen=True, slots=True)
class Said:
    """What an application is told of a person."""

    name_id: str
    format: str
    context: str
    statements: list[Statement]


def what_is_said(
    known: Registered,
    person: Person,
    attributes: Attributes,
    wanted: Wanted,
    *,
    session: ApplicationSession | None = None,
    by_passkey: bool = True,
) -> Said:
    """`attributes` are the person's, groups included; `session` the one that goes on. Raises
    `told.CannotTell`, and `Answered` where the application is to be told that its request cannot
    be met."""
    name = told.name_id(
        known.saml,
        wanted.format,
        person,
        attributes,
        entity_id=known.service.entity_id,
        session=session,
    )
    if wanted.subject and wanted.subject.casefold() != name.casefold():
        raise Answered(
            f"The application asks for {wanted.subject[:200]}, and {person.display_name} is signed "
            "in here.",
            status=Status.RESPONDER,
            detail=Status.UNKNOWN_PRINCIPAL,
        )
    context = contexts.said(wanted.context, passkey=by_passkey)
    return Said(name, wanted.format, context, told.statements(known.saml, attributes))


@transaction.atomic
def let_in(known: Registered, who: Visit, wanted: Wanted) -> Posted:
    """Their session at the application begins. Raises as `what_is_said` and `enter`."""
    said = what_is_said(
        known,
        who.person,
        who.standing.given.attributes,
        wanted,
        session=told.session_of(who.session.pk, who.application.pk),
        by_passkey=who.session.passkey_at is not None,
    )
    until = who.session.began_at + LONGEST
    session = enter(
        who,
        subject=said.name_id,
        details={
            "format": said.format,
            "entity_id": known.service.entity_id,
            "consumer": wanted.consumer,
            UNTIL: until.isoformat(),
        },
    )
    made = response(
        known,
        said,
        wanted,
        session=session.sid,
        at=who.session.passkey_at or who.session.began_at,
        until=until,
    )
    return Posted(wanted.consumer, made.xml, wanted.relay_state)


def response(
    known: Registered, said: Said, wanted: Wanted, *, session: str, at: datetime, until: datetime
) -> assertions.Made:
    """The answer as it is posted: signed in `at`, which holds `until`."""
    return assertions.response(
        known.service,
        SignedIn(
            name_id=said.name_id,
            format=said.format,
            session=session,
            at=at,
            until=until,
            context=said.context,
            statements=said.statements,
        ),
        issuer=identity.places().entity_id,
        destination=wanted.consumer,
        in_response_to=wanted.id,
        at=now(),
        pair=identity.pair_for(known.saml.key),
    )


def turned_down(
    known: Registered, *, consumer: str, id: str, relay_state: str, error: Answered
) -> Posted:
    """The answer that says to the application why not."""
    made = assertions.refusal(
        issuer=identity.places().entity_id,
        destination=consumer,
        in_response_to=id,
        at=now(),
        pair=identity.pair_for(known.saml.key),
        status=error.status,
        detail=error.detail,
        text=str(error),
    )
    return Posted(consumer, made.xml, relay_state)


def needs_a_passkey(wanted: Wanted) -> bool:
    """Whether only a sign-in by passkey is good enough for the application."""
    return contexts.needs_passkey(wanted.context)


def is_pairwise(form: str) -> bool:
    """Whether such a name means something only between the application and us."""
    return form in (NAME_ID_FORMATS["persistent"], NAME_ID_FORMATS["transient"])
