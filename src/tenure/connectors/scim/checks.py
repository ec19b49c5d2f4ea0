"""The connection check of a SCIM application: what an administrator sees before anything runs.

Only reads, and never raises for what an application does. It must not know accounts.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from tenure.connectors.base import Check, ConnectorError, NotFound, RetryLater, Unsupported
from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim.attributes import CORE_USER
from tenure.connectors.scim.declared import path as declared_at
from tenure.connectors.scim.declared import remember
from tenure.connectors.scim.listing import first_page
from tenure.connectors.scim.settings import ScimSettings
from tenure.connectors.scim.speech import Speech


async def checked(http: HttpFunnel, settings: ScimSettings, speech: Speech) -> list[Check]:
    """Lines named Users, What it says it can do, Schemas, Groups; the first one that shows that
    nothing can work is the last."""
    lines = [await _listed("Users", http, "/Users", speech)]
    if not lines[0].ok:
        return lines
    lines.append(await _provider(http, settings))
    if settings.dialect.version != "1.1":
        lines.append(await _schemas(http))
    if settings.groups:
        lines.append(await _listed("Groups", http, "/Groups", speech))
    return lines


async def _listed(what: str, http: HttpFunnel, path: str, speech: Speech) -> Check:
    try:
        page = await first_page(http, path, speech=speech, page_size=1)
    except ConnectorError as error:
        return Check(what, False, str(error))
    return Check(what, True, f"{page.total} there." if page.counted else "Can be read.")


async def _provider(http: HttpFunnel, settings: ScimSettings) -> Check:
    what = "What it says it can do"
    dialect = settings.dialect
    body, problem = await _tried(http.read(declared_at(dialect.version)))
    if problem is None:
        remember(settings.base_url, body)
    if isinstance(problem, (NotFound, Unsupported)):
        return Check(what, True, "It does not say; it is used as the settings are.")
    if problem is not None:
        return Check(what, False, str(problem))
    says = {
        name: bool(body[name].get("supported"))
        for name in ("patch", "filter", "etag", "bulk")
        if isinstance(body, dict) and isinstance(body.get(name), dict)
    }
    if dialect.changes.by == "patch" and says.get("patch") is False:
        told = "It says that it has no PATCH: take changes: {by: patch} out of its dialect."
        return Check(what, False, told)
    listed = ", ".join(f"{name} {'yes' if yes else 'no'}" for name, yes in says.items())
    return Check(what, True, listed or "It says nothing of PATCH, filters, versions or bulk.")


async def _schemas(http: HttpFunnel) -> Check:
    what = "Schemas"
    body, problem = await _tried(http.read("/Schemas"))
    if isinstance(problem, RetryLater):
        return Check(what, False, str(problem))
    resources: Any = body.get("Resources") if isinstance(body, dict) else body
    if problem is not None or not isinstance(resources, list):
        return Check(what, True, "It does not publish them; the attributes of the RFC are assumed.")
    names = [str(one.get("id")) for one in resources if isinstance(one, dict) and one.get("id")]
    if names and CORE_USER not in names:
        return Check(what, False, f"It publishes {', '.join(names)}, and no user of SCIM 2.0.")
    return Check(what, True, ", ".join(names) or "An empty list.")


async def _tried(reading: Awaitable[Any]) -> tuple[Any, ConnectorError | None]:
    try:
        return await reading, None
    except ConnectorError as error:
        return None, error
