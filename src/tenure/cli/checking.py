"""Is everything as it should be: `doctor`; and the commands of the audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta

import typer
from rich.markup import escape

from tenure.cli import chain, not_read, trail, upkeep
from tenure.cli.context import session
from tenure.cli.looked_at import Line
from tenure.cli.output import AsJson, Failure, out, print_json
from tenure.config.address import known
from tenure.configuration.references import texts

audit_app = typer.Typer(
    help="The audit trail.\n\nExample: `tenure audit verify`", no_args_is_help=True
)
_CLOCK_TOLERANCE = timedelta(seconds=2)


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    audit_app.command("list")(trail.events)
    audit_app.command("verify")(chain.verify)
    app.add_typer(audit_app, name="audit")


def doctor(as_json: AsJson = False) -> None:
    """Look at every part: each line is ok, or says what to do. Exit code 1 if one is not.

    A line that says `look` works, and somebody should know of it.

    Secrets are looked up as this process sees them: run it in the environment of the workers.

    Example: `tenure doctor`
    """
    try:
        with session(migrate=False) as embedded:
            lines = _look_at_everything("embedded" if embedded else "DATABASE_URL")
    except Failure as failure:
        lines = [Line("database", False, str(failure))]
    if as_json:
        print_json([asdict(line) for line in lines])
    else:
        for line in lines:
            mark = "[green]ok[/]   " if line.ok else "[red]wrong[/]"
            mark = "[yellow]look[/] " if line.ok and line.warning else mark
            out.print(f"{mark} {escape(line.what):<28} {escape(line.detail)}", soft_wrap=True)
    if not all(line.ok for line in lines):
        raise typer.Exit(1)


def _look_at_everything(where: str) -> list[Line]:
    """Before the tables are there, what reads them is not looked at."""
    lines = [*_database(where), *_migrations()]
    if all(line.ok for line in lines):
        lines += upkeep.looks(embedded=where == "embedded")
        lines += [line for look in _LOOKS for line in look()]
    return lines


def _database(where: str) -> Iterator[Line]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        row = cursor.fetchone()
    yield Line("database", True, f"{where}, {str(row[0]).split(' on ')[0] if row else '?'}")


def _migrations() -> Iterator[Line]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    detail = (
        "up to date"
        if not waiting
        else f"{len(waiting)} wait: `tenure up` applies them, and so does any other command"
    )
    yield Line("migrations", not waiting, detail)


def _workers() -> Iterator[Line]:
    from tenure.infra.jobs import live_workers

    alive = len(live_workers())
    detail = f"{alive} alive" if alive else "none alive: start `tenure up` or `tenure worker`"
    yield Line("workers", alive > 0, detail)


def _passkeys() -> Iterator[Line]:
    """What browsers demand of an address before they make a passkey (WebAuthn, section 5.1.2)."""
    from django.conf import settings

    from tenure.signin.passkeys import address_problem

    problem = address_problem()
    bound = f"bound to {settings.PASSKEY_ORIGIN}"
    if not known(settings.HOME):
        bound += ": TENURE_URL is not set, and `tenure up` does not run here"
    yield Line("passkeys", not problem, problem or bound)


def _places() -> Iterator[Line]:
    from django.conf import settings

    from tenure.signin.places import PlacesUnreadable, open_file
    from tenure.sso.policies import by_country

    if not settings.TENURE_PLACES:
        if asking := by_country():
            told = f"TENURE_PLACES is not set: nobody gets in to {', '.join(asking)} by country"
            yield Line("places", False, told)
        return
    try:
        made_of = open_file(settings.TENURE_PLACES).metadata()
    except PlacesUnreadable as error:
        yield Line("places", False, str(error))
    else:
        yield Line("places", True, f"{made_of.database_type} in {settings.TENURE_PLACES}")


def _wallets() -> Iterator[Line]:
    """Whether wallets can be asked, and their answers checked, with what this process reads."""
    from tenure.signin import wallets

    if wallets.configured() is None:
        return
    try:
        ours, believed = wallets.verifier(), wallets.issuers()
    except wallets.WalletUnready as error:
        yield Line("wallet", False, str(error))
    else:
        until = ours.chain[0].not_valid_after_utc
        detail = f"{ours.client_id()}, its certificate until {until:%Y-%m-%d}; "
        detail += f"believed: {', '.join(one.name for one in believed)}"
        yield Line("wallet", True, detail)


def _letters() -> Iterator[Line]:
    from django.conf import settings

    from tenure.signin.sending import unsent

    waiting, error = unsent()
    where = settings.EMAIL_HOST or f"files in {settings.EMAIL_OUTBOX}"
    detail = f"{where}; {waiting} could not be sent: {error}" if waiting else where
    told = not settings.EMAIL_HOST
    yield Line("e-mail", not waiting, detail + " (TENURE_SMTP is not set)" * told, warning=told)


def _clock() -> Iterator[Line]:
    from django.db import connection

    from tenure.infra.clock import now

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None
    apart = abs(now() - row[0])
    yield Line(
        "clock",
        apart < _CLOCK_TOLERANCE,
        f"{apart.total_seconds():.3f} s from the database's"
        + ("" if apart < _CLOCK_TOLERANCE else ": set both machines by NTP"),
    )


def _writes() -> Iterator[Line]:
    from tenure.people.services import company

    row = company()
    stopped, detail = row.writes_stopped_at, "on"
    if stopped is not None:
        who = f" by {row.writes_stopped_by}" if row.writes_stopped_by else ""
        why = f" ({row.writes_stopped_reason})" if row.writes_stopped_reason else ""
        way_on = "tenure resume" if row.restored_at is None else "tenure restored show"
        detail = f"stopped since {stopped:%Y-%m-%d %H:%M %Z}{who}{why}: `{way_on}`"
    yield Line("writes", stopped is None, detail)


def _sources() -> Iterator[Line]:
    from tenure.sources.models import Source
    from tenure.sources.trying import try_source

    for row in Source.objects.all():
        if row.failures and row.failed_reason:
            again = f"; tried again {row.due_at:%Y-%m-%d %H:%M %Z}" if row.due_at else ""
            yield Line(
                f"source {row.slug}",
                False,
                f"{row.failures} imports in a row failed: {row.failed_reason}{again}",
            )
        checks = try_source(row)
        wrong = [item for item in checks if not item.ok]
        for item in wrong:
            yield Line(f"source {row.slug}", False, f"{item.what}: {item.detail}")
        if not wrong:
            yield Line(
                f"source {row.slug}", True, checks[-1].detail or f"{len(checks)} checks passed"
            )


def _applications() -> Iterator[Line]:
    from tenure.applications.health import check
    from tenure.applications.models import Application, Health

    for row in Application.objects.all():
        checks = asyncio.run(check(row))
        wrong = [item for item in checks if not item.ok]
        if row.paused_at is not None:
            why = f" ({row.paused_reason})" if row.paused_reason else ""
            yield Line(
                f"application {row.slug}",
                False,
                f"writes stopped since {row.paused_at:%Y-%m-%d %H:%M %Z} by {row.paused_by}{why}: "
                f"`tenure resume {row.slug}`",
            )
        for item in wrong:
            yield Line(f"application {row.slug}", False, f"{item.what}: {item.detail}")
        if not wrong and row.health != Health.OK:
            yield Line(
                f"application {row.slug}",
                False,
                f"can be read, and is stopped: {row.stopped_reason} It is tried again by itself, "
                "and by `tenure apply` at once",
            )
        elif not wrong:
            yield Line(f"application {row.slug}", True, f"{len(checks)} checks passed")


def _people() -> Iterator[Line]:
    from tenure.people.selectors import people_without_end
    from tenure.sources.unread import unread

    for one in unread():
        yield Line(
            f"people of {one.source.slug}",
            False,
            f"{one.names} could not be read since {one.since:%Y-%m-%d %H:%M %Z}: if they have "
            f"left, their accounts stay open. {one.why} Correct it and import again",
        )
    rows, count = people_without_end()
    if count:
        names = ", ".join(row.display_name for row in rows) + (", ..." if count > len(rows) else "")
        yield Line(
            "people without a last day",
            True,
            f"{count} ({names}): give the source their end dates; "
            "`tenure people list --filter without_end=yes`",
            warning=True,
        )


def _zones() -> Iterator[Line]:
    from tenure.people.selectors import unknown_zones
    from tenure.people.services import company

    for name, count in unknown_zones().items():
        yield Line(
            "time zones",
            True,
            f"{count} people are in {name!r}, which this machine's time zone database does not "
            f"have (any more): their days are those of {company().time_zone}; correct it in the "
            "source, or update tzdata",
            warning=True,
        )


def _leavers() -> Iterator[Line]:
    from tenure.provisioning.questions.kept_open import kept_open, last_owners_who_left
    from tenure.provisioning.questions.selectors import failing_leavers

    for row in failing_leavers():
        yield Line(
            f"leavers {row.application}",
            False,
            f"{row.count} of people who left not carried out, since {row.since:%Y-%m-%d %H:%M %Z}: "
            f"{row.reason} `tenure operations list --filter application={row.application} "
            "--filter state=failed`, then `tenure retry`, or `tenure tasks done ID` once somebody "
            "did it there",
        )
    for kept in kept_open():
        yield Line(
            f"leavers {kept.account.application.slug}",
            True,
            f"{kept.account.person} has left, and their account {kept.account} stays open: "
            f"{kept.why}. {kept.way_out}",
            warning=True,
        )
    for last in last_owners_who_left():
        yield Line(f"leavers {last.application}", True, f"{last.person}: {last.why}", warning=True)


def _undecided() -> Iterator[Line]:
    from tenure.provisioning.questions.undecided import undecided

    for one in undecided():
        detail = f"nothing can be planned for {one.who}. {one.why}"
        yield Line(f"plan of {one.application}", False, detail)


def _secrets() -> Iterator[Line]:
    """What settings and secrets refer to, as far as this process can read it."""
    from tenure.applications.credentials import warnings
    from tenure.applications.models import Application
    from tenure.infra.secrets import SecretError
    from tenure.sources import authorizing
    from tenure.sources.models import Source
    from tenure.vault.services import box, resolve, unreadable

    try:
        box()
        for name in unreadable():
            detail = "no key of this process opens it: put its key back, or enter it again"
            yield Line(f"secret {name}", False, detail)
    except SecretError as error:
        yield Line("secrets", False, str(error))
    for warned in [*warnings(), *authorizing.warnings()]:
        yield Line("credentials", False, f"{warned.what}. {warned.detail}")
    kept = [
        ("application", row.slug, {**row.settings, **row.secrets, **row.oauth})
        for row in Application.objects.all()
    ]
    kept += [
        ("source", row.slug, {**row.settings, **row.secrets, **row.oauth})
        for row in Source.objects.all()
    ]
    for kind, slug, settings in kept:
        references = [text for _, text in texts(settings) if "${" in text]
        try:
            for text in references:
                resolve(text)
        except SecretError as error:
            yield Line(f"secrets {kind} {slug}", False, str(error))
        else:
            if references:
                yield Line(f"secrets {kind} {slug}", True, f"{len(references)} readable")


def _sign_on() -> Iterator[Line]:
    from tenure.sso import keys
    from tenure.sso.saml.alarms import alarms

    for warned in keys.warnings():
        yield Line("single sign-on", True, warned.detail, warning=True)
    for alarm in alarms():
        detail = f"{alarm.what}. {alarm.detail}"
        yield Line("single sign-on", not alarm.urgent, detail, warning=True)


_LOOKS = (
    _workers,
    _clock,
    _writes,
    _passkeys,
    _places,
    _wallets,
    _letters,
    _secrets,
    _sources,
    _people,
    _zones,
    _applications,
    not_read.looks,
    _leavers,
    _undecided,
    _sign_on,
)
