"""Applications as OAuth clients: what each may do, as the library asks; and their secrets, which
are made here, shown once and kept as digests."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE
from django.db import transaction

from tenure.applications.finding import application_named
from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.configuration.document_oidc import OpenIDConnect
from tenure.configuration.document_sso import SingleSignOn, stored_settings
from tenure.infra.clock import now
from tenure.signin.tokens import digest, new_token
from tenure.sso.models import ClientSecret, Protocol
from tenure.sso.policies import settings_of

#: Scopes that every client may ask for.
SCOPES: Final = ("openid", "profile", "email", "groups")
#: Our name of a grant -> the protocol's.
_GRANT_TYPES: Final = {"device_code": DEVICE_CODE_GRANT_TYPE}
_PUBLIC: Final = "none"


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]
    """One application as a client. The methods are those that the library asks for."""

    application: Application
    sso: SingleSignOn
    settings: OpenIDConnect

    @property
    def client_id(self) -> str:
        return self.settings.client_id or self.application.slug

    @property
    def public(self) -> bool:
        """Whether it can keep no secret."""
        return self.settings.token_endpoint_auth_method == _PUBLIC

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset({*SCOPES, *self.settings.scopes})

    @property
    def client_metadata(self) -> dict[str, Any]:
        return {"post_logout_redirect_uris": list(self.settings.post_logout_redirect_uris)}

    @property
    def id_token_signed_response_alg(self) -> str:
        return self.settings.id_token_signed_response_alg

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: it has to say where the answer goes (OpenID Connect Core, section 3.1.2.1)."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        """Of what it asks for what it may have; what is not known is passed over."""
        asked = dict.fromkeys((scope or "").split())
        return " ".join(name for name in asked if name in self.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        known = self.settings.redirect_uris
        return redirect_uri in known or (self.public and _on_loopback(redirect_uri, known))

    def check_client_secret(self, client_secret: str) -> bool:
        at = now()
        row = ClientSecret.objects.filter(
            application=self.application, digest=digest(client_secret)
        ).first()
        if row is None or not row.is_good(at):
            return False
        if row.used_at is None or at - row.used_at > timedelta(minutes=1):
            ClientSecret.objects.filter(pk=row.pk).update(used_at=at)
        return True

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.settings.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.settings.grants

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {_GRANT_TYPES.get(name, name) for name in self.settings.grants}


def client_of(application: Application) -> Client:
    """Raises `NotConfigured`."""
    sso = settings_of(application, Protocol.OIDC)
    assert sso.oidc is not None
    return Client(application, sso, sso.oidc)


def client_called(client_id: str) -> Client | None:
    """By its own name, or by the application's where it has none."""
    rows = Application.objects.exclude(single_sign_on={})
    named = rows.filter(single_sign_on__oidc__client_id=client_id).first()
    return _as_client(named or rows.filter(slug=client_id).first(), client_id)


def _as_client(application: Application | None, client_id: str) -> Client | None:
    sso = stored_settings(application.single_sign_on) if application else None
    if application is None or sso is None or sso.oidc is None:
        return None
    found = Client(application, sso, sso.oidc)
    # Where it has a name of its own, its slug is none.
    return found if found.client_id == client_id else None


@transaction.atomic
def make_secret(slug: str, *, keep_old_for: timedelta | None = None) -> str:
    """A new secret of an application: it cannot be shown again. `keep_old_for`: those that there
    are work for so long still; None: until they are revoked. Raises `LookupError`, `ValueError`
    for a client that can keep none."""
    application = application_named(slug)
    client = client_of(application)
    if client.public:
        raise ValueError(
            f"{application.name} is a client without a secret (token_endpoint_auth_method: none)."
        )
    at, secret = now(), new_token()
    if keep_old_for is not None:
        ends = at + keep_old_for
        for row in _good(application, at):
            if row.expires_at is None or row.expires_at > ends:
                row.expires_at = ends
                row.save(update_fields=["expires_at"])
    made = ClientSecret.objects.create(
        application=application, digest=digest(secret), created_at=at, created_by=actor()[:200]
    )
    _record(Action.CLIENT_SECRET_MADE, made)
    return secret


@transaction.atomic
def revoke_secret(slug: str, number: int) -> None:
    """It proves nothing any more. Raises `LookupError`."""
    application = application_named(slug)
    row = ClientSecret.objects.filter(application=application, pk=number, revoked_at=None).first()
    if row is None:
        raise LookupError(
            f"{application.name} has no secret {number}. `tenure sso client show {slug}` lists "
            "those that it has."
        )
    row.revoked_at = now()
    row.save(update_fields=["revoked_at"])
    _record(Action.CLIENT_SECRET_REVOKED, row)


def secrets_of(application: Application) -> list[ClientSecret]:
    """Those that are good, the newest first."""
    return list(_good(application, now()))


def _good(application: Application, at: datetime) -> Iterable[ClientSecret]:
    rows = ClientSecret.objects.filter(application=application, revoked_at=None)
    return [row for row in rows if row.is_good(at)]


def _record(action: Action, row: ClientSecret) -> None:
    record(
        action,
        subject_kind="application",
        subject_key=row.application.slug,
        subject_label=row.application.name,
        application=row.application.slug,
        after={"secret": row.pk},
    )


def _on_loopback(asked: str, known: Iterable[str]) -> bool:
    """A program on this person's machine listens on whatever port is free (RFC 8252, 7.3): for
    literal loopback addresses, and for them alone, the port does not count."""
    try:
        parts = urlsplit(asked)
        loopback = ipaddress.ip_address(parts.hostname or "").is_loopback
        plain = parts.port is not None and parts.username is None
    except ValueError:
        return False
    if parts.scheme != "http" or not (loopback and plain):
        return False
    return any(_without_port(text) == _without_port(asked) for text in known)


def _without_port(text: str) -> str:
    parts = urlsplit(text)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return parts._replace(netloc=host).geturl()
