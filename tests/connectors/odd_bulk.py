"""The SCIM server of the tests with bulk requests, and with everything that goes wrong in them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

from aiohttp import web

from tests.connectors.odd_patch import Refused
from tests.connectors.odd_scim import Odd

RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


@dataclass(slots=True)
class BulkQuirks:
    """What is odd. The defaults are not."""

    #: "yes", or the status with which the request as a whole is answered.
    works: Literal["yes"] | int = "yes"
    code: str = ""
    #: It is done and then answered so.
    after: bool = False
    declared: bool = True
    most: int = 100
    #: What it says is more than it takes.
    takes: int | None = None
    bytes: int = 1_000_000
    #: What it says of that, where it is something else.
    says: int | None = None
    status: Literal["text", "number", "object"] = "text"
    ids: Literal["all", "new", "none", "numbers"] = "all"
    locations: Literal["absolute", "relative", "none"] = "absolute"
    shows: bool = False
    shuffled: bool = False
    #: Which share of the outcomes is left out of the answer.
    silent: float = 0.0
    #: It ends at so many errors.
    ends_after: int | None = None
    methods: frozenset[str] = frozenset({"POST", "PUT", "PATCH", "DELETE"})
    #: What a single request is refused with; None where it is taken.
    refuses: Callable[[dict[str, Any]], Refused | None] = lambda _: None
    #: What comes with an answer to all of it.
    headers: dict[str, str] = field(default_factory=dict)
    #: What comes with each refusal, in its own words.
    retry_after: str = ""


@dataclass(slots=True)
class OddBulk(Odd):
    """One server's state."""

    bulk: BulkQuirks = field(default_factory=BulkQuirks)
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    #: The size of a request of one, in bytes, above which it is refused.
    largest_request: int | None = None
    #: How many operations each bulk request had that was taken.
    sizes: list[int] = field(default_factory=list)

    async def _answer(self, request: web.Request, parts: list[str]) -> web.Response:
        if (request.method, parts) == ("POST", ["Bulk"]):
            return await self._bulk(await request.text())
        if self.largest_request and len(await request.text()) > self.largest_request:
            raise Refused(413, "too large")
        return await Odd._answer(self, request, parts)

    def _config(self) -> web.Response:
        config = json.loads(Odd._config(self).text or "{}")
        config["bulk"] = {
            "supported": self.bulk.declared,
            "maxOperations": self.bulk.most,
            "maxPayloadSize": self.bulk.says or self.bulk.bytes,
        }
        return web.json_response(config)

    async def _bulk(self, text: str) -> web.Response:
        quirks, operations = self.bulk, json.loads(text)["Operations"]
        if quirks.works != "yes" and not quirks.after:
            raise Refused(quirks.works, "not like this", quirks.code)
        if len(operations) > (quirks.takes or quirks.most) or len(text) > quirks.bytes:
            raise Refused(413, "too much at once", "tooMany")
        self.sizes.append(len(operations))
        told: list[dict[str, Any]] = []
        errors = 0
        for one in operations:
            if quirks.ends_after is not None and errors >= quirks.ends_after:
                break
            outcome = await self._one(one)
            errors += outcome["status"] >= 300
            if self.dice.random() >= quirks.silent:
                told.append(self._told(one, outcome))
        if quirks.works != "yes":
            raise Refused(quirks.works, "it broke")
        if quirks.shuffled:
            self.dice.shuffle(told)
        answer = self._sent({"schemas": [RESPONSE], "Operations": told})
        answer.headers.update(quirks.headers)
        return answer

    async def _one(self, one: dict[str, Any]) -> dict[str, Any]:
        async def text() -> str:
            return json.dumps(one.get("data"))

        request: Any = SimpleNamespace(
            method=one["method"], path=one["path"], headers={}, query={}, text=text
        )
        try:
            if one["method"] not in self.bulk.methods:
                raise Refused(501, "not in bulk")
            if (refused := self.bulk.refuses(one)) is not None:
                raise refused
            made = await Odd._answer(self, request, [p for p in one["path"].split("/") if p])
        except Refused as refused:
            error = json.loads(self._error(refused).text or "{}")
            return {"status": refused.status, "response": error, "path": one["path"]}
        body = json.loads(made.text) if made.text else {}
        return {
            "status": made.status,
            "path": one["path"] if one["method"] != "POST" else f"/Users/{body['id']}",
            "response": body if self.bulk.shows else None,
        }

    def _told(self, one: dict[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
        quirks, status = self.bulk, outcome["status"]
        written = {"text": str(status), "number": status, "object": {"code": str(status)}}
        told = {"method": one["method"], "status": written[quirks.status]}
        if quirks.ids == "all" or (quirks.ids == "new" and one["method"] == "POST"):
            told["bulkId"] = one["bulkId"]
        if quirks.ids == "numbers":
            told["bulkId"] = int(one["bulkId"])
        if quirks.retry_after and status == 429:
            told["retryAfter"] = quirks.retry_after
        if quirks.locations != "none" and (status < 300 or one["method"] != "POST"):
            base = self.address if quirks.locations == "absolute" else ""
            told["location"] = f"{base}{outcome['path']}"
        if outcome["response"]:
            told["response"] = outcome["response"]
        return told
