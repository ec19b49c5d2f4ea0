"""Checking a connection from end to end: with an account by the mapping, told in the trail, one at
a time, and the settings that fit are kept when somebody says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from tenure.applications.models import Application, ConnectionCheck
from tenure.audit.models import Action, Event
from tenure.configuration.exporting import export
from tenure.connectors.scim import declared
from tenure.provisioning import services
from tenure.provisioning.reconciliation import connection
from tenure.provisioning.tasks import check_connection
from tests.connectors.odd_scim import Odd, Quirks, odd_scim
from tests.provisioning.company import Company


def checked(slug: str = "chat", *, write: bool = True) -> ConnectionCheck:
    begun = connection.begin(Application.objects.get(slug=slug), write=write)
    return asyncio.run(connection.conduct(begun))


def outcomes(check: ConnectionCheck) -> dict[str, str]:
    return {step["what"]: step["outcome"] for step in check.steps}


@asynccontextmanager
async def odd_application(quirks: Quirks) -> AsyncIterator[Odd]:
    declared.forget()
    async with odd_scim(quirks) as odd:
        await sync_to_async(Application.objects.create)(
            slug="odd",
            name="Odd",
            connector="scim",
            settings={"base_url": odd.address},
            secrets={"token": "${env:ODD_TOKEN}"},
            mapping=[
                {"attribute": "userName", "expression": "user.email"},
                {"attribute": "emails.work", "expression": "user.email"},
                {"attribute": "name.familyName", "expression": "user.family_name"},
                {"attribute": "title", "expression": "user.cost_center"},
            ],
        )
        try:
            yield odd
        finally:
            # Of the thread in which what is not asynchronous runs.
            await sync_to_async(connections.close_all)()


def test_a_check_makes_an_account_by_the_mapping_and_removes_it(company: Company) -> None:
    company.application("chat")
    done = checked()
    assert connection.outcome(done)
    assert outcomes(done)["Make an account"] == "works"
    memory = company.memories["chat"]
    (made,) = [one.detail for one in memory.history if one.what == "created"]
    assert isinstance(made, dict)
    assert made["userName"] == f"{done.mark}@example.com"
    assert memory.users == {}
    event = Event.objects.get(action=Action.APPLICATION_TRIED)
    assert done.mark in event.reason
    assert ConnectionCheck.objects.get().steps == done.steps


def test_reading_alone_makes_nothing_and_tells_nobody(company: Company) -> None:
    company.application("chat")
    done = checked(write=False)
    assert connection.outcome(done)
    assert company.memories["chat"].history == []
    assert not Event.objects.filter(action=Action.APPLICATION_TRIED).exists()


def test_two_at_once_would_take_each_others_accounts_away(company: Company) -> None:
    company.application("chat")
    row = Application.objects.get(slug="chat")
    first = connection.begin(row, write=True)
    with pytest.raises(connection.CannotCheck, match="already"):
        connection.begin(row, write=False)
    asyncio.run(connection.conduct(first))
    connection.begin(row, write=False)


def test_nothing_is_made_while_writes_are_stopped(company: Company) -> None:
    company.application("chat")
    services.stop_writes(application="chat", reason="a storm")
    with pytest.raises(connection.CannotCheck, match="stopped"):
        connection.begin(Application.objects.get(slug="chat"), write=True)
    assert connection.outcome(checked(write=False))


def test_wrong_settings_are_a_step_that_fails(company: Company) -> None:
    company.application("chat")
    Application.objects.update(connector="scim", settings={}, secrets={})
    done = checked()
    assert not connection.outcome(done)
    assert "base_url: is missing" in done.steps[-1]["detail"]


async def test_what_fits_is_kept_and_stands_in_the_configuration(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_TOKEN", "abcdef")
    quirks = Quirks(count="broken", typed=False, external_id=False)
    async with odd_application(quirks) as odd:
        row = await Application.objects.aget(slug="odd")
        begun = await sync_to_async(connection.begin)(row, write=True)
        await check_connection(begun.pk)
        done = await ConnectionCheck.objects.select_related("application").aget(pk=begun.pk)
        assert await sync_to_async(connection.outcome)(done), done.steps
        assert odd.users == {}
        # Nobody gives it a cost centre: the title is left out and told.
        assert "title" in done.steps[0]["detail"]
        kept = await sync_to_async(connection.keep)(done)
        dialect = {"pages": {"count": False}, "typed": False, "external_id": False}
        assert kept == {"dialect": dialect}
        assert (await Application.objects.aget(slug="odd")).settings["dialect"] == dialect
        assert "typed: false" in await sync_to_async(export)()
        again = await ConnectionCheck.objects.select_related("application").aget(pk=begun.pk)
        assert connection.fits_better(again) == {}
        # A worker that takes over from a dead one does not do again what was done.
        before = list(odd.asked)
        await check_connection(begun.pk)
        assert odd.asked == before
