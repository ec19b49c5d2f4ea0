"""Requests of applications that were turned down before it was known whom they are for: in the
audit trail, where an administrator who is asked "why can nobody sign in?" finds the reason."""

from __future__ import annotations

from django.http import HttpRequest

from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.signin.where import address_of, browser_of


def note(request: HttpRequest, reason: str, application: Application | None = None) -> None:
    """Record it."""
    record(
        Action.SAML_REQUEST_REFUSED,
        subject_kind="saml",
        subject_key=application.slug if application else "unknown",
        subject_label=application.name if application else "An unknown application",
        application=application.slug if application else "",
        reason=reason[:1000],
        after={"from": address_of(request), "browser": browser_of(request)},
    )
