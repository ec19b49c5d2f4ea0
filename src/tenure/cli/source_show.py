"""Of the group `tenure source`: how one source stands, and what is written back into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table
from tenure.cli.source import Slug

if TYPE_CHECKING:
    from tenure.sources.models import Source
    from tenure.writeback.models import WriteBack
    from tenure.writeback.previewing import Preview

_SHOWN = 20


def register(source_app: typer.Typer) -> None:
    source_app.command("show")(show)
    source_app.command("write-back")(write_back)


def show(source: Slug, as_json: AsJson = False) -> None:
    """How a source stands: its records, its last import and the next one, what is wrong, and what
    waits to be written back.

    Example: `tenure source show hr`
    """
    with session():
        from tenure.core.schedules import schedule_from
        from tenure.sources.finding import source_named
        from tenure.sources.selectors import sources

        found = source_named(source)
        row = next(row for row in sources() if row.source.pk == found.pk)
        document: dict[str, Any] = {
            "source": found.slug,
            "name": found.name,
            "reader": found.reader,
            "records": row.records,
            "gone": row.gone,
            "schedule": str(schedule_from(found.schedule)),
            "due_at": found.due_at,
            "last": row.last.state if row.last else None,
            "last_at": row.last.touched_at if row.last else None,
            "errors": row.errors,
            "warnings": row.warnings,
            "failures": found.failures,
            "failed": found.failed_reason,
            "write_back": _standing(found),
        }
        if as_json:
            print_json(document)
            return
        out.print(f"{found.name} ({found.reader}): {row.records} records, {row.gone} gone.")
        last = f"{row.last.state} {row.read_at:%Y-%m-%d %H:%M} UTC" if row.last else "never"
        due = f", next {found.due_at:%Y-%m-%d %H:%M} UTC" if found.due_at else ""
        out.print(f"Imported {document['schedule']}: last {last}{due}.", highlight=False)
        if found.failed_reason:
            out.print(found.failed_reason, markup=False, style="red")
        _say_standing(document["write_back"])


def write_back(
    source: Slug,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read everybody's record, and say what would be written."),
    ] = False,
    everybody: Annotated[
        bool,
        typer.Option("--all", help="Read everybody's record, and have what it lacks written."),
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="What the guard holds is right: write it.")
    ] = False,
    reject: Annotated[
        bool, typer.Option("--reject", help="What the guard holds is wrong: forget it.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try now what failed or waits, and the source itself.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="Why: kept in the audit trail. Not for --dry-run.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """What is written into the records of a source: what waits, is held, failed and was written
    last. Or, by one of the options, a decision about it.

    Example: `tenure source write-back hr --dry-run`
    """
    if sum((dry_run, everybody, accept, reject, retry)) > 1:
        raise Failure("Say one of --dry-run, --all, --accept, --reject and --retry.")
    if (everybody or accept or reject) and not reason.strip():
        raise Failure("Say why, with --reason: it is kept in the audit trail.")
    with session():
        from tenure.readers.base import ReaderError
        from tenure.sources.finding import source_named
        from tenure.writeback import previewing, steering

        found = source_named(source)
        try:
            if dry_run:
                _preview(found, previewing.preview(found), as_json=as_json)
                return
            if everybody:
                count, done = steering.write_all(found, reason=reason), "are to be written"
            elif accept:
                count, done = steering.accept(found, reason=reason), "are written now"
            elif reject:
                count, done = steering.reject(found, reason=reason), "are forgotten"
            elif retry:
                count, done = steering.retry(found, reason=reason), "are tried now"
            else:
                _list(found, as_json=as_json)
                return
        except ReaderError as error:
            raise Failure(str(error)) from error
        if as_json:
            print_json({"source": found.slug, "records": count})
        else:
            say(f"Records of {found.name} that {done}: {count}.")


def _preview(source: Source, found: Preview, *, as_json: bool) -> None:
    lines = [
        {
            "employee_number": one.person.employee_number,
            "name": one.person.display_name,
            "record": one.record.remote_id,
            "before": dict(one.was),
            "after": dict(one.values),
        }
        for one in found.lacking
    ]
    if as_json:
        document = {"source": source.slug, "read": found.read, "nameless": found.nameless}
        print_json({**document, "lacking": lines})
        return
    if lines:
        rows = [
            (one.person.employee_number, one.person.display_name, column, was, one.values[column])
            for one in found.lacking
            for column, was in one.was.items()
        ]
        out.print(table("", ["Number", "Name", "Column", "Has", "Would have"], rows))
    say(
        f"{len(lines)} of {found.read} records of {source.name} would be written to. Nothing was. "
        f"`tenure source write-back {source.slug} --all --reason WHY` does it."
    )
    if found.nameless:
        say(f"{found.nameless} records have no name of their own there: they cannot be written.")


def _list(source: Source, *, as_json: bool) -> None:
    from tenure.writeback import selectors

    standing = _standing(source)
    rows = selectors.records(source, size=_SHOWN).rows
    documents = [_document(source, row) for row in rows]
    if as_json:
        print_json({"source": source.slug, **standing, "records": documents})
        return
    if documents:
        cells = [
            (
                row["employee_number"],
                row["name"],
                ", ".join(row["after"].values()),
                row["state"],
                row["reason"],
            )
            for row in documents
        ]
        out.print(table("", ["Number", "Name", "To be written", "State", "Why"], cells))
    _say_standing(standing)


def _document(source: Source, row: WriteBack) -> dict[str, Any]:
    return {
        "employee_number": row.person.employee_number,
        "name": row.person.display_name,
        "record": row.record.remote_id,
        "state": row.state,
        "before": row.was,
        "after": {source.write_back.get(name, name): text for name, text in row.wanted.items()},
        "reason": row.reason,
        "tries": row.tries,
        "asked_at": row.asked_at,
        "next_at": row.not_before if row.state == "waiting" else None,
        "settled_at": row.settled_at,
    }


def _standing(source: Source) -> dict[str, Any]:
    from tenure.writeback import selectors

    found = selectors.standing(source)
    return {
        "columns": found.columns,
        "waiting": found.waiting,
        "held": found.held,
        "failed": found.failed,
        "written": found.done,
        "last_at": found.last,
        "still": found.still,
        "refused": found.refused,
        "until": found.until,
        "held_reason": found.held_reason,
    }


def _say_standing(found: dict[str, Any]) -> None:
    if not found["columns"]:
        out.print("Nothing is written back.")
        return
    told = ", ".join(f"{name} into {column}" for name, column in found["columns"].items())
    counts = ", ".join(f"{found[w]} {w}" for w in ("waiting", "held", "failed", "written"))
    out.print(f"Written back: {told}. {counts}.", markup=False, highlight=False)
    if found["still"]:
        again = (
            f" It is tried again at {found['until']:%Y-%m-%d %H:%M} UTC." if found["until"] else ""
        )
        out.print(f"Nothing is sent: {found['still']}{again}", markup=False, style="red")
    if found["held_reason"]:
        out.print(f"Held: {found['held_reason']}", markup=False, style="yellow")
