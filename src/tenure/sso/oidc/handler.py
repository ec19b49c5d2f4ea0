"""OpenID Connect, as `protocols` asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.sso import pages
from tenure.sso.models import ApplicationSession
from tenure.sso.oidc import back_channel, grants
from tenure.sso.oidc.addresses import issuer
from tenure.sso.oidc.authorizing import authorize
from tenure.sso.oidc.clients import Client, client_of
from tenure.sso.oidc.requests import Asked
from tenure.sso.oidc.signing_out import sign_out


class OpenIDConnectHandler:
    """An application begins a sign-in by itself; all that we can do is to send people there."""

    def launch(self, request: HttpRequest, application: Application) -> HttpResponse:
        client = client_of(application)
        to = _start(client)
        if not to:
            words = "Where it begins is not set up. Open it at its own address."
            return pages.wrong(request, words, application=application, status=404)
        return pages.leave(to)

    def resume(self, request: HttpRequest, data: dict[str, Any], back: str) -> HttpResponse:
        asked = Asked("GET", data["path"], data["parameters"])
        if data["kind"] == "logout":
            return sign_out(request, asked, back=back)
        since = datetime.fromisoformat(data["since"])
        return authorize(request, asked, since=since, back=back)

    def end(self, sessions: Sequence[ApplicationSession], because: str) -> None:
        grants.revoke_of(sessions, because)
        for session in sessions:
            back_channel.tell(session)

    def end_everything(self, people: Sequence[Person], because: str) -> None:
        grants.revoke(Q(person__in=[person.pk for person in people]), because)


def _start(client: Client) -> str:
    if client.settings.initiate_login_uri:
        told = {"iss": issuer()}
        return str(add_params_to_uri(client.settings.initiate_login_uri, told))
    if client.sso.start:
        return client.sso.start
    for text in client.settings.redirect_uris:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https"):
            return f"{parts.scheme}://{parts.netloc}/"
    return ""
