"""What each protocol does where the others do otherwise: registered when its package is loaded.
Nothing else asks by which protocol an application is signed in to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from typing import Protocol as Shape

from django.http import HttpRequest, HttpResponse

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.sso.models import ApplicationSession, Protocol


class Handler(Shape):
    """One protocol."""

    def launch(self, request: HttpRequest, application: Application) -> HttpResponse:
        """Somebody has clicked the tile of the application in the portal, and is signed in here."""

    def resume(self, request: HttpRequest, data: dict[str, Any], back: str) -> HttpResponse:
        """Go on with a request that waited (`pending.keep`). `back` is where it can be asked for
        once more: a path of ours."""

    def end(self, sessions: Sequence[ApplicationSession], because: str) -> None:
        """These sessions have just ended, in the caller's transaction: make void what was issued
        in them, and post notices to the applications that have to be told."""

    def end_everything(self, people: Sequence[Person], because: str) -> None:
        """Nothing that was ever issued to these people is worth anything from now on, whether or
        not a session was kept with it. In the caller's transaction."""


_handlers: Final[dict[str, Handler]] = {}


def register(protocol: Protocol, handler: Handler) -> None:
    """From now on this protocol is spoken."""
    _handlers[protocol.value] = handler


def handler(protocol: str) -> Handler:
    """Raises `LookupError` where the protocol is not spoken."""
    try:
        return _handlers[protocol]
    except KeyError:
        raise LookupError(f"Nobody here speaks {protocol}.") from None


def handlers() -> dict[str, Handler]:
    """All of them, by protocol."""
    return dict(_handlers)
