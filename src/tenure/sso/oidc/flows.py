"""The flows of the library with our storage beneath: authorization code with PKCE for everybody,
refresh with rotation, a client's own credentials, devices.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749 import grants as library
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceCodeGrant as LibraryDeviceCodeGrant
from django.db.models import Q

from tenure.infra.clock import now
from tenure.signin.tokens import digest
from tenure.sso.models import Code, DeviceRequest, Token
from tenure.sso.oidc import grants
from tenure.sso.oidc.clients import Client, client_of
from tenure.sso.oidc.grants import KeptCode, KeptToken, Whom, whom
from tenure.sso.oidc.requests import ProtocolRequest

METHODS: Final = ["client_secret_basic", "client_secret_post", "none"]
POLL_EVERY: Final = timedelta(seconds=5)


class ProofOfCode(CodeChallenge):  # type: ignore[misc]
    """PKCE by S256, of every client (RFC 9700, section 2.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD: Final = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        given = grant.request.payload.data
        if not given.get("code_challenge") or given.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: code_challenge, with the method S256.")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(library.AuthorizationCodeGrant):  # type: ignore[misc]
    """RFC 6749, section 4.1."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = METHODS

    def save_authorization_code(self, code: str, request: ProtocolRequest) -> None:
        given = request.payload.data
        grants.keep_code(
            request.granted,
            code,
            redirect_uri=given["redirect_uri"],
            challenge=given["code_challenge"],
            nonce=given.get("nonce", ""),
        )

    def query_authorization_code(self, code: str, client: Client) -> KeptCode | None:
        """Taken here, so that of two that come at once one is refused. One that was taken before
        has been stolen: nothing that came of it works any more (section 4.1.2)."""
        row = (
            Code.objects.select_for_update(of=("self",))
            .filter(digest=digest(code), grant__application=client.application)
            .first()
        )
        if row is None:
            return None
        if row.used_at is not None:
            grants.revoke(Q(pk=row.grant_id), "an authorization code was shown a second time")
            return None
        row.used_at = now()
        row.save(update_fields=["used_at"])
        row.grant = grants.held(row.grant_id)
        if row.used_at >= row.expires_at or grants.dead(row.grant):
            return None
        self.request.granted = row.grant
        return KeptCode(row)

    def delete_authorization_code(self, authorization_code: KeptCode) -> None:
        """It stays, used up: whoever shows it again is found out."""

    def authenticate_user(self, authorization_code: KeptCode) -> Whom | None:
        return whom(authorization_code.row.grant)


class RefreshGrant(library.RefreshTokenGrant):  # type: ignore[misc]
    """RFC 6749, section 6, and rotation as RFC 9700 has it (section 4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = METHODS
    INCLUDE_NEW_REFRESH_TOKEN: Final = True

    def authenticate_refresh_token(self, refresh_token: str) -> KeptToken | None:
        row = grants.find_token(refresh_token, lock=True)
        if row is None or row.kind != Token.Kind.REFRESH:
            return None
        found = KeptToken(row)
        if not found.check_client(self.request.client):
            return None
        if row.used_at is not None:
            grants.revoke(Q(pk=row.grant_id), "a refresh token was shown a second time")
            return None
        if found.is_expired() or found.is_revoked():
            return None
        self.request.granted = row.grant
        return found

    def authenticate_user(self, refresh_token: KeptToken) -> Whom | None:
        return whom(refresh_token.row.grant)

    def revoke_old_credential(self, refresh_token: KeptToken) -> None:
        Token.objects.filter(pk=refresh_token.row.pk).update(used_at=now())


class ClientGrant(library.ClientCredentialsGrant):  # type: ignore[misc]
    """RFC 6749, section 4.4: nobody stands behind it."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = METHODS[:2]


class DeviceGrant(LibraryDeviceCodeGrant):  # type: ignore[misc]
    """RFC 8628, section 3.4."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = METHODS

    def query_device_credential(self, device_code: str) -> KeptDevice | None:
        row = (
            DeviceRequest.objects.select_for_update(of=("self",))
            .select_related("application")
            .filter(digest=digest(device_code))
            .first()
        )
        if row is not None and row.grant_id is not None:
            row.grant = grants.held(row.grant_id)
        return KeptDevice(row) if row else None

    def validate_device_credential(self, credential: KeptDevice) -> Whom:
        row = credential.row
        if row.used_at is not None:
            if row.grant_id:
                grants.revoke(Q(pk=row.grant_id), "a device code was shown a second time")
            raise InvalidGrantError("The device code has been used.")
        found: Whom = super().validate_device_credential(credential)
        assert row.grant is not None
        if grants.dead(row.grant):
            raise InvalidGrantError("Access has ended.")
        DeviceRequest.objects.filter(pk=row.pk).update(used_at=now())
        self.request.granted = row.grant
        return found

    def query_user_grant(self, user_code: DeviceRequest) -> tuple[Whom | None, bool] | None:
        row = user_code
        if row.allowed is None:
            return None
        return whom(row.grant) if row.grant else None, row.allowed

    def should_slow_down(self, credential: KeptDevice) -> bool:
        row, at = credential.row, now()
        soon = row.polled_at is not None and at - row.polled_at < POLL_EVERY
        DeviceRequest.objects.filter(pk=row.pk).update(polled_at=at)
        return soon


class KeptDevice:
    """A device that waits, as the library asks of it."""

    def __init__(self, row: DeviceRequest) -> None:
        self.row = row

    def get_client_id(self) -> str:
        return client_of(self.row.application).client_id

    def get_scope(self) -> str:
        return self.row.scope

    def get_user_code(self) -> DeviceRequest:
        """Only its digest is kept, so the row stands for it."""
        return self.row

    def is_expired(self) -> bool:
        return now() >= self.row.expires_at
