"""Shared Signals: who is told when access ends, and whom we listen to."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table
from tenure.cli.reached import reached_at

signals_app = typer.Typer(
    help="Systems that are told when access ends, and those that we listen to.\n\n"
    "Example: `tenure signals receiver siem`",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called here.")]


def register(app: typer.Typer) -> None:
    app.add_typer(signals_app, name="signals")


@signals_app.command("receiver")
def receiver(
    name: Name,
    application: Annotated[
        str,
        typer.Option("--application", help="It is this application, and told of its accounts."),
    ] = "",
    subjects: Annotated[
        str, typer.Option("--subjects", help="How it knows people: email, iss_sub or account.")
    ] = "email",
    audience: Annotated[
        str, typer.Option("--audience", help="`aud` of what it is sent; its name where not given.")
    ] = "",
    days: Annotated[
        int, typer.Option("--days", help="How long its token is good for.", min=1, max=36500)
    ] = 3650,
    as_json: AsJson = False,
) -> None:
    """A system that may open a stream. Its token is shown this once.

    Example: `tenure signals receiver siem --audience https://siem.acme.example`
    """
    with session():
        from tenure.signals import receivers, streams
        from tenure.signals.models import SubjectFormat

        if subjects not in SubjectFormat.values:
            raise Failure(f"--subjects is one of {', '.join(SubjectFormat.values)}.")
        try:
            made, token = receivers.add(
                name,
                application=application,
                subjects=SubjectFormat(subjects),
                audience=audience,
                valid=timedelta(days=days),
            )
        except ValueError as error:
            raise Failure(str(error)) from error
        address = f"{streams.metadata()['issuer']}/.well-known/ssf-configuration"
        if as_json:
            shown = {"name": made.slug, "address": address, "audience": made.audience}
            print_json({**shown, "token": token})
            return
        say(f"Configuration: {address}")
        say(f"Audience: {made.audience}")
        say("Token, shown this once:")
        print(token)


@signals_app.command("list")
def list_signals(as_json: AsJson = False) -> None:
    """Who is told, how their streams stand, and whom we listen to.

    Example: `tenure signals list`
    """
    with session():
        from tenure.signals import selectors

        told, heard = selectors.receivers(), selectors.transmitters()
        if as_json:
            print_json({"receivers": told, "transmitters": heard})
            return
        if not told and not heard:
            say("Nobody is told, and nobody listened to. `tenure signals receiver NAME` begins.")
            return
        if told:
            columns = ["Told", "Application", "Stream", "Waits", "Delivered", "Refused"]
            out.print(
                table(
                    "",
                    columns,
                    [
                        (
                            str(row["name"]),
                            str(row["application"] or "-"),
                            str(row["status"] or "not opened yet"),
                            str(row["waiting"]),
                            str(row["delivered"]),
                            str(row["refused"]),
                        )
                        for row in told
                    ],
                )
            )
        if heard:
            out.print(
                table(
                    "",
                    ["Listened to", "Issuer", "Last heard (UTC)", "Last refused"],
                    [
                        (
                            str(row["name"]),
                            str(row["issuer"]),
                            f"{row['last_heard_at']:%Y-%m-%d %H:%M}"
                            if row["last_heard_at"]
                            else "never",
                            str(row["last_refusal"] or "-"),
                        )
                        for row in heard
                    ],
                )
            )


@signals_app.command("stream")
def stream(
    name: Name,
    status: Annotated[str, typer.Argument(help="enabled, paused or disabled.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; the receiver is told.")] = "",
    as_json: AsJson = False,
) -> None:
    """Turn a receiver's stream on, hold it back, or turn it off.

    Example: `tenure signals stream siem paused --reason 'maintenance until noon'`
    """
    with session():
        from tenure.signals import receivers, streams
        from tenure.signals.models import Stream

        row = Stream.objects.filter(receiver=receivers.named(name)).first()
        if row is None:
            raise Failure(f"{name} has not opened its stream yet: nothing is sent to it.")
        try:
            streams.set_status(row, status, reason, by_receiver=False)
        except streams.Refused as error:
            raise Failure(str(error)) from error
        if as_json:
            print_json(streams.standing(row))
        else:
            say(f"The stream of {name} is {row.get_status_display().lower()}.")


@signals_app.command("remove")
def remove(name: Name, as_json: AsJson = False) -> None:
    """A receiver is told nothing more, and its token opens nothing.

    Example: `tenure signals remove siem`
    """
    with session():
        from tenure.signals import receivers

        receivers.remove(name)
        print_json({"removed": name}) if as_json else say(f"{name} is told nothing more.")


@signals_app.command("trust")
def trust(
    name: Name,
    issuer: Annotated[str, typer.Option("--issuer", help="`iss` of what it sends.")],
    keys: Annotated[str, typer.Option("--keys", help="The https address of its keys (JWKS).")],
    audience: Annotated[
        str, typer.Option("--audience", help="`aud` of what it sends; our address if not given.")
    ] = "",
    on: Annotated[
        list[str] | None,
        typer.Option(
            "--on",
            help="EVENT=ACTION: what comes of an event: report, end_sessions or suspend. Again "
            "for each that is not as usual.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Listen to another system. The token that it has to send along is shown this once.

    Example: `tenure signals trust risk --issuer https://r.example --keys https://r.example/jwks`
    """
    with session():
        from django.conf import settings
        from django.urls import reverse

        from tenure.signals import listening

        policy = dict(item.partition("=")[::2] for item in on or [])
        try:
            made, token = listening.trust(
                name,
                issuer=issuer,
                jwks_address=keys,
                audience=audience or settings.TENURE_URL,
                policy=policy,
            )
        except ValueError as error:
            raise Failure(str(error)) from error
        address = reached_at(reverse("signals:receive", args=[made.slug]))
        if as_json:
            print_json({"name": made.slug, "address": address, "token": token})
            return
        say(f"It pushes to: {address}")
        say("Its token, shown this once, as `Authorization: Bearer ...`:")
        print(token)


@signals_app.command("distrust")
def distrust(name: Name, as_json: AsJson = False) -> None:
    """Listen to another system no more.

    Example: `tenure signals distrust risk`
    """
    with session():
        from tenure.signals import listening

        listening.distrust(name)
        print_json({"removed": name}) if as_json else say(f"{name} is not listened to any more.")


@signals_app.command("heard")
def heard(as_json: AsJson = False) -> None:
    """What other systems told us last, and what came of it.

    Example: `tenure signals heard`
    """
    with session():
        from tenure.signals import selectors

        rows = selectors.heard()
        if as_json:
            print_json(rows)
            return
        if not rows:
            say("Nothing was heard yet.")
            return
        cells = [
            (
                f"{row['at']:%Y-%m-%d %H:%M:%S}",
                str(row["transmitter"]),
                str(row["event"]),
                str(row["person"] or "-"),
                str(row["done"]),
                str(row["detail"]),
            )
            for row in rows
        ]
        out.print(table("", ["When (UTC)", "From", "Event", "Of", "Done", "How"], cells))
