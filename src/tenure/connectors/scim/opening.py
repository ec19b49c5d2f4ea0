"""How a SCIM interface is opened and its collections read: what is the same for accounts that are
made there and for people who are read from there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from tenure.connectors.base import Limits
from tenure.connectors.bearer import Bearer
from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim import version1
from tenure.connectors.scim.dialect import Dialect, Pace
from tenure.connectors.scim.finding import Resource
from tenure.connectors.scim.listing import pages
from tenure.connectors.scim.settings import ScimAddress
from tenure.connectors.scim.speech import Speech

_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def funnel(settings: ScimAddress, way: Bearer, limits: Limits) -> HttpFunnel:
    """The way there, to be opened with `async with`."""
    dialect = settings.dialect
    return HttpFunnel(
        settings.base_url,
        headers={
            **way.headers,
            "Accept": "application/scim+json, application/json;q=0.9",
            **dialect.headers,
        },
        secrets=(way.token,),
        tokens=way.tokens,
        limits=kept_limits(limits, dialect.limits),
        timeouts=settings.timeouts,
        allow_http=settings.allow_http,
        content_type=_content_type(dialect),
        disguised=_disguised,
    )


async def resources(
    http: HttpFunnel,
    speech: Speech,
    settings: ScimAddress,
    target: str,
    params: Mapping[str, str] | None = None,
    *,
    trusting: bool = False,
) -> AsyncIterator[list[Resource]]:
    """A collection page by page, in the words of 2.0 whatever it speaks."""
    old = settings.dialect.version == "1.1"
    async for page in pages(
        http,
        target,
        speech=speech,
        page_size=settings.page_size,
        params=params,
        trusting=trusting,
    ):
        if old:
            for resource in page:
                version1.understood(resource)
        yield page


def kept_limits(given: Limits, pace: Pace) -> Limits:
    """The application's own limits, and the dialect's where they do not say."""
    usual = Limits()
    return Limits(
        reads=given.reads or pace.reads,
        writes=given.writes or pace.writes,
        burst=pace.burst if pace.burst and given.burst == usual.burst else given.burst,
        concurrency=min(given.concurrency, pace.concurrency or given.concurrency),
        learnt=given.learnt,
    )


def _content_type(dialect: Dialect) -> str:
    if dialect.content_type is not None:
        return dialect.content_type
    return "application/json" if dialect.version == "1.1" else "application/scim+json"


def _disguised(body: Any) -> int:
    """The status of an error that was answered as if all were well; 0 for anything else."""
    if not isinstance(body, dict) or body.get("id") or "Resources" in body:
        return 0
    schemas, status = body.get("schemas"), str(body.get("status", ""))
    if isinstance(schemas, list) and _ERROR in schemas:
        return int(status) if status.isdecimal() and 300 <= int(status) < 600 else 400
    return 0
