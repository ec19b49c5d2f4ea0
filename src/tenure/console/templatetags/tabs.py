"""The tabs of an application, the same on each of its pages, whoever made the page."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from tenure.applications.models import Application

register = template.Library()
#: Tab -> (name of its address, what it is called).
TABS = (
    ("overview", "application", "Overview"),
    ("sso", "application_sso", "Single sign-on"),
    ("provisioning", "application_provisioning", "Provisioning"),
    ("access", "application_access", "Access"),
    ("accounts", "application_accounts", "Accounts"),
    ("entitlements", "application_entitlements", "Entitlements"),
    ("licences", "application_licences", "Licences"),
    ("runs", "application_runs", "Runs"),
    ("settings", "application_settings", "Settings"),
)


@register.inclusion_tag("console/parts/application_tabs.html")
def application_tabs(application: Application, tab: str) -> dict[str, Any]:
    """The tabs, of which this one is open."""
    found = [
        (name, reverse(f"console:{address}", args=[application.slug]), words)
        for name, address, words in TABS
    ]
    return {"application": application, "tab": tab, "tabs": found}
