"""Checking an application's connection: beginning it, doing it step by step, keeping what fits.

With consent an account is made there, by the application's own mapping, for somebody who does not
exist; see `connectors.canary`. Only one check of an application goes on at a time: two would take
each other's accounts for left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.db import close_old_connections, transaction

from tenure.applications.connecting import connector_for
from tenure.applications.models import Application, ConnectionCheck
from tenure.applications.services import definitions, save_application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.connectors import leftovers, trial
from tenure.connectors.base import ConnectorError
from tenure.connectors.trial import Outcome, Step
from tenure.core.expressions import AttributeType, compile_value
from tenure.core.mapping import IDENTIFYING, AccountMapping, MappedAttribute, MappingProblem
from tenure.core.model import Value
from tenure.infra.clock import now
from tenure.people.services import company, schema

#: A check that gave no sign of life for so long was killed.
_DEAD_AFTER = timedelta(minutes=3)
_NOWHERE = "example.com"
Tell = Callable[[Step], Awaitable[None]]


class CannotCheck(LookupError):
    """It cannot be done now. `str()` says why."""


@transaction.atomic
def begin(application: Application, *, write: bool) -> ConnectionCheck:
    """A check that is going to be done. Raises `CannotCheck`."""
    row = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    alive = row.checks.filter(finished_at=None, touched_at__gt=now() - _DEAD_AFTER)
    if alive.exists():
        raise CannotCheck(
            f"{row.name} is being checked already: wait until that is done. If its process was "
            "killed, that is three minutes after its last step."
        )
    row.checks.filter(finished_at=None).update(finished_at=now(), message=_ENDED)
    if write and (row.paused_at is not None or company().writes_stopped_at is not None):
        raise CannotCheck(
            f"Writes to {row.name} are stopped, so no account is made there: `tenure resume`."
        )
    check = ConnectionCheck.objects.create(
        application=row, write=write, mark=leftovers.mark() if write else "", actor=actor()[:200]
    )
    if write:
        record(
            Action.APPLICATION_TRIED,
            subject_kind="application",
            subject_key=row.slug,
            subject_label=row.name,
            application=row.slug,
            reason=f"The account {check.mark} is made there, and removed.",
        )
    return check


async def conduct(check: ConnectionCheck, tell: Tell | None = None) -> ConnectionCheck:
    """Does the check, storing every step as it is done. Raises nothing that the application does;
    when it is cancelled it cleans up first."""
    try:
        await _conduct(check, tell)
    except asyncio.CancelledError:
        check.message = "It was interrupted. What it had made there is removed."
        raise
    finally:
        check.finished_at = now()
        await asyncio.shield(sync_to_async(_store)(check))
    return check


def _store(check: ConnectionCheck) -> None:
    check.save()
    close_old_connections()


def outcome(check: ConnectionCheck) -> bool:
    """Whether it is done and nothing was wrong."""
    failed = any(step["outcome"] == Outcome.FAILS for step in check.steps)
    return check.finished_at is not None and not (failed or check.message or check.left)


def fits_better(check: ConnectionCheck) -> Mapping[str, Any]:
    """The settings that the check would change, as they should be; empty where all is well."""
    settings = check.application.settings
    return {
        name: value
        for name, value in check.settings.items()
        if value != settings.get(name) and (value or settings.get(name))
    }


@transaction.atomic
def keep(check: ConnectionCheck) -> Mapping[str, Any]:
    """Makes the settings that fit the application's own, and returns them."""
    changed = fits_better(check)
    if changed:
        slug = check.application.slug
        (definition,) = [one for one in definitions() if one.slug == slug]
        settings = {**definition.settings, **changed}
        save_application(definition=replace(definition, settings=settings))
        check.application.refresh_from_db()
    return changed


def attributes_for(application: Application, mark: str) -> tuple[dict[str, Value], list[str]]:
    """What the mapping gives an account of somebody who does not exist, called by the mark; and the
    attributes that it gives nothing for."""
    person = _nobody(mark)
    kinds = schema()
    made: dict[str, Value] = {}
    empty: list[str] = []
    for item in application.mapping:
        name = item["attribute"]
        line = MappedAttribute(name, compile_value(item["expression"], kinds))
        try:
            value = AccountMapping(application.slug, [line]).values(person).get(name)
        except MappingProblem:
            value = None
        if value in (None, "", []):
            empty.append(name)
        else:
            made[name] = value
    for name in IDENTIFYING & {*made, *empty, "userName"}:
        if mark not in str(made.get(name, "")):
            made[name] = person["email"] if "@" in str(made.get(name, "")) else mark
    return made, [name for name in empty if name not in made]


def _nobody(mark: str) -> dict[str, Value]:
    email = f"{mark}@{company().domain or _NOWHERE}"
    known: dict[str, Value] = {
        "uid": str(uuid4()),
        "employee_number": mark,
        "given_name": "Tenure",
        "family_name": f"Canary {mark.rpartition('-')[2]}",
        "display_name": f"Tenure Canary {mark.rpartition('-')[2]}",
        "user_name": mark,
        "email": email,
        "personal_email": email,
        "title": "Connection check",
        "department": "Connection check",
        "start_date": now().date().isoformat(),
    }
    given = {name for name, kind in schema().items() if kind is AttributeType.STRING}
    return {name: value for name, value in known.items() if name in given | {"uid", "start_date"}}


async def _conduct(check: ConnectionCheck, tell: Tell | None) -> None:
    async def done(step: Step) -> None:
        check.steps.append(step.as_json())
        check.touched_at = now()
        await sync_to_async(check.save)(update_fields=["steps", "touched_at"])
        if tell is not None:
            await tell(step)

    check.steps = []
    given: dict[str, Value] | None = None
    try:
        application = await Application.objects.aget(pk=check.application_id)
        if check.write:
            given, empty = await sync_to_async(attributes_for)(application, check.mark)
            if empty:
                told = f"The mapping gives nobody a value for {', '.join(empty)}: left out."
                await done(Step("What the account has", Outcome.DIFFERS, told))
        connector = await sync_to_async(connector_for)(application)
        async with connector:
            found = await trial.run(connector, done, canary=given, name=check.mark)
    except (ConnectorError, LookupError, ValueError) as error:
        await done(Step("Connection", Outcome.FAILS, str(error)))
        return
    check.settings, check.notes, check.left = dict(found.settings), list(found.notes), found.left


_ENDED = "Its process ended before it did. The next one removes what it left."
