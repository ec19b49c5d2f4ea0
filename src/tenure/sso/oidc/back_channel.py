"""Telling an application that a session has ended (OpenID Connect Back-Channel Logout 1.0). The
token is signed when it is sent: it lives two minutes."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from tenure.infra.clock import now
from tenure.sso import outbox
from tenure.sso.models import ApplicationSession, Notice
from tenure.sso.oidc import jose
from tenure.sso.oidc.addresses import issuer
from tenure.sso.oidc.clients import client_of
from tenure.sso.oidc.logout import EVENT
from tenure.sso.policies import NotConfigured

KIND: Final = "oidc.logout"
_VALID: Final = timedelta(minutes=2)


def tell(session: ApplicationSession) -> None:
    """Write a notice for the application of this session, where it wants one. What was apart from
    any session of a browser is told of by `sub` alone, which means all that it has of the
    person."""
    try:
        client = client_of(session.application)
    except NotConfigured:
        return
    to = client.settings.backchannel_logout_uri
    if not to:
        return
    payload: dict[str, Any] = {
        "aud": session.details.get("client_id", client.client_id),
        "sub": session.subject,
        "alg": client.id_token_signed_response_alg,
    }
    if not session.details.get("apart"):
        payload["sid"] = session.sid
    else:
        # Section 2.4: by `sub` alone all that it has of the person is meant.
        payload[outbox.ENDS] = outbox.Ends.EVERYTHING.value
    outbox.post(
        KIND,
        address=to,
        payload=payload,
        application=session.application,
        person=session.person,
        session=session,
    )


class LogoutSender:
    """Section 2.5: a form with the token; 200 means that it was done."""

    def prepare(self, notice: Notice) -> outbox.Prepared:
        at, payload = now(), dict(notice.payload)
        algorithm = payload.pop("alg")
        payload.pop(outbox.ENDS, None)
        claims = {
            **payload,
            "iss": issuer(),
            "iat": int(at.timestamp()),
            "exp": int((at + _VALID).timestamp()),
            "jti": secrets.token_urlsafe(16),
            "events": {EVENT: {}},
        }
        token = jose.signed(claims, algorithm, kind="logout+jwt")
        body = urlencode({"logout_token": token}).encode()
        return outbox.Prepared(body, "application/x-www-form-urlencoded")

    def arrived(self, notice: Notice, reply: outbox.Reply) -> bool:
        # Section 2.8: 200; some frameworks make 204 of an empty answer.
        return reply.status in (200, 204)

    def hopeless(self, notice: Notice, reply: outbox.Reply) -> bool:
        # Section 2.8: 400 means that the token is not taken, and the next would not be either.
        return reply.status == 400
