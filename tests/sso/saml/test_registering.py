"""Metadata that is read from an address, and what is warned of before sign-ins stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from threading import Thread

import pytest
from aiohttp import web

from tenure.applications.models import Application as Row
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.sso import keys
from tenure.sso.models import Protocol, SigningKey
from tenure.sso.saml import alarms, identity, refreshing, registered
from tenure.sso.saml.models import ServiceMetadata
from tenure.sso.saml.registered import NotReady
from tests.connectors.servers import free_port
from tests.saml.application import Application, pair
from tests.sso.conftest import application
from tests.sso.saml.conftest import row_of, told

pytestmark = pytest.mark.django_db


@contextmanager
def answering(say: Callable[[], web.Response]) -> Iterator[str]:
    """A server whose answer may change."""
    port, loop, ready = free_port(), asyncio.new_event_loop(), []

    async def handle(_: web.Request) -> web.Response:
        return say()

    @asynccontextmanager
    async def serving() -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/metadata", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
        await runner.cleanup()

    async def run(stop: asyncio.Event) -> None:
        async with serving():
            ready.append(True)
            await stop.wait()

    stop = asyncio.Event()
    thread = Thread(target=lambda: loop.run_until_complete(run(stop)))
    thread.start()
    while not ready:
        pass
    try:
        yield f"http://127.0.0.1:{port}/metadata"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def test_metadata_is_read_daily_and_survives_trouble(db: None) -> None:
    app = told()
    said = [app.metadata()]

    def say() -> web.Response:
        if not said[0]:
            return web.Response(status=500)
        return web.Response(body=said[0], content_type="application/samlmetadata+xml")

    with answering(say) as address:
        row: Row = application("wiki", saml={"metadata_url": address})
        with pytest.raises(NotReady, match="has not been read yet"):
            registered.registered(row)
        (first,) = refreshing.refresh_due()
        assert (first.problem, first.changed) == ("", True)
        assert registered.by_entity_id(app.entity_id).service.consumer.location == app.acs
        # Not due again; when it is, a new certificate comes by itself, and is told of.
        assert refreshing.refresh_due() == []
        ServiceMetadata.objects.update(tried_at=now() - timedelta(days=2))
        newer = Application(**{**vars(app), "keys": pair("newer")})
        said[0] = newer.metadata()
        assert refreshing.refresh_due()[0].changed
        event = Event.objects.filter(action=Action.SAML_METADATA_READ).latest("id")
        assert event.before != event.after
        # What cannot be read leaves what was read.
        said[0] = b""
        ServiceMetadata.objects.update(tried_at=now() - timedelta(days=2))
        assert "answered 500" in refreshing.refresh_due()[0].problem
        known = registered.registered(row)
        assert known.service.verify_with[0].der_base64 == pair("newer").base64
        assert alarms.alarms() == []
        ServiceMetadata.objects.update(read_at=now() - timedelta(days=3))
        assert "cannot be read" in alarms.alarms()[0].what
        # Somebody else's document is not taken for this one's.
        said[0] = told("evil").metadata()
        row.single_sign_on["saml"]["entity_id"] = app.entity_id
        row.save()
        assert "nothing about" in refreshing.refresh([(row, address)])[0].problem


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest", "http://wiki.acme.example/m", "https://[::]/m"]
)
def test_addresses_that_are_not_read(address: str) -> None:
    with pytest.raises(Exception, match=r"no address of a document|use https"):
        refreshing.fetch(address)


def test_certificates_that_end_are_told_of(db: None) -> None:
    row_of(told())
    identity.our_keys()
    assert alarms.alarms() == []
    SigningKey.objects.update(expires_at=now() + timedelta(days=40))
    (ours,) = keys.warnings()
    assert "--use saml" in ours.detail
    keys.rotate(Protocol.SAML, keys.Algorithm.RS256, ahead=timedelta(days=10))
    (next_one,) = alarms.alarms()
    assert "The next SAML certificate signs from" in next_one.what
