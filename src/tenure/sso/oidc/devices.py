"""Devices without a browser (RFC 8628): what they are given, and what somebody who is signed in
decides about them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import UnauthorizedClientError
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE, DeviceAuthorizationEndpoint
from django.db import transaction

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.signin.tokens import digest, keyed
from tenure.sso.entering import Visit, enter, enter_apart
from tenure.sso.models import DeviceRequest
from tenure.sso.oidc import grants
from tenure.sso.oidc.addresses import address
from tenure.sso.oidc.claims import authentication, claims_of
from tenure.sso.oidc.clients import Client, client_of
from tenure.sso.oidc.flows import METHODS
from tenure.sso.oidc.requests import ProtocolRequest

_VALID: Final = timedelta(minutes=10)
_LETTERS: Final = 8


class DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    """RFC 8628, section 3.1."""

    CLIENT_AUTH_METHODS: Final = METHODS
    EXPIRES_IN: Final = int(_VALID.total_seconds())

    def authenticate_client(self, request: ProtocolRequest) -> Client:
        client: Client = super().authenticate_client(request)
        if not client.check_grant_type(DEVICE_CODE_GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use the grant of devices.")
        return client

    def get_verification_uri(self) -> str:
        return address("device")

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        client = self.server.query_client(client_id)
        DeviceRequest.objects.create(
            digest=digest(data["device_code"]),
            user_code=_keyed(data["user_code"]),
            application=client.application,
            scope=client.get_allowed_scope(scope),
            expires_at=now() + _VALID,
        )


def waiting(user_code: str) -> DeviceRequest | None:
    """The device that shows this code, as long as nobody has decided."""
    return (
        DeviceRequest.objects.select_related("application")
        .filter(user_code=_keyed(user_code), expires_at__gt=now(), allowed=None)
        .first()
    )


@transaction.atomic
def allow(user_code: str, who: Visit) -> bool:
    """The device is signed in as this person. False where somebody was quicker. Raises
    `ClaimProblem`."""
    row = _taken(user_code)
    if row is None or row.application_id != who.application.pk:
        return False
    client = client_of(row.application)
    told = claims_of(client, who.person, who.standing.given, row.scope.split())
    enter(who, subject=told["sub"], details={"client_id": client.client_id})
    session = enter_apart(
        who, subject=told["sub"], details={"client_id": client.client_id, "apart": "device"}
    )
    row.grant = grants.open_grant(
        client, session=session, scope=row.scope, told=authentication(who.session)
    )
    row.allowed = True
    row.save(update_fields=["grant", "allowed"])
    return True


@transaction.atomic
def deny(user_code: str) -> Application | None:
    """It is not. Returns of which application it was."""
    row = _taken(user_code)
    if row is None:
        return None
    row.allowed = False
    row.save(update_fields=["allowed"])
    return row.application


def _taken(user_code: str) -> DeviceRequest | None:
    return (
        DeviceRequest.objects.select_for_update(of=("self",))
        .select_related("application")
        .filter(user_code=_keyed(user_code), expires_at__gt=now(), allowed=None)
        .first()
    )


def _keyed(user_code: str) -> bytes:
    """Without regard to case and to what stands between the letters."""
    plain = "".join(c for c in user_code.upper() if c.isascii() and c.isalnum())[: 2 * _LETTERS]
    return keyed("device code", "", plain)
