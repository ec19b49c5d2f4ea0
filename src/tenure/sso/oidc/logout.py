"""Signing out that an application begins (OpenID Connect RP-Initiated Logout 1.0). Who is signed
in, and whether they are asked first, is the page's."""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oidc.rpinitiated import EndSessionEndpoint, EndSessionRequest
from joserfc.jwk import KeySet

from tenure.sso.oidc import jose
from tenure.sso.oidc.addresses import issuer

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


class EndSession(EndSessionEndpoint):  # type: ignore[misc]
    """A hint is a token of ours, for the client that asks; without one nobody is sent anywhere."""

    def get_server_jwks(self) -> KeySet:
        return jose.public_keys()

    def get_algorithms(self) -> list[str]:
        return jose.ALGORITHMS

    def _validate_id_token_hint(self, id_token_hint: str) -> dict[str, Any]:
        found: dict[str, Any] = super()._validate_id_token_hint(id_token_hint)
        if found.get("iss") != issuer() or "events" in found:
            raise InvalidRequestError("The id_token_hint is no ID token of this issuer.")
        return found

    def end_session(self, end_session_request: EndSessionRequest) -> None:
        """Only the page has the browser whose session ends: it has ended it before it asks for
        the answer."""
