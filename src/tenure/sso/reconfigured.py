"""What an application's single sign-on is changed to ends what was begun under what it was: all of
it where it is turned off or another protocol or client is meant, and where more is asked for than
before. What was begun then was never asked that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q

from tenure.applications.models import Application
from tenure.configuration.document_sso import SingleSignOn, stored_settings
from tenure.sso import endings, global_revocation, revoking
from tenure.sso.models import ApplicationSession

#: Lines of the policy, with what means that nothing is asked for.
_POLICY: Final[dict[str, Any]] = {
    "networks": [],
    "countries": [],
    "hours": None,
    "passkey_within": None,
    "account": "not_needed",
}


def changed(application: Application, wanted: Mapping[str, Any]) -> int:
    """For `applications.sign_on_changes`. Returns how many sessions ended."""
    because = _why(application.single_sign_on, wanted)
    if not because:
        return 0
    rows = ApplicationSession.objects.filter(application=application, ended_at=None)
    sessions = list(rows.select_related("person", "application"))
    if not sessions:
        return 0
    count = endings.end(Q(pk__in=[row.pk for row in sessions]), because)
    global_revocation.of_sessions(sessions, because)
    revoking.of_sessions(sessions, because)
    return count


def _why(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Why sessions end; empty where they may go on."""
    was, is_now = stored_settings(dict(before)), stored_settings(dict(after))
    if was is None:
        return ""
    if is_now is None:
        return "single sign-on was turned off"
    if _who(was) != _who(is_now):
        return "single sign-on was set up anew"
    asked = [
        name
        for name, nothing in _POLICY.items()
        if getattr(was, name) != getattr(is_now, name) and getattr(is_now, name) != nothing
    ]
    return f"its access policy was changed: {', '.join(asked)}" if asked else ""


def _who(sso: SingleSignOn) -> tuple[str, str | None]:
    """The protocol, and as whom the application speaks it."""
    if sso.oidc is not None:
        return "oidc", sso.oidc.client_id
    assert sso.saml is not None
    return "saml", sso.saml.entity_id
