"""Two people who are one, and one who is two: shown first, done with a reason, taken back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

if TYPE_CHECKING:
    from tenure.people.models import Person, PersonUnion
    from tenure.provisioning.questions.union_preview import Preview
    from tenure.sources.models import SourceRecord

Who = Annotated[str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")]
Why = Annotated[str, typer.Option("--reason", help="Why: it is kept in the audit trail.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it comes to, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def register(_app: typer.Typer) -> None:
    from tenure.cli.access import person_app

    person_app.command("merge")(merge)
    person_app.command("split")(split)
    person_app.command("merges")(list_merges)
    person_app.command("undo")(undo)


def merge(
    person: Who,
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="Who is the same, and will be no more.")
    ],
    reason: Why = "",
    take: Annotated[
        list[str] | None,
        typer.Option(
            "--take",
            metavar="APPLICATION",
            help="Where both have an account, go on with the one of OTHER.",
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Two people are one: everything of OTHER is PERSON's. It is shown first.

    Example: `tenure person merge 10482 P-7 --reason 'she works for both'`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.provisioning.decisions import unions
        from tenure.provisioning.questions import union_preview

        kept, gone = find_person(person), find_person(other)
        _carry_out(
            lambda: union_preview.merge(kept, gone, take=take or ()),
            lambda: unions.merge(person=kept, other=gone, reason=reason, take=take or ()),
            f"{gone.display_name} is {kept.display_name} ({kept.employee_number}) now.",
            reason=reason,
            yes=yes,
            dry_run=dry_run,
            as_json=as_json,
        )


def split(
    person: Who,
    records: Annotated[
        list[str],
        typer.Option(
            "--record",
            metavar="SOURCE/NUMBER",
            help="A record that is another person's: partners/P-7.",
        ),
    ],
    reason: Why = "",
    accounts: Annotated[
        list[str] | None,
        typer.Option(
            "--account", metavar="APPLICATION", help="The account there goes with the records."
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """One person is two: these records are of somebody who is new. It is shown first.

    Example: `tenure person split 10482 --record partners/P-7 --reason 'two Annas'`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.provisioning.decisions import unions
        from tenure.provisioning.questions import union_preview

        found = find_person(person)
        chosen = [_record(found, text) for text in records]
        _carry_out(
            lambda: union_preview.split(found, chosen, accounts=accounts or ()),
            lambda: unions.split(
                person=found, records=chosen, accounts=accounts or (), reason=reason
            ),
            f"{found.display_name} ({found.employee_number}) is two people now.",
            reason=reason,
            yes=yes,
            dry_run=dry_run,
            as_json=as_json,
        )


def undo(
    number: Annotated[
        int, typer.Argument(metavar="MERGE", help="Its number: `tenure person merges`.")
    ],
    reason: Why = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take back a merge or a split, as long as nothing happened that cannot be.

    Example: `tenure person undo 3 --reason 'two Annas after all'`
    """
    with session():
        from tenure.provisioning.decisions import union_undoing, unions
        from tenure.provisioning.questions import union_preview

        found = unions.union_numbered(number)

        def back() -> PersonUnion:
            union_undoing.undo(union=found, reason=reason)
            return unions.union_numbered(number)

        _carry_out(
            lambda: union_preview.undo(found),
            back,
            f"It is taken back: {found.other_name} and {found.person} are as before.",
            reason=reason,
            yes=yes,
            dry_run=dry_run,
            as_json=as_json,
        )


def list_merges(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were taken back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Who was merged with whom, and who was split, by whom and why.

    Example: `tenure person merges`
    """
    with session():
        from tenure.provisioning.decisions.unions import merges

        documents = [_document(row) for row in merges(everything=everything)]
        if as_json:
            print_json(documents)
            return
        if not documents:
            out.print("Nobody was merged or split.")
            return
        columns = ["Merge", "Person", "", "Other", "When (UTC)", "By", "Reason"]
        rows = [
            (
                d["merge"],
                d["person"] or "gone since",
                "taken back" if d["undone_at"] else d["kind"],
                d["other"],
                f"{d['done_at']:%-d %b %Y %H:%M}",
                d["done_by"],
                d["reason"],
            )
            for d in documents
        ]
        out.print(table("", columns, rows))


def _carry_out(
    look: Callable[[], Preview],
    carry_out: Callable[[], PersonUnion],
    words: str,
    *,
    reason: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from tenure.provisioning.decisions.unions import UnionRefused

    try:
        preview = look()
        if not as_json:
            _show(preview)
        if dry_run:
            if as_json:
                print_json({"done": False, **preview.as_json()})
            return
        if not reason.strip():
            raise Failure("Say why: --reason '…' is kept in the audit trail.")
        sure(yes=yes, as_json=as_json)
        union = carry_out()
    except UnionRefused as error:
        raise Failure(str(error)) from error
    if as_json:
        print_json({"done": True, **_document(union), **preview.as_json()})
    else:
        say(
            f"{words} `tenure plan` shows what follows; `tenure person undo {union.pk}` takes it "
            "back."
            if union.undone_at is None
            else words
        )


def sure(*, yes: bool, as_json: bool) -> None:
    """Whether to go on, asked where somebody is there. Raises `Failure` where not."""
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise Failure("Nobody is there to be asked: look at it with --dry-run, then say --yes.")
    if not typer.confirm("Do it?", err=True):
        raise Failure("Nothing was done.")


def _show(preview: Preview) -> None:
    from tenure.cli.rendering import show_plan

    words = {"stays": "stays", "moves": "goes to", "undecided": "is nobody's: decide about it"}
    people = " and ".join(f"{name} ({number or 'no number'})" for name, number in preview.people)
    out.print(f"Afterwards: {people}.", markup=False)
    if preview.records:
        rows = [(source, key, name) for source, key, name in preview.records]
        out.print(table("", ["Source", "Record", "Person"], rows))
    if preview.accounts:
        accounts = [(a.application, a.account, words[a.fate], a.person) for a in preview.accounts]
        out.print(table("", ["Application", "Account", "Becomes", "Person"], accounts))
    if preview.attributes:
        changes = [
            (a.person, a.label, _value(a.before), _value(a.after)) for a in preview.attributes
        ]
        out.print(table("", ["Person", "Attribute", "Is", "Will be"], changes))
    for title, counts in (("Goes along", preview.along), ("Is put away", preview.put_away)):
        if counts:
            out.print(f"{title}: {', '.join(f'{n} {words}' for words, n in counts)}.", markup=False)
    show_plan(out, preview.plan, everything=True)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _record(person: Person, text: str) -> SourceRecord:
    from tenure.sources.models import SourceRecord

    source, _, key = text.partition("/")
    rows = SourceRecord.objects.filter(person=person).select_related("source")
    rows = rows.order_by("source__slug", "key")
    found = rows.filter(source__slug=source, key=key).first()
    if found is None:
        known = ", ".join(f"{row.source.slug}/{row.key}" for row in rows) or "none"
        raise LookupError(f"{person.display_name} has no record {text!r}. They have: {known}.")
    return found


def _document(union: PersonUnion) -> dict[str, object]:
    return {
        "merge": union.pk,
        "kind": union.kind,
        "person": union.person.display_name if union.person else None,
        "employee_number": union.person.employee_number if union.person else None,
        "other": union.other_name,
        "other_number": union.other_number or None,
        "reason": union.reason,
        "done_by": union.done_by,
        "done_at": union.done_at,
        "undone_by": union.undone_by or None,
        "undone_at": union.undone_at,
    }
