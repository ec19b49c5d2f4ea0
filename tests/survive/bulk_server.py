"""The SCIM server with bulk requests in a process of its own, slow enough to be interrupted in the
middle of one, and told over HTTP what goes wrong with the next ones.

`POST /-/set` takes `pace` (seconds for each operation), `refuse` (a status for everything, or
null), `next`: what becomes of the bulk requests to come, one each, and `bulk`: fields of
`BulkQuirks`.
`GET /-/state` tells what it holds and what was done, in order.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.connectors.odd_bulk import OddBulk
from tests.connectors.odd_patch import Refused
from tests.connectors.odd_scim import Quirks


@dataclass(slots=True)
class Server(OddBulk):
    """One that can be told."""

    lax: bool = False
    pace: float = 0.0
    refuse: int | None = None
    next: list[dict[str, Any]] = field(default_factory=list)
    now: dict[str, Any] = field(default_factory=dict)
    #: What was done: method, what to, and the status.
    log: list[tuple[str, str, int]] = field(default_factory=list)
    begun: int = 0

    async def serve(self, request: web.Request) -> web.Response:
        """Answers everything."""
        if request.path == "/-/set":
            for name, value in (await request.json()).items():
                if name == "bulk":
                    for quirk, said in value.items():
                        setattr(self.bulk, quirk, said)
                else:
                    setattr(self, name, value)
            return web.Response()
        if request.path == "/-/state":
            state = {
                name: getattr(self, name) for name in ("users", "log", "begun", "sizes", "asked")
            }
            return web.json_response(state)
        if self.refuse is not None:
            return self._error(Refused(self.refuse, "not now"))
        if request.method != "GET" and request.path != "/Bulk":
            await asyncio.sleep(self.pace)
        answer = await self.handle(request)
        if request.method != "GET" and request.path != "/Bulk":
            body = json.loads(await request.text() or "{}")
            self._note(request.method, request.path, body, answer.status)
        if request.path == "/Bulk":
            self._spoil(request, answer)
        return answer

    def _note(self, method: str, path: str, body: Any, status: int) -> None:
        what = str((body or {}).get("userName") or path.rpartition("/")[2])
        if method == "PATCH":
            what += " " + json.dumps(body["Operations"])
        self.log.append((method, what, status))

    async def _bulk(self, text: str) -> web.Response:
        self.begun += 1
        self.now = self.next.pop(0) if self.next else {}
        if "before" in self.now:
            if self.now["before"] == "drop":
                return web.Response()  # `_spoil` sees to it.
            answer = self._error(Refused(self.now["before"], "not like this"))
            answer.headers.update(self.now.get("headers", {}))
            return answer
        answer = await OddBulk._bulk(self, text)
        answer.headers.update(self.now.get("headers", {}))
        if isinstance(status := self.now.get("after"), int):
            return self._error(Refused(status, "it broke"))
        return answer

    def _spoil(self, request: web.Request, answer: web.Response) -> None:
        how = {self.now.get("before"), self.now.get("after")}
        if "drop" in how and request.transport is not None:
            request.transport.abort()
        elif "cut" in how:
            answer.body = bytes(answer.body or b"")[:-40]

    async def _one(self, one: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(self.pace)
        item = self.now.get("item")
        told = None
        if item and item["match"] in json.dumps(one):
            refused = Refused(item["status"], "not this one")
            error = json.loads(self._error(refused).text or "{}")
            told = {"status": refused.status, "response": error, "path": one["path"]}
            if not item.get("after"):
                self._note(one["method"], one["path"], one.get("data"), refused.status)
                return told
        made = await OddBulk._one(self, one)
        self._note(one["method"], one["path"], one.get("data"), made["status"])
        return told or made

    def _free(self, name: str, own: str | None) -> None:
        if not self.lax:
            OddBulk._free(self, name, own)


async def serve() -> None:
    """Listen on a free port, print it, serve until killed."""
    server = Server(Quirks())
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{anything:.*}", server.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    asyncio.run(serve())
