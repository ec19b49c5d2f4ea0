"""Who may be the same person: new records that may be somebody's who is known, and people who may
be here twice. Look, and say: the same, somebody else, not sure.

A record is named by its number, two people by theirs. `tenure rehire` is a former name of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli import unions
from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

if TYPE_CHECKING:
    from tenure.people.models import Person
    from tenure.sources.matches import Match
    from tenure.sources.models import RehireQuestion

Number = Annotated[
    str,
    typer.Argument(
        metavar="NUMBER", help="That of the new record, or of one of the two: `tenure match list`."
    ),
]
Other = Annotated[
    str | None,
    typer.Argument(
        metavar="OTHER", help="Of two people the other one: number, e-mail or full name."
    ),
]
Why = Annotated[str, typer.Option("--reason", help="Why: it is kept in the audit trail.")]
SourceSlug = Annotated[
    str, typer.Option("--source", help="Which source asks, where several do; as in tenure.yaml.")
]

match_app = typer.Typer(
    help="Who may be the same person: new records, and people who are here already.\n\n"
    "Example: `tenure match list`",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    match_app.command("list")(list_matches)
    match_app.command("find")(find)
    match_app.command("same")(same)
    match_app.command("other")(other)
    match_app.command("unsure")(unsure)
    match_app.command("undo")(undo)
    app.add_typer(match_app, name="match")
    app.add_typer(match_app, name="rehire", hidden=True)


def list_matches(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are answered.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Who waits until somebody says whether it is the same person, who it could be, and why.

    Example: `tenure match list`
    """
    with session():
        from tenure.sources import matches

        _show(matches.everything(answered=everything), as_json=as_json)


