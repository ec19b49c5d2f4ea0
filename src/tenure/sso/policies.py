"""How people sign in to an application, as it is configured: typed, and as the core decides on."""

from __future__ import annotations

import ipaddress
from datetime import time

from tenure.applications.models import Application
from tenure.configuration.document_sso import DAYS, SingleSignOn, stored_settings
from tenure.core.sign_on import Hours, Policy
from tenure.sso.models import Protocol


class NotConfigured(LookupError):
    """Nobody signs in to this application through us, or not by this protocol."""


def settings_of(application: Application, protocol: Protocol | None = None) -> SingleSignOn:
    """Raises `NotConfigured`."""
    found = stored_settings(application.single_sign_on)
    if found is None or (protocol is not None and found.protocol != protocol.value):
        raise NotConfigured(
            f"{application.name} is not set up for single sign-on"
            + (f" by {protocol.label}." if protocol else ".")
        )
    return found


def policy_of(sso: SingleSignOn) -> Policy:
    """What is asked for beyond the access rules."""
    return Policy(
        networks=tuple(ipaddress.ip_network(text) for text in sso.networks),
        countries=frozenset(sso.countries),
        hours=_hours(sso),
        passkey_within=sso.passkey_within,
        needs_account=sso.account == "required",
    )


def by_country() -> list[str]:
    """Names of the applications that ask where people are."""
    rows = Application.objects.filter(single_sign_on__has_key="countries")
    return [row.name for row in rows if row.single_sign_on["countries"]]


def whom_to_ask(application: Application, sso: SingleSignOn) -> str:
    """In words: somebody's name or address, or "" where nobody is named."""
    return sso.ask or application.owner


def _hours(sso: SingleSignOn) -> Hours | None:
    if sso.hours is None:
        return None
    end = sso.hours.end
    return Hours(
        days=frozenset(DAYS.index(day) for day in sso.hours.days),
        begins=time.fromisoformat(sso.hours.begin),
        until=None if end == "24:00" else time.fromisoformat(end),
    )
