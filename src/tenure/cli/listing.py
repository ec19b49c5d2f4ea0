"""Lists: people, accounts, operations, runs. Filters are `field=value`, several are all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli import accounts as decisions
from tenure.cli import runs as steering
from tenure.cli.context import session
from tenure.cli.lines import Limit
from tenure.cli.lines import show as _show
from tenure.cli.output import AsJson, Failure
from tenure.core.holdings import shown

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: The value of a filter -> what Django is asked.
Field = Callable[[str], dict[str, object]]
Filter = Annotated[
    list[str] | None,
    typer.Option("--filter", "-f", help="field=value; may be given several times."),
]


def register(app: typer.Typer) -> None:
    for name, command, what in (
        ("people", people, "People"),
        ("accounts", accounts, "Accounts in applications"),
        ("operations", operations, "Changes to accounts, planned and done"),
        ("runs", runs, "Imports, reconciliations and executions"),
    ):
        sub = typer.Typer(
            help=f"{what}.\n\nExample: `tenure {name} list --json`", no_args_is_help=True
        )
        sub.command("list")(command)
        if name == "accounts":
            decisions.register(sub)
        elif name == "runs":
            steering.register(sub)
        app.add_typer(sub, name=name)


def people(filters: Filter = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """Who there is. Fields: state, employee_number, email, name, or any attribute.

    `without_end=yes`: contractors and the like who have no last day.

    Example: `tenure people list --filter state=active --filter department=Sales`
    """
    with session():
        from tenure.core.model import LifecycleState
        from tenure.people.models import Person
        from tenure.people.selectors import HIDDEN, sensitive_attributes
        from tenure.people.services import schema

        hidden = sensitive_attributes()
        rows = Person.objects.order_by("display_name", "pk")
        fields = {
            "state": _one_of("state", LifecycleState),
            "employee_number": _equal("employee_number"),
            "email": _email,
            "name": _equal("display_name__istartswith"),
            "without_end": _without_end,
        }
        fields = {n: _attribute(n, t.value) for n, t in schema().items()} | fields

        def document(p: Person) -> dict[str, Any]:
            return {
                "employee_number": p.employee_number,
                "name": p.display_name,
                "email": p.email,
                "state": p.state,
                "start_date": p.start_date,
                "end_date": p.end_date,
                "attributes": {n: HIDDEN if n in hidden else v for n, v in p.attributes.items()},
            }

        _show(
            _filtered(rows, filters, fields),
            document,
            limit,
            as_json,
            [
                ("Number", lambda d: d["employee_number"]),
                ("Name", lambda d: d["name"]),
                ("E-mail", lambda d: d["email"]),
                ("State", lambda d: d["state"]),
                ("Department", lambda d: d["attributes"].get("department")),
                ("Starts", lambda d: d["start_date"]),
                ("Ends", lambda d: d["end_date"]),
            ],
        )


def accounts(filters: Filter = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """Accounts in applications, and whose they are.

    Fields: application, situation, active, person, user_name.

    Example: `tenure accounts list --filter application=chat --filter situation=unmatched`
    """
    with session():
        from tenure.applications.models import Account, Application
        from tenure.core.model import Situation
        from tenure.provisioning.records.loading import Protecting

        every = list(Application.objects.all())
        protecting = Protecting(every)
        asked = ["attributes"] if any(row.protect for row in every) else []
        # In the order of an index: they are a million.
        rows = Account.objects.select_related("application", "person").order_by(
            "application_id", "user_name", "pk"
        )
        rows = rows.only(
            "application__slug", "person__employee_number", "person__display_name",
            "user_name", "situation", "situation_reason", "protected", "active", "entitlements",
            "remote_id", "observed_at", "evidence", "own", "candidates", *asked,
        )  # fmt: skip
        fields = {
            "application": _application,
            "situation": _one_of("situation", Situation),
            "active": _truth("active"),
            "person": _person,
            "user_name": _user_name,
        }

        def document(a: Account) -> dict[str, Any]:
            return {
                "application": a.application.slug,
                "user_name": a.user_name,
                "person": a.person.employee_number if a.person else None,
                "person_name": a.person.display_name if a.person else None,
                "situation": a.situation,
                "situation_reason": a.situation_reason,
                "candidates": _candidates(a.candidates),
                "protected": protecting.why(a),
                "active": a.active,
                "entitlements": a.entitlements,
                "remote_id": a.remote_id,
                "observed_at": a.observed_at,
                "evidence": a.evidence,
            }

        _show(
            _filtered(rows, filters, fields),
            document,
            limit,
            as_json,
            [
                ("Application", lambda d: d["application"]),
                ("Account", lambda d: d["user_name"]),
                ("Person", lambda d: d["person_name"]),
                ("Situation", lambda d: d["situation"]),
                ("Open", lambda d: {True: "yes", False: "no", None: "?"}[d["active"]]),
                ("Holds", lambda d: shown(d["entitlements"], gone=d["situation"] == "deleted")),
                ("Why", _standing),
            ],
        )


def _standing(account: Mapping[str, Any]) -> str:
    """Why it is nobody's, undecided or left alone."""
    if account["protected"]:
        return f"Never touched: {account['protected']}"
    if account["situation"] == "linked":
        return ""
    could_be = ", ".join(f"{c['person_name']} ({c['person']})" for c in account["candidates"])
    return f"{account['situation_reason']} {could_be}".strip()


