"""The authorization server: the library's, told how clients are found, tokens kept and answers
given; and its endpoints. One for the installation."""

from __future__ import annotations

from typing import Any, Final

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ResourceProtector
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9207 import IssuerParameter
from django.db.models import Q
from django.http import HttpResponse

from tenure.infra.clock import now
from tenure.signin.tokens import new_token
from tenure.sso.models import Grant, Token
from tenure.sso.oidc import grants
from tenure.sso.oidc.addresses import issuer
from tenure.sso.oidc.clients import Client, client_called
from tenure.sso.oidc.devices import DeviceEndpoint
from tenure.sso.oidc.flows import (
    METHODS,
    ClientGrant,
    CodeGrant,
    DeviceGrant,
    ProofOfCode,
    RefreshGrant,
)
from tenure.sso.oidc.grants import KeptToken
from tenure.sso.oidc.identity import IdentityOfCode, IdentityToken, UserInfoOf
from tenure.sso.oidc.logout import EndSession
from tenure.sso.oidc.requests import Asked, ProtocolRequest, answer, asked_by


class Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's, over our tables."""

    def query_client(self, client_id: str) -> Client | None:
        return client_called(client_id)

    def save_token(self, token: dict[str, Any], request: ProtocolRequest) -> None:
        """Keep what was just made. What a client gets for itself begins a grant of its own."""
        client: Client = request.client
        granted: Grant | None = getattr(request, "granted", None)
        scope = token.get("scope", "")
        if granted is None:
            granted = grants.open_grant(client, session=None, scope=scope, told={})
        lives = client.settings.access_token_lifetime
        kept = (granted, token["access_token"], Token.Kind.ACCESS)
        grants.keep_token(*kept, scope=scope, lives=lives)
        if "refresh_token" in token:
            lives = client.settings.refresh_token_lifetime
            # It keeps the whole scope, also where less was asked for this time (section 6).
            again = (granted, token["refresh_token"], Token.Kind.REFRESH)
            grants.keep_token(*again, scope=granted.scope, lives=lives)

    def create_oauth2_request(self, request: Any) -> ProtocolRequest:
        if isinstance(request, ProtocolRequest):
            return request
        return ProtocolRequest(request if isinstance(request, Asked) else asked_by(request))

    def handle_response(self, status: int, body: Any, headers: Any) -> HttpResponse:
        return answer(status, body, headers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


class Issuer(IssuerParameter):  # type: ignore[misc]
    """Every answer says whose it is, against mix-up (RFC 9207)."""

    def add_issuer_parameter(self, authorization_server: Any, response: HttpResponse) -> None:
        if response.has_header("Location"):
            response["Location"] = add_params_to_uri(response["Location"], {"iss": issuer()})

    def get_issuer(self) -> str:
        return issuer()


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """RFC 7662. A client learns of its own tokens only."""

    CLIENT_AUTH_METHODS: Final = METHODS[:2]

    def check_permission(self, token: KeptToken, client: Client, request: Any) -> bool:
        return token.check_client(client)

    def query_token(self, token_string: str, token_type_hint: str | None) -> KeptToken | None:
        row = grants.find_token(token_string)
        return KeptToken(row) if row else None

    def introspect_token(self, token: KeptToken) -> dict[str, Any]:
        row, client = token.row, token.get_client()
        person = row.grant.person
        told: dict[str, Any] = {
            "active": True,
            "client_id": client.client_id,
            "aud": client.client_id,
            "iss": issuer(),
            "scope": row.scope,
            "iat": int(row.issued_at.timestamp()),
            "exp": int(row.expires_at.timestamp()),
        }
        if row.kind == Token.Kind.ACCESS:
            told["token_type"] = "Bearer"
        if person is not None and row.grant.session is not None:
            told |= {"sub": row.grant.session.subject, "username": person.email}
        else:
            told["sub"] = client.client_id
        return told


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """RFC 7009. A refresh token takes everything of its grant with it."""

    CLIENT_AUTH_METHODS: Final = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> KeptToken | None:
        row = grants.find_token(token_string)
        return KeptToken(row) if row else None

    def authenticate_token(self, request: ProtocolRequest, client: Client) -> KeptToken | None:
        self.check_params(request, client)
        found = self.query_token(request.form["token"], request.form.get("token_type_hint"))
        # Of somebody else's it is not even told that it is one (section 2.1).
        return found if found and found.check_client(client) else None

    def revoke_token(self, token: KeptToken, request: ProtocolRequest) -> None:
        if token.row.kind == Token.Kind.REFRESH:
            grants.revoke(Q(pk=token.row.grant_id), "the application gave it back")
        else:
            Token.objects.filter(pk=token.row.pk, revoked_at=None).update(revoked_at=now())


class _Bearer(BearerTokenValidator):  # type: ignore[misc]
    def authenticate_token(self, token_string: str) -> KeptToken | None:
        row = grants.find_token(token_string)
        return KeptToken(row) if row and row.kind == Token.Kind.ACCESS else None


def server() -> Server:
    """With everything that it speaks. Made for each request: it keeps the key that signs."""
    made = Server()
    made.register_token_generator(
        "default",
        BearerTokenGenerator(
            access_token_generator=_new, refresh_token_generator=_new, expires_generator=_lives
        ),
    )
    made.register_extension(Issuer())
    made.register_grant(CodeGrant, [IdentityOfCode(), ProofOfCode(required=True)])
    made.register_grant(RefreshGrant, [IdentityToken()])
    made.register_grant(ClientGrant)
    made.register_grant(DeviceGrant, [IdentityToken()])
    for endpoint in (DeviceEndpoint, Introspection, Revocation, EndSession):
        made.register_endpoint(endpoint)
    protector = ResourceProtector()
    protector.register_token_validator(_Bearer())
    made.register_endpoint(UserInfoOf(resource_protector=protector))
    return made


def _new(**_: Any) -> str:
    return new_token()


def _lives(client: Client, grant_type: str) -> int:
    return int(client.settings.access_token_lifetime.total_seconds())
