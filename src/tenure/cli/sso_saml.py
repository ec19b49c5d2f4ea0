"""Applications that sign people in by SAML: our metadata, theirs, and what they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

saml_app = typer.Typer(
    help="Applications as service providers of SAML 2.0.\n\n"
    "Example: `tenure sso saml register wiki --metadata wiki.xml`",
    no_args_is_help=True,
)
Application = Annotated[
    str, typer.Argument(metavar="APPLICATION", help="The application, as tenure.yaml calls it.")
]


def metadata(
    to: Annotated[
        Path | None, typer.Option("--to", help="Write it into this file instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Our SAML metadata, to be given to applications; with --json what is in it.

    Example: `tenure sso metadata --to tenure-metadata.xml`
    """
    with session():
        from tenure.sso.saml import identity

        if as_json:
            places, ours = identity.places(), identity.our_keys()
            print_json(
                {
                    "entity_id": places.entity_id,
                    "sign_on": places.sign_on,
                    "log_out": places.log_out,
                    "log_out_soap": places.log_out_soap,
                    "certificates": [
                        {
                            "kid": key.row.kid,
                            "fingerprint": key.certificate.fingerprint(),
                            "signs_now": key.signs_now,
                            "signs_from": key.row.signs_from,
                            "expires_at": key.row.expires_at,
                            "pem": key.certificate.pem,
                        }
                        for key in ours
                    ],
                }
            )
            return
        found = identity.metadata().decode()
        if to is None:
            typer.echo(found)
            return
        try:
            to.write_text(found, encoding="utf-8")
        except OSError as error:
            raise Failure(f"{to} cannot be written: {error.strerror}.") from error
        say(f"Written to {to}.")


@saml_app.command("register")
def register(
    application: Application,
    file: Annotated[Path | None, typer.Option("--metadata", help="Its metadata: a file.")] = None,
    address: Annotated[
        str, typer.Option("--address", help="Its metadata: an address, read daily from then on.")
    ] = "",
    entity_id: Annotated[
        str, typer.Option("--entity-id", help="Which one, where a file describes several.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Have people sign in to an application: who it is, from its metadata. What it is told stays.

    Example: `tenure sso saml register wiki --metadata wiki.xml`
    """
    if (file is None) == (not address):
        raise Failure("Give one of the two: --metadata FILE, or --address https://...")
    with session():
        from tenure.applications.finding import application_named
        from tenure.infra.clock import now
        from tenure.saml import metadata_in
        from tenure.saml.errors import SamlError
        from tenure.sso.saml import refreshing, registering

        row = application_named(application)
        try:
            data = file.read_bytes() if file is not None else refreshing.fetch(address)
            read = metadata_in.read(data, at=now(), entity_id=entity_id)
        except OSError as error:
            raise Failure(f"{file} cannot be read: {error.strerror}.") from error
        except SamlError as error:
            raise Failure(str(error)) from error
        who: dict[str, Any] = registering.from_metadata(read)
        if address:
            who = {"metadata_url": address, **({"entity_id": entity_id} if entity_id else {})}
        registering.register(row, who)
        if address:
            refreshing.refresh([(row, address)])
        facts = refreshing.facts_of(read)
        if as_json:
            print_json({"application": row.slug, **facts, "remarks": list(read.remarks)})
            return
        name, acs = facts["entity_id"], facts["acs"][0]
        say(f"{row.name} is registered as {name}; assertions go to {acs}.")
        for text in read.remarks:
            say(text)
        say(f"Look at what it is told: `tenure sso saml told {row.slug} PERSON`")


@saml_app.command("told")
def told(
    application: Application,
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")
    ],
    xml: Annotated[bool, typer.Option("--xml", help="The response as it is posted.")] = False,
    as_json: AsJson = False,
) -> None:
    """What an application would be told of a person now, and whether they would be let in. Nobody
    is signed in by it.

    Example: `tenure sso saml told wiki 10482`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.people.services import find_person
        from tenure.sso.saml.preview import preview
        from tenure.sso.saml.registered import registered

        try:
            found = preview(registered(application_named(application)), find_person(person))
        except (LookupError, ValueError) as error:
            raise Failure(str(error)) from error
        said = found.said
        rows = [("NameID", said.name_id)] if said else []
        rows += [(one.name, ", ".join(one.values)) for one in said.statements] if said else []
        if as_json:
            print_json(
                {
                    "verdict": found.decision.verdict.value,
                    "reason": found.decision.reason,
                    "name_id": said.name_id if said else None,
                    "format": said.format if said else None,
                    "attributes": {one.name: list(one.values) for one in said.statements}
                    if said
                    else {},
                    "problem": found.problem,
                    "xml": found.xml,
                }
            )
        elif xml:
            typer.echo(found.xml)
        else:
            say(f"{found.decision.verdict.value.replace('_', ' ')}: {found.decision.reason}")
            if rows:
                out.print(table("", ["Told", "Value"], rows))
        if found.problem and as_json:
            raise typer.Exit(1)
        if found.problem:
            raise Failure(found.problem)


@saml_app.command("refresh")
def refresh(
    application: Annotated[
        str,
        typer.Argument(metavar="[APPLICATION]", help="Only this one; all with an address if none."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read the metadata of applications from their addresses now. It is read daily anyway.

    Example: `tenure sso saml refresh wiki`
    """
    with session():
        from tenure.sso.saml import refreshing

        which = [
            (row, address)
            for row, address in refreshing.with_address()
            if application in ("", row.slug)
        ]
        if application and not which:
            raise Failure(f"{application} has no address of metadata.")
        found = refreshing.refresh(which)
        if as_json:
            print_json(
                [
                    {
                        "application": one.application.slug,
                        "address": one.address,
                        "changed": one.changed,
                        "problem": one.problem,
                    }
                    for one in found
                ]
            )
        else:
            for one in found:
                words = one.problem or (
                    "it has changed." if one.changed else "nothing has changed."
                )
                say(f"{one.application.name}: {words}")
        if any(one.problem for one in found):
            raise typer.Exit(1)
