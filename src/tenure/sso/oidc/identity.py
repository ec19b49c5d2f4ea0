"""ID tokens and userinfo: the library's, with our keys and claims."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oidc.core import UserInfoEndpoint
from authlib.oidc.core.grants import OpenIDCode, OpenIDToken
from joserfc.jwk import ECKey, RSAKey

from tenure.infra.clock import now
from tenure.provisioning.questions.standing import Standings
from tenure.sso.oidc import jose
from tenure.sso.oidc.addresses import issuer
from tenure.sso.oidc.claims import ClaimProblem, claims_of
from tenure.sso.oidc.clients import Client, client_of
from tenure.sso.oidc.grants import Whom
from tenure.sso.oidc.requests import ProtocolRequest

_log = logging.getLogger(__name__)
ID_TOKEN_VALID: Final = timedelta(minutes=10)


class IdentityToken(OpenIDToken):  # type: ignore[misc]
    """Adds an ID token to a token's answer. One for each request: it keeps the key."""

    _key: RSAKey | ECKey | None = None

    def get_encode_header(self, client: Client) -> dict[str, str]:
        key = self.resolve_client_private_key(client)
        return {"alg": self.get_client_algorithm(client), "kid": str(key.kid), "typ": "JWT"}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        ends = now() + ID_TOKEN_VALID
        return {"iss": issuer(), "aud": client.client_id, "exp": int(ends.timestamp())}

    def resolve_client_private_key(self, client: Client) -> RSAKey | ECKey:
        if self._key is None:
            self._key = jose.signing_key(self.get_client_algorithm(client))
        return self._key

    def generate_user_info(self, user: Whom, scope: str) -> dict[str, Any]:
        """What is told of the person, and how they had signed in."""
        return {**_told(user, scope), **user.grant.told}


class IdentityOfCode(IdentityToken, OpenIDCode):  # type: ignore[misc]
    """The same for authorization codes, with their nonce."""

    def exists_nonce(self, nonce: str, request: ProtocolRequest) -> bool:
        """A code is used once, and a nonce is the client's own affair (section 15.5.2)."""
        return False


class UserInfoOf(UserInfoEndpoint):  # type: ignore[misc]
    """OpenID Connect Core, section 5.3."""

    def __call__(self, request: ProtocolRequest) -> tuple[int, Any, Any]:
        token = self.resource_protector.validate_request(["openid"], request)
        user = token.get_user()
        if user is None:
            # A client's own token, whatever scope it asked for (RFC 6750, section 3.1).
            raise InvalidTokenError("Nobody stands behind this token.")
        return 200, self.generate_user_info(user, token.scope), default_json_headers

    def generate_user_info(self, user: Whom, scope: str) -> dict[str, Any]:
        return _told(user, scope)


def _told(user: Whom, scope: str) -> dict[str, Any]:
    application = user.grant.application
    standings = Standings([user.person], [application], now())
    given = standings.given(user.person, application, came_in=True)
    try:
        return claims_of(client_of(application), user.person, given, scope.split())
    except ClaimProblem as error:
        # Before a code is given they were all there: something of the person has changed since.
        _log.warning("%s at %s: %s", user.person.uid, application.slug, error)
        raise InvalidGrantError("What is to be told of this person is not known here.") from error
