"""Tasks: what a person has to do by hand, and saying that it is done."""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.lines import Limit, more_than
from tenure.cli.output import AsJson, out, print_json, say, table
from tenure.cli.working import Application
from tenure.core.instants import told

tasks_app = typer.Typer(
    name="tasks",
    help="What applications cannot do, for a person to do by hand.\n\nExample: `tenure tasks list`",
    no_args_is_help=True,
)
Number = Annotated[
    int, typer.Argument(metavar="TASK", help="Its number, as `tenure tasks list` shows it.")
]


@tasks_app.command("list")
def list_tasks(
    application: Application = None,
    person: Annotated[
        str | None, typer.Option("--person", "-p", help="Only this person: number, e-mail, name.")
    ] = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """What waits to be done by hand, the oldest first.

    Example: `tenure tasks list --application chat`
    """
    with session():
        from tenure.infra.clock import now
        from tenure.people.services import find_person
        from tenure.provisioning.decisions import byhand

        found = byhand.tasks(
            application=application,
            person=find_person(person) if person else None,
            limit=limit + 1,
        )
        if len(found) > limit:
            more_than(limit)
            del found[limit:]
        if as_json:
            print_json({"tasks": [task.as_json() for task in found]})
            return
        if not found:
            say("Nothing waits to be done by hand.")
            return
        whose = byhand.whose(found)
        rows = [
            (
                task.number,
                task.what,
                whose[task.assignee],
                f"{(now() - task.since).days} days{', overdue' if task.overdue else ''}",
            )
            for task in found
        ]
        out.print(table("", [">Task", "What", "Whose", "Waits"], rows))


@tasks_app.command("show")
def show(
    task: Number,
    sensitive: Annotated[
        bool, typer.Option("--sensitive", help="Sensitive values too. It is recorded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What to do, step by step, and what it is for.

    Example: `tenure tasks show 1204`
    """
    with session():
        from tenure.provisioning.decisions import byhand

        found = byhand.task_in_clear(task) if sensitive else byhand.task(task)
        if as_json:
            print_json(found.as_json())
            return
        out.print(found.what, markup=False, style="bold")
        if found.how and not found.looks:
            out.print(f"How: {found.how}", markup=False)
        for step in found.steps:
            out.print(f"  {step}", markup=False)
        then = "Then" if found.looks else "Then look"
        out.print(f"{then}: {found.check}", markup=False)
        out.print(f"Why: {found.why}", markup=False)
        out.print(f"By hand, because: {found.cause}", markup=False)
        overdue = "; overdue" if found.overdue else ""
        whose = byhand.whose([found])[found.assignee]
        out.print(f"For {whose}, since {told(found.since)}{overdue}", markup=False)
        if found.sensitive:
            say("Sensitive values are not shown: --sensitive shows them, and that is recorded.")
        of = " [--account ID]" if found.makes else ""
        if found.looks:
            say(f"`tenure tasks done {task}{of}` if there is one, else `tenure tasks none {task}`.")
            return
        say(f"`tenure tasks done {task}{of}` when it is done, `tenure tasks cannot {task}` if not.")


@tasks_app.command("done")
def done(
    task: Number,
    note: Annotated[str, typer.Option(help="What was done: it is kept as the evidence.")] = "",
    account: Annotated[
        str, typer.Option(help="Id, in the application, of the account that was made.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """It is done. What it wanted counts as so until the application is read. A failed operation
    that closes a leaver's access, and is tried again by itself, can be settled like this too:
    then --note is needed, and nothing is proven until the application is read.

    Example: `tenure tasks done 1204 --note 'closed by Ada in the admin pages'`
    """
    with session():
        from tenure.provisioning.decisions import byhand

        byhand.done(task, note=note, account=account)
        print_json({"task": task, "state": "done"}) if as_json else say(f"Task {task} is done.")


@tasks_app.command("none")
def none_there(
    task: Number,
    note: Annotated[str, typer.Option(help="Where you looked: it is kept as the evidence.")],
    as_json: AsJson = False,
) -> None:
    """There is no such account. For tasks that ask to look for one that may have been made, and is
    no longer due.

    Example: `tenure tasks none 1204 --note 'not on the admin pages, deleted users included'`
    """
    with session():
        from tenure.provisioning.decisions import byhand

        byhand.none_there(task, note=note)
        print_json({"task": task, "state": "cancelled"}) if as_json else say(
            f"Task {task} is settled: there is none."
        )


@tasks_app.command("cannot")
def cannot(
    task: Number,
    note: Annotated[str, typer.Option(help="Why: whoever looks next has to know.")],
    as_json: AsJson = False,
) -> None:
    """It cannot be done by hand either. It is listed as failed until it is planned anew.

    Example: `tenure tasks cannot 1204 --note 'the vendor has locked us out'`
    """
    with session():
        from tenure.provisioning.decisions import byhand

        byhand.cannot(task, note=note)
        print_json({"task": task, "state": "failed"}) if as_json else say(
            f"Task {task} is listed as failed. `tenure retry` makes it a task again."
        )
