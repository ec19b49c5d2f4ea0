"""What somebody owns in Google's applications becomes another one's: files, events, reports.

Google does it in its own time, from minutes to hours, so a transfer is asked for once and looked at
until it is over. It must not know users beyond their ids, nor the engine.

https://developers.google.com/workspace/admin/data-transfer/v1/transfer-data
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tenure.connectors.base import Rejected, RetryLater, StopApplication, Unsupported
from tenure.connectors.google.api import Api
from tenure.connectors.http import segment

_PATH = "/admin/datatransfer/v1"
SCOPE = "https://www.googleapis.com/auth/admin.datatransfer"
#: Which files: those that are shared and those that nobody else sees. Without it only the former
#: are handed over (https://developers.google.com/workspace/admin/data-transfer/v1/parameters).
_EVERYTHING = "PRIVACY_LEVEL"
_AGAIN = 120.0
#: One that was asked for longer ago was for an earlier leaving.
_RECENT = timedelta(days=20)
_MOST = 3
_BY_HAND = (
    "Hand it over in the Google Admin console: the user, More options, Transfer; then mark this as "
    "done."
)


class Transfers:
    """By `api`, whose token has the scope `admin.datatransfer`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def hand_over(self, old: str, new: str) -> None:
        """Everything of the account `old` to the account `new`. Raises `RetryLater` while Google is
        at it, `Rejected` when it gives up, `Unsupported` where we may not ask for it."""
        try:
            asked = await self._asked(old, new)
            failed = [one for one in asked if _status(one) == "failed"]
            going = [one for one in asked if _status(one) != "failed"]
            if not going and len(failed) >= _MOST:
                raise Rejected(
                    f"Google has given up {len(failed)} times on handing over what {old} owns to "
                    f"{new}. {_BY_HAND}"
                )
            latest = going[0] if going else await self._ask(old, new)
            if latest is not None and _status(latest) != "completed":
                latest = await self._api.get(f"{_PATH}/transfers/{segment(str(latest['id']))}")
        except StopApplication as error:
            if error.status != 403:
                raise
            # Everything else goes on: it is this right alone that the token lacks.
            raise Unsupported(
                f"Google does not let us hand over what an account owns: {error}",
                f"Allow the scope {SCOPE} in the Admin console and in `oauth.scopes`, and try "
                f"again. Or: {_BY_HAND}",
            ) from None
        if latest is None or _status(latest) == "completed":
            return
        raise RetryLater(
            f"Google is handing over what {old} owns ({_status(latest) or 'no status'}). It is "
            "looked at again.",
            _AGAIN,
        )

    async def _asked(self, old: str, new: str) -> list[dict[str, Any]]:
        """What was asked for lately, the newest first."""
        params = {"oldOwnerUserId": old, "newOwnerUserId": new}
        pages = self._api.pages(f"{_PATH}/transfers", "dataTransfers", params)
        found = [one async for page in pages for one in page if _is_recent(one)]
        return sorted(found, key=lambda one: str(one.get("requestTime")), reverse=True)

    async def _ask(self, old: str, new: str) -> dict[str, Any] | None:
        """None where there is nothing that could be handed over."""
        pages = self._api.pages(f"{_PATH}/applications", "applications", {})
        wanted = [
            {
                "applicationId": application["id"],
                "applicationTransferParams": [
                    {"key": one["key"], "value": one["value"]}
                    for one in application.get("transferParams") or ()
                    if one.get("key") == _EVERYTHING
                ],
            }
            async for page in pages
            for application in page
        ]
        if not wanted:
            return None
        body = {"oldOwnerUserId": old, "newOwnerUserId": new, "applicationDataTransfers": wanted}
        made = await self._api.send("POST", f"{_PATH}/transfers", body)
        if not isinstance(made, dict) or not made.get("id"):
            raise RetryLater("A transfer was answered without an id. It is looked for.", _AGAIN)
        return made


def _status(transfer: dict[str, Any]) -> str:
    return str(transfer.get("overallTransferStatusCode") or "").casefold()


def _is_recent(transfer: dict[str, Any]) -> bool:
    try:
        asked = datetime.fromisoformat(str(transfer.get("requestTime")))
    except ValueError:
        return True
    return asked >= datetime.now(UTC) - _RECENT if asked.tzinfo else True
