"""What the tests' applications with interfaces of their own have in common. Each is odd in its way,
over the same store: `tidy`, `envelope`, `rpc` and `forms` beside this, with their specifications.
"""

from __future__ import annotations

from aiohttp import web

from tests.connectors.rest.store import Refused, Store

TOKEN = "a-token-that-nobody-may-see"
Answer = web.StreamResponse


class Application:
    """Answers by `answer`; refusals by `refuse`."""

    def __init__(self) -> None:
        self.store = Store()
        self.sign_ins = 0

    async def handle(self, request: web.Request) -> Answer:
        self.store.seen.append(f"{request.method} {request.path}")
        try:
            return await self.answer(request)
        except Refused as error:
            return self.refuse(error)

    async def answer(self, request: web.Request) -> Answer:
        raise NotImplementedError

    def refuse(self, error: Refused) -> Answer:
        raise NotImplementedError
