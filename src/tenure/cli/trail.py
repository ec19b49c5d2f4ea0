"""The audit trail as lines, the latest first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.lines import Limit, show
from tenure.cli.output import AsJson, Failure

if TYPE_CHECKING:
    from tenure.audit.models import Event


def events(
    action: Annotated[
        str, typer.Option(help="Only this, as the list calls it: account.disabled.")
    ] = "",
    person: Annotated[
        str, typer.Option("--person", "-p", help="Only this person: number, e-mail, name.")
    ] = "",
    application: Annotated[
        str, typer.Option("--application", "-a", help="Only this application.")
    ] = "",
    search: Annotated[
        str, typer.Option(help="Beginnings of words of whom it was about, by whom and why.")
    ] = "",
    since: Annotated[datetime | None, typer.Option(help="From then on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before that, UTC.")] = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """Everything that happened, by whom and why, the latest first.

    Example: `tenure audit list --person 10482 --since 2026-11-01`
    """
    with session():
        from datetime import UTC

        from tenure.applications.finding import application_named
        from tenure.audit.models import Action
        from tenure.audit.selectors import Wanted
        from tenure.people.services import find_person

        if action and action not in Action.values:
            near = [value for value in Action.values if value.startswith(action.split(".")[0])]
            known = ", ".join(near or sorted(Action.values))
            raise Failure(f"--action: nothing is called {action!r}. There is: {known}.")
        wanted = Wanted(
            action=action,
            person=str(find_person(person).uid) if person else "",
            application=application_named(application).slug if application else "",
            search=search,
            since=since.replace(tzinfo=UTC) if since else None,
            until=until.replace(tzinfo=UTC) if until else None,
        )
        show(
            wanted.rows().order_by("-id"),
            _document,
            limit,
            as_json,
            [
                ("When (UTC)", lambda d: f"{d['at']:%Y-%m-%d %H:%M:%S}"),
                ("What", lambda d: d["what"]),
                ("About", lambda d: d["about"]),
                ("Application", lambda d: d["application"]),
                ("By", lambda d: d["by"]),
                ("Why", lambda d: d["why"]),
            ],
        )


def _document(event: Event) -> dict[str, Any]:
    return {
        "event": event.pk,
        "at": event.at,
        "action": event.action,
        "what": event.get_action_display(),
        "about": event.subject_label or event.subject_key,
        "kind": event.subject_kind,
        "key": event.subject_key,
        "person": event.person,
        "application": event.application,
        "by": event.actor,
        "why": event.reason,
        "before": event.before,
        "after": event.after,
        "run": event.run,
        "position": event.position,
    }
