"""Records under new employee numbers that may be people who were here before: look and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

if TYPE_CHECKING:
    from tenure.people.models import Person
    from tenure.sources.models import RehireQuestion

Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="The new employee number: `tenure rehire list`.")
]
Why = Annotated[str, typer.Option("--reason", help="Why: it is kept in the audit trail.")]
SourceSlug = Annotated[
    str, typer.Option("--source", help="Which source asks, where several do; as in tenure.yaml.")
]

rehire_app = typer.Typer(
    help="People who may have come back under a new employee number.\n\n"
    "Example: `tenure rehire list`",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    rehire_app.command("list")(list_rehires)
    rehire_app.command("same")(same)
    rehire_app.command("other")(other)
    rehire_app.command("undo")(undo)
    app.add_typer(rehire_app, name="rehire")


def list_rehires(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are answered.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Which records wait until somebody says whether it is the same person.

    Example: `tenure rehire list`
    """
    show(everything=everything, as_json=as_json)


def show(*, everything: bool, as_json: bool, also_elsewhere: bool = False) -> None:
    """The questions, with those about people of other sources or without."""
    with session():
        from tenure.sources.selectors import rehires

        documents = [
            _document(row.question, row.candidates)
            for row in rehires(everything=everything)
            if also_elsewhere or not row.question.found_by
        ]
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
                d["source"],
                _answered(d),
            )
            for d in documents
        ]
        out.print(table("", columns, rows))


def same(
    number: Number,
    person: Annotated[
        str | None,
        typer.Option("--person", "-p", help="Who it is, if it could be several: number or e-mail."),
    ] = None,
    reason: Why = "",
    source: SourceSlug = "",
    as_json: AsJson = False,
) -> None:
    """It is the person who was here before: they get the new number and keep their accounts.

    Example: `tenure rehire same 20977 --reason 'back after two years'`
    """
    with session():
        from tenure.infra.clock import now
        from tenure.people.services import find_person
        from tenure.sources import answering

        question = answering.question_named(number, source=source)
        whom = find_person(person) if person else None
        try:
            found = answering.same(question=question, person=whom, reason=reason, now=now())
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
    number: Number, reason: Why = "", source: SourceSlug = "", as_json: AsJson = False
) -> None:
    """It is somebody else: a new person is made, with accounts of their own.

    Example: `tenure rehire other 20977 --reason 'her daughter'`
    """
    with session():
        from tenure.infra.clock import now
        from tenure.sources import answering

        question = answering.question_named(number, source=source)
        try:
            found = answering.other(question=question, reason=reason, now=now())
        except answering.AnswerRefused as error:
            raise Failure(str(error)) from error
        _tell(
            found, as_json, f"{found.display_name} is a new person. `tenure plan` shows the rest."
        )


def undo(
    number: Number, reason: Why = "", source: SourceSlug = "", as_json: AsJson = False
) -> None:
    """Take back an answer, as long as nothing was done in any application. It is asked again.

    Example: `tenure rehire undo 20977 --reason 'the wrong Anna'`
    """
    with session():
        from tenure.provisioning.rehires import take_back
        from tenure.sources import answering

        question = answering.question_named(number, source=source, answered=True)
        try:
            left = take_back(question, reason=reason)
        except answering.AnswerRefused as error:
            raise Failure(str(error)) from error
        said = f"{left.display_name} is as before." if left else "The new person is gone again."
        _tell(left, as_json, f"{said} {number} waits for an answer.")


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


def _candidate(document: dict[str, str]) -> str:
    by = f"; the same {document['the_same']}" if document["the_same"] else ""
    return f"{document['name']} ({document['employee_number']}, {document['state']}{by})"


def _answered(document: dict[str, Any]) -> str:
    if not document["answer"]:
        return "waits"
    why = f": {document['reason']}" if document["reason"] else ""
    return f"{document['answer']}, by {document['answered_by']}{why}"


def _document(question: RehireQuestion, candidates: list[Person]) -> dict[str, Any]:
    from tenure.sources.selectors import name_in

    return {
        "employee_number": question.key,
        "name": name_in(question),
        "start_date": question.row["attributes"].get("start_date"),
        "source": question.source.slug,
        "may_be": [
            {
                "employee_number": p.employee_number,
                "name": p.display_name,
                "state": p.state,
                "the_same": question.found_by.get(str(p.pk), ""),
            }
            for p in candidates
        ],
        "asked_at": question.asked_at,
        "answer": question.answer or None,
        "answered_by": question.answered_by or None,
        "answered_at": question.answered_at,
        "reason": question.reason,
        "former_number": question.former_number or None,
    }