def find(
    names: Annotated[
        bool,
        typer.Option("--names", help="By names alone too: namesakes are among what is found."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for people who are here twice, by the rules of all sources, and list who may be whom.

    Example: `tenure match find`
    """
    with session():
        from tenure.sources import matches, pairing

        run, _ = pairing.look(names_too=names)
        if not as_json:
            say(run.message)
        found = [one for one in matches.everything() if one.pair is not None]
        _show(found, as_json=as_json)


def same(
    number: Number,
    who: Other = None,
    person: Annotated[
        str | None,
        typer.Option("--person", "-p", help="Who it is, if it could be several: as OTHER."),
    ] = None,
    reason: Why = "",
    source: SourceSlug = "",
    yes: unions.Yes = False,
    dry_run: unions.DryRun = False,
    as_json: AsJson = False,
) -> None:
    """It is the same person. A record becomes one of theirs; who is back under a new number gets
    it. Two people are merged, which is shown first: everything of OTHER is the first one's.

    Example: `tenure match same P-7 --reason 'she works for both'`
    """
    whom = who or person
    if whom is not None and not _is_record(number, source):
        unions.merge(number, whom, reason, None, yes, dry_run, as_json)
        return
    with session():
        from tenure.infra.clock import now
        from tenure.people.services import find_person
        from tenure.sources import answering

        question = answering.question_named(number, source=source)
        found = find_person(whom) if whom else None
        if dry_run:
            raise Failure("What a record changes is shown by `tenure import SOURCE --dry-run`.")
        try:
            answering.needs(reason)
            found = answering.same(question=question, person=found, reason=reason, now=now())
        except answering.AnswerRefused as error:
            raise Failure(str(error)) from error
        _tell(
            found,
            as_json,
            f"{found.display_name} has the number {found.employee_number} now. "
            "`tenure plan` shows which accounts are opened again."
            if not question.found_by
            else f"{question.key} is one record more of {found.display_name} "
            f"({found.employee_number}). `tenure plan` shows what follows.",
        )


def other(
    number: Number,
    who: Other = None,
    reason: Why = "",
    source: SourceSlug = "",
    as_json: AsJson = False,
) -> None:
    """It is somebody else: of the record a new person is made. Two people stay two, for good.

    Example: `tenure match other P-7 --reason 'another Anna Nagy'`
    """
    with session():
        from tenure.infra.clock import now
        from tenure.sources import answering, apart

        try:
            if who is not None:
                one, two = _two(number, who)
                apart.two(one=one, other=two, reason=reason, now=now())
                _tell(one, as_json, f"{_both(one, two)} are two people. They are not asked again.")
                return
            question = answering.question_named(number, source=source)
            answering.needs(reason)
            found = answering.other(question=question, reason=reason, now=now())
        except answering.AnswerRefused as error:
            raise Failure(str(error)) from error
        _tell(
            found, as_json, f"{found.display_name} is a new person. `tenure plan` shows the rest."
        )


def unsure(
    number: Number,
    who: Other = None,
    reason: Why = "",
    source: SourceSlug = "",
    as_json: AsJson = False,
) -> None:
    """Not sure yet: it is kept with why, and goes on waiting. Nothing is made of a record.

    Example: `tenure match unsure P-7 --reason 'asked HR on Monday'`
    """
    with session():
        from tenure.infra.clock import now
        from tenure.sources import answering, apart

        try:
            if who is not None:
                one, two = _two(number, who)
                apart.unsure(one=one, other=two, reason=reason, now=now())
                _tell(one, as_json, f"{_both(one, two)} go on waiting for an answer.")
                return
            question = answering.question_named(number, source=source)
            answering.unsure(question=question, reason=reason, now=now())
        except answering.AnswerRefused as error:
            raise Failure(str(error)) from error
        _tell(None, as_json, f"{number} goes on waiting for an answer.")


def undo(
    number: Number,
    who: Other = None,
    reason: Why = "",
    source: SourceSlug = "",
    as_json: AsJson = False,
) -> None:
    """Take back an answer, as long as nothing was done in any application. It is asked again. A
    merge is taken back by `tenure person undo`.

    Example: `tenure match undo P-7 --reason 'the wrong Anna'`
    """
    with session():
        from tenure.provisioning.decisions.rehires import take_back
        from tenure.sources import answering, apart

        try:
            if who is not None:
                one, two = _two(number, who)
                apart.take_back(one=one, other=two, reason=reason)
                _tell(one, as_json, f"{_both(one, two)} may be one again, and wait for an answer.")
                return
            question = answering.question_named(number, source=source, answered=True)
            left = take_back(question, reason=reason)
        except answering.AnswerRefused as error:
            raise Failure(str(error)) from error
        said = f"{left.display_name} is as before." if left else "The new person is gone again."
        _tell(left, as_json, f"{said} {number} waits for an answer.")


def _is_record(number: str, source: str) -> bool:
    """Whether there is a question about a new record of this number."""
    with session():
        from tenure.sources.models import RehireQuestion

        rows = RehireQuestion.objects.filter(key=number.strip(), answer="")
        return (rows.filter(source__slug=source) if source else rows).exists()


def _two(one: str, other: str) -> tuple[Person, Person]:
    from tenure.people.services import find_person

    return find_person(one), find_person(other)


def _both(one: Person, other: Person) -> str:
    names = (f"{p.display_name} ({p.employee_number or 'no number'})" for p in (one, other))
    return " and ".join(names)


def _tell(person: Person | None, as_json: bool, words: str) -> None:
    if not as_json:
        say(words)
        return
    print_json(
        {
            "employee_number": person.employee_number if person else None,
            "name": person.display_name if person else None,
            "state": person.state if person else None,
            "message": words,
        }
    )


def _show(found: list[Match], *, as_json: bool) -> None:
    documents = [_document(one) for one in found]
    if as_json:
        print_json(documents)
        return
    if not documents:
        out.print("Nobody waits for an answer.")
        return
    columns = ["Number", "Name", "Starts", "May be", "Source", "Answer"]
    rows = [
        (
            d["employee_number"],
            d["name"],
            d["start_date"] or "",
            ", ".join(map(_candidate, d["may_be"])),
            d["source"] or "known already",
            _answered(d),
        )
        for d in documents
    ]
    out.print(table("", columns, rows))


def _candidate(document: dict[str, str]) -> str:
    by = f"; the same {document['the_same']}" if document["the_same"] else ""
    return f"{document['name']} ({document['employee_number']}, {document['state']}{by})"


def _answered(document: dict[str, Any]) -> str:
    if document["answer"]:
        why = f": {document['reason']}" if document["reason"] else ""
        return f"{document['answer']}, by {document['answered_by']}{why}"
    if document["unsure_by"]:
        return f"waits; {document['unsure_by']} is not sure: {document['unsure_why']}"
    return "waits"


def _document(match: Match) -> dict[str, Any]:
    asked = match.asked
    return {
        "employee_number": match.number,
        "name": match.name,
        "may_be": [
            {
                "employee_number": one.person.employee_number,
                "name": one.person.display_name,
                "state": one.person.state,
                "the_same": one.same,
            }
            for one in match.candidates
        ],
        **_of_record(match.question),
        "asked_at": asked.asked_at,
        "unsure_by": asked.unsure_by or None,
        "unsure_at": asked.unsure_at,
        "unsure_why": asked.unsure_why,
        "answer": asked.answer or None,
        "answered_by": asked.answered_by or None,
        "answered_at": asked.answered_at,
        "reason": asked.reason,
    }


def _of_record(question: RehireQuestion | None) -> dict[str, Any]:
    """What only a new record has: `kind` says whether it is one."""
    if question is None:
        return {"kind": "people", "source": None, "start_date": None, "former_number": None}
    return {
        "kind": "record",
        "source": question.source.slug,
        "start_date": question.row["attributes"].get("start_date"),
        "former_number": question.former_number or None,
    }
