"""Recordings hold no secrets, and play what was said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenure.connectors.base import ConnectorConfig, StopApplication
from tenure.connectors.rest import RestConnector
from tenure.connectors.rest.recording import Player, Recorder
from tests.connectors.rest.application import TOKEN, Application
from tests.connectors.rest.envelope import ENVELOPE, Envelope
from tests.connectors.rest.forms import FORMS, Forms
from tests.connectors.rest.rpc import RPC, Rpc
from tests.connectors.rest.tidy import TIDY, Tidy
from tests.connectors.servers import http_server

APPLICATIONS: list[tuple[type[Application], dict[str, Any], dict[str, str], dict[str, Any]]] = [
    (Tidy, TIDY, {"token": TOKEN}, {}),
    (Envelope, ENVELOPE, {"password": TOKEN}, {"user": "tenure"}),
    (Rpc, RPC, {"key": TOKEN}, {}),
    (Forms, FORMS, {"client_id": "tenure-client", "client_secret": TOKEN}, {}),
]
NAMES = frozenset({"userName", "name.givenName"})
ADA = {"userName": "ada", "name.givenName": "Ada"}


async def lived(connector: RestConnector) -> list[Any]:
    """What is asked and what is seen."""
    seen: list[Any] = [await connector.check()]
    made = await connector.create(ADA, external_id="1", active=True)
    await connector.update(made.remote_id, {"name.givenName": "Grace"})
    seen += [made, await connector.read(made.remote_id)]
    seen.append([one.remote_id async for page in connector.accounts() for one in page])
    await connector.delete(made.remote_id)
    return seen


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda one: one[0].__name__)
async def test_what_was_recorded_plays_without_the_application(application: Any) -> None:
    kind, spec, secrets, settings = application
    if kind is Forms:
        spec = {**spec, "auth": {"kind": "none"}}
    async with http_server(kind().handle if kind is not Forms else _open(Forms())) as address:
        given = {"spec": spec, "url": address, **settings}
        connector = RestConnector(ConnectorConfig("x", given, secrets, NAMES))
        recorder = Recorder(lambda: connector.secret_texts)
        connector = RestConnector(ConnectorConfig("x", given, secrets, NAMES), tape=recorder)
        async with connector:
            before = await lived(connector)
    document = recorder.document("ada")
    text = json.dumps(document)
    for secret in (TOKEN, "session-1"):
        assert secret not in text
    played = {"spec": spec, "url": "https://played.invalid", **settings}
    hidden = dict.fromkeys(secrets, "(hidden)")
    player = Player(document)
    assert player.canary == "ada"
    connector = RestConnector(ConnectorConfig("x", played, hidden, NAMES), tape=player)
    async with connector:
        assert await lived(connector) == before


def _open(forms: Forms) -> Any:
    """Without its token endpoint, which is not asked through the tape."""

    async def handle(request: Any) -> Any:
        request = request.clone(headers={**request.headers, "Authorization": "Bearer token-0"})
        return await forms.handle(request)

    return handle


async def test_what_was_not_recorded_is_named() -> None:
    async with http_server(Tidy().handle) as address:
        config = ConnectorConfig("x", {"spec": TIDY, "url": address}, {"token": TOKEN}, NAMES)
        recorder = Recorder(lambda: {TOKEN})
        async with RestConnector(config, tape=recorder) as connector:
            await connector.check()
    player = Player(recorder.document())
    config = ConnectorConfig(
        "x", {"spec": TIDY, "url": "https://played.invalid"}, {"token": "(hidden)"}, NAMES
    )
    async with RestConnector(config, tape=player) as connector:
        await connector.check()
        # Reading again shows the same; something else was never said.
        await connector.first_page()
        with pytest.raises(StopApplication, match="GET /api/users/1 is not in the recording"):
            await connector.read("1")


def test_what_is_no_recording_is_refused(tmp_path: Any) -> None:
    for text in ("", "{}", "[]", '{"version": 1}'):
        file = tmp_path / "no.json"
        file.write_text(text)
        with pytest.raises(ValueError, match=r"recording|cannot be played"):
            Player.of(file)