def _candidates(people: list[str]) -> list[dict[str, str]]:
    """Who could own an account of which nobody has decided whose it is; there are few of these."""
    if not people:
        return []
    from tenure.people.models import Person

    rows = Person.objects.filter(pk__in=people).order_by("display_name", "pk")
    return [
        {"person": p.employee_number or str(p.uid), "person_name": p.display_name} for p in rows
    ]


def operations(filters: Filter = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """Changes to accounts, the newest first. Fields: application, state, kind, person, run.

    Example: `tenure operations list --filter state=failed`
    """
    with session():
        from tenure.core.model import OperationKind, OperationState
        from tenure.provisioning.models import Operation
        from tenure.provisioning.planning.ledger import line

        rows = Operation.objects.select_related("application", "person", "account").order_by("-pk")
        rows = rows.defer(
            "person__attributes", "person__origins", "account__attributes", "account__baseline",
            "application__settings", "application__mapping",
        )  # fmt: skip
        fields = {
            "application": _application,
            "state": _one_of("state", OperationState),
            "kind": _one_of("kind", OperationKind),
            "person": _person,
            "run": _number("run_id"),
        }

        def document(row: Operation) -> dict[str, Any]:
            return {
                "id": row.pk,
                **line(row).as_json(),
                "attempts": row.attempts,
                "error": row.error,
                "created_at": row.created_at,
                "started_at": row.started_at,
                "finished_at": row.finished_at,
                "run": row.run_id,
                "evidence": row.evidence,
            }

        _show(
            _filtered(rows, filters, fields),
            document,
            limit,
            as_json,
            [
                (">Id", lambda d: d["id"]),
                ("Application", lambda d: d["application"]),
                ("Kind", lambda d: d["kind"]),
                ("Person", lambda d: d["person_name"]),
                ("Account", lambda d: d["account"]),
                ("State", lambda d: d["state"]),
                (">Attempts", lambda d: d["attempts"]),
                ("Error", lambda d: d["error"]),
            ],
        )


def runs(filters: Filter = None, limit: Limit = 100, as_json: AsJson = False) -> None:
    """Imports, reconciliations and executions, the newest first. Fields: kind, subject, state.

    Example: `tenure runs list --filter kind=import`
    """
    with session():
        from tenure.runs.models import Run, RunKind, RunState

        fields = {
            "kind": _one_of("kind", RunKind.values),
            "subject": _equal("subject"),
            "state": _one_of("state", RunState.values),
        }

        def document(run: Run) -> dict[str, Any]:
            return {
                "id": run.pk,
                "kind": run.kind,
                "subject": run.subject,
                "state": run.state,
                "actor": run.actor,
                "started_at": run.started_at,
                "finished_at": run.finished_at,
                "done": run.done,
                "total": run.total,
                "counters": run.counters,
                "message": run.message,
            }

        _show(
            _filtered(Run.objects.order_by("-pk"), filters, fields),
            document,
            limit,
            as_json,
            [
                (">Id", lambda d: d["id"]),
                ("Kind", lambda d: d["kind"]),
                ("About", lambda d: d["subject"]),
                ("State", lambda d: d["state"]),
                ("Started", lambda d: f"{d['started_at']:%Y-%m-%d %H:%M:%S %Z}"),
                (">Done", lambda d: d["done"]),
                ("Message", lambda d: d["message"]),
            ],
        )


def _filtered(
    rows: QuerySet[Any], filters: list[str] | None, fields: Mapping[str, Field]
) -> QuerySet[Any]:
    """The rows that meet every filter. Raises `Failure` for a field or a value there cannot be."""
    for text in filters or ():
        name, sign, value = text.partition("=")
        if not sign or name not in fields:
            raise Failure(
                f"--filter {text!r}: expected field=value, with one of {', '.join(fields)}."
            )
        rows = rows.filter(**fields[name](value))
    return rows


def _equal(lookup: str) -> Field:
    """Whatever it is called."""
    return lambda value: {lookup: value}


def _one_of(lookup: str, choices: Iterable[object]) -> Field:
    known = [str(choice) for choice in choices]

    def field(value: str) -> dict[str, object]:
        if value not in known:
            raise Failure(f"--filter: {value!r} is none of {', '.join(known)}.")
        return {lookup: value}

    return field


def _number(lookup: str) -> Field:
    def field(value: str) -> dict[str, object]:
        if not value.isdecimal():
            raise Failure(f"--filter: {value!r} is no number.")
        return {lookup: int(value)}

    return field


def _truth(lookup: str) -> Field:
    words = {"true": True, "yes": True, "false": False, "no": False}

    def field(value: str) -> dict[str, object]:
        if value.casefold() not in words:
            raise Failure(f"--filter: {value!r} is neither true nor false.")
        return {lookup: words[value.casefold()]}

    return field


def _without_end(value: str) -> dict[str, object]:
    from tenure.people.models import Person
    from tenure.people.selectors import without_end

    endless = without_end().values("pk")
    if _truth("without_end")(value)["without_end"]:
        return {"pk__in": endless}
    return {"pk__in": Person.objects.exclude(pk__in=endless).values("pk")}


def _email(value: str) -> dict[str, object]:
    from tenure.people.searching import with_email

    return {"pk__in": with_email(value).order_by().values("pk")}


def _user_name(value: str) -> dict[str, object]:
    """Whatever the case, by the index that has it so."""
    from django.db.models.functions import Lower

    from tenure.applications.models import Account

    rows = Account.objects.alias(lower=Lower("user_name")).filter(lower=value.lower())
    return {"pk__in": rows.order_by().values("pk")}


def _application(value: str) -> dict[str, object]:
    from tenure.applications.finding import application_named

    return {"application": application_named(value)}


def _person(value: str) -> dict[str, object]:
    from tenure.people.services import find_person

    return {"person": find_person(value)}


def _attribute(name: str, kind: str) -> Field:
    """An attribute of people. What is stored of other kinds than text is not text."""
    if kind == "boolean":
        return _truth(f"attributes__{name}")
    if kind == "strings":
        return lambda value: {f"attributes__{name}__contains": value}

    def field(value: str) -> dict[str, object]:
        if kind not in {"integer", "number"}:
            return {f"attributes__{name}": value}
        try:
            return {f"attributes__{name}": int(value) if kind == "integer" else float(value)}
        except ValueError:
            raise Failure(f"--filter: {value!r} is no number, and {name} is one.") from None

    return field
