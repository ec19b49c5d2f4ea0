"""What we tell of ourselves (OpenID Connect Discovery 1.0, RFC 8414): the same for everybody."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE

from tenure.sso.oidc import jose
from tenure.sso.oidc.addresses import address, issuer
from tenure.sso.oidc.claims import CODE, PASSKEY
from tenure.sso.oidc.clients import SCOPES, Client

_CLAIMS = (
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
    *("name", "given_name", "family_name", "preferred_username", "zoneinfo", "updated_at"),
    *("email", "email_verified", "groups"),
)


def metadata() -> dict[str, Any]:
    """The document."""
    with_secret = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": issuer(),
        "authorization_endpoint": address("authorize"),
        "token_endpoint": address("token"),
        "userinfo_endpoint": address("userinfo"),
        "jwks_uri": address("jwks"),
        "introspection_endpoint": address("introspect"),
        "revocation_endpoint": address("revoke"),
        "device_authorization_endpoint": address("device_authorization"),
        "end_session_endpoint": address("end_session"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            DEVICE_CODE_GRANT_TYPE,
        ],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*with_secret, "none"],
        "introspection_endpoint_auth_methods_supported": with_secret,
        "revocation_endpoint_auth_methods_supported": [*with_secret, "none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": jose.ALGORITHMS,
        "scopes_supported": [*SCOPES, "offline_access"],
        "claims_supported": list(_CLAIMS),
        "acr_values_supported": [PASSKEY, CODE],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def to_enter(client: Client) -> dict[str, str]:
    """What is entered in an application: name of the value -> value, the one that most ask for
    first."""
    return {
        "Issuer": issuer(),
        "Discovery": address("discovery"),
        "Client id": client.client_id,
        "Authorization endpoint": address("authorize"),
        "Token endpoint": address("token"),
        "Userinfo endpoint": address("userinfo"),
        "Keys (JWKS)": address("jwks"),
        "Sign-out endpoint": address("end_session"),
        "Scopes": " ".join([*SCOPES, *client.settings.scopes]),
    }
