"""By which ways an application can be told that somebody's sessions there are over, as it is set up
now. In words; which of them is used is decided where a session ends."""

from __future__ import annotations

from tenure.applications.connecting import can_end_sessions
from tenure.applications.models import Application
from tenure.sso import global_revocation, revoking
from tenure.sso.policies import NotConfigured, settings_of
from tenure.sso.saml.notices import place_without_browser
from tenure.sso.saml.registered import NotReady, registered


def ways_of(application: Application) -> list[str]:
    """None of them: it learns of it by itself, or not at all."""
    order = [global_revocation.WORDS] if global_revocation.order_of(application) else []
    return [*_by_protocol(application), *order, *_by_interface(application)]


def _by_interface(application: Application) -> list[str]:
    return [revoking.WORDS] if can_end_sessions(application) else []


def _by_protocol(application: Application) -> list[str]:
    try:
        found = settings_of(application)
    except NotConfigured:
        return []
    if found.oidc is not None:
        return ["OpenID Connect back-channel logout"] if found.oidc.backchannel_logout_uri else []
    return ["SAML single logout"] if _takes_logouts(application) else []


def _takes_logouts(application: Application) -> bool:
    try:
        return place_without_browser(registered(application).service) is not None
    except (NotConfigured, NotReady):
        return False
