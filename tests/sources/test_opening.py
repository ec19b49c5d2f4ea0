"""A source is opened in one place: its settings and secrets are looked up there, and what is wrong
is said by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.urls import reverse
from pydantic import BaseModel

from tenure.audit.models import Action, Event
from tenure.connectors.base import TokenSource
from tenure.readers import registry
from tenure.readers.base import ReaderConfig, ReaderError
from tenure.readers.memory import MemoryReader, forget_all, memory_source
from tenure.sources import authorizing
from tenure.sources.importing import import_source
from tenure.sources.models import SourceAuthorization
from tenure.sources.opening import open_source
from tenure.sources.services import remove_source
from tenure.sources.trying import try_source
from tenure.vault.models import Sealed
from tests.console.conftest import signed_in
from tests.console.test_authorising import came_back
from tests.oauth_server import CLIENT, SECRET, OAuthServer, oauth_server
from tests.sources.hr import MAPPING, source

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with oauth_server() as found:
        yield found


def columns() -> dict[str, str]:
    return {text.split('"')[1]: "" for text in MAPPING.values()}


def test_references_are_looked_up_where_the_source_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory_source("people").put("7", **{**columns(), "Number": "1", "Given": "Anna"})
    memory_source("people").password = "s3cret"
    hr = source(
        reader="memory", settings={"name": "${env:HR_NAME}"}, secrets={"password": "${env:HR_KEY}"}
    )
    with pytest.raises(ReaderError, match="HR_NAME"):
        import_source(hr)
    monkeypatch.setenv("HR_NAME", "people")
    monkeypatch.setenv("HR_KEY", "wrong")
    (line,) = try_source(hr)
    assert (line.ok, line.detail) == (False, "The password is wrong.")
    monkeypatch.setenv("HR_KEY", "s3cret")
    assert [item.what for item in try_source(hr) if item.ok] == ["connection", "columns"]
    assert import_source(hr).counts["added"] == 1


def test_a_secret_that_the_reader_does_not_know_is_said_by_name() -> None:
    hr = source(reader="memory", settings={"name": "x"}, secrets={"key": "${env:PATH}"})
    with pytest.raises(ReaderError, match="key: Extra inputs"):
        open_source(hr)


def test_a_source_is_authorised_in_the_console_and_its_tokens_go_with_it(
    server: OAuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[TokenSource | None] = []

    class Token(BaseModel):
        token: str

    class Asking(MemoryReader):
        Secrets = Token

        def __init__(self, config: ReaderConfig) -> None:
            given.append(config.tokens)
            super().__init__(config)

    monkeypatch.setattr(registry, "reader_class", lambda kind: Asking)
    hr = source(
        reader="memory",
        settings={"name": "people"},
        oauth={
            "authorize_url": f"{server.url}/authorize",
            "token_url": f"{server.url}/token",
            "client_id": CLIENT,
            "client_secret": SECRET,
        },
    )
    assert [item.what for item in authorizing.warnings()] == ["HR is not authorised yet"]
    client = signed_in()
    answer = client.get(reverse("console:authorise_source", args=["hr"]))
    query = dict(parse_qsl(urlsplit(answer["Location"]).query))
    assert "HR is authorised" in came_back(client, server, query)
    assert authorizing.warnings() == []
    open_source(hr)
    assert given[0] is not None

    async def twice() -> set[str]:
        assert given[0] is not None
        return {await given[0].token()}

    # Each reading has a loop of its own.
    assert asyncio.run(twice()) | asyncio.run(twice()) <= server.access
    assert Event.objects.filter(action=Action.SOURCE_AUTHORISED, subject_key="hr").exists()
    assert Sealed.objects.count() == 2
    remove_source(slug="hr")
    assert not Sealed.objects.exists()
    assert not SourceAuthorization.objects.exists()
