"""Signing somebody out everywhere in an application that speaks SCIM: by a request of its own
interface, as the dialect writes it down. SCIM itself has no such thing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from yarl import URL

from tenure.connectors.base import Limits, NotFound, Rejected
from tenure.connectors.bearer import Bearer
from tenure.connectors.http import HttpFunnel, segment
from tenure.connectors.scim.dialect import Sessions as Written
from tenure.connectors.scim.finding import Resource
from tenure.connectors.scim.settings import ScimSettings


class Sessions:
    """One application's. `http` is the way to its SCIM interface; another address of the same
    vendor is opened for each request, with the same credentials."""

    def __init__(
        self, settings: ScimSettings, way: Bearer, http: HttpFunnel, limits: Limits
    ) -> None:
        self._settings = settings
        self._bearer = way
        self._http = http
        self._limits = limits

    async def end(self, remote_id: str, read: Callable[[], Awaitable[Resource]]) -> None:
        """Raises `NotFound` where there is no such account, or what the funnel raises."""
        how = self._settings.dialect.sessions
        assert how is not None
        names = {"id": remote_id}
        if "{userName}" in f"{how.request} {how.body}":
            names["userName"] = str((await read()).get("userName", ""))
        method, _, target = how.request.partition(" ")
        for name, value in names.items():
            target = target.replace(f"{{{name}}}", segment(value))
        body = None if how.body is None else {k: _filled(v, names) for k, v in how.body.items()}
        _judge(how, await self._send(method, target, body))

    async def _send(self, method: str, target: str, body: Mapping[str, Any] | None) -> Any:
        if target.startswith("/"):
            return await self._http.write(method, target, body, single=True)
        address = URL(target, encoded=True)
        async with self._bearer.funnel(
            self._settings, address=str(address.origin()), limits=self._limits
        ) as http:
            return await http.write(method, address.raw_path_qs, body, single=True)


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    for name, text in names.items():
        value = value.replace(f"{{{name}}}", text)
    return value


def _judge(how: Written, answer: Any) -> None:
    """Some answer 200 whatever happened."""
    if not how.success:
        return
    found = answer if isinstance(answer, dict) else {}
    if found.get(how.success) is True:
        return
    said = str(found.get("error") or "nothing")
    if said in how.gone:
        raise NotFound(f"{how.request} was answered {said!r}: there is no such account.")
    raise Rejected(f"{how.request} was answered without {how.success}: {said}.")
