"""What an import came to, in a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.cli.output import err, out, say

if TYPE_CHECKING:
    from tenure.sources.importing import ImportResult


def as_json(result: ImportResult, source: str, *, dry_run: bool) -> dict[str, object]:
    """The whole of it, as `--json` prints it."""
    return {
        "run": result.run.pk,
        "source": source,
        "dry_run": dry_run,
        "whole": result.whole,
        "held": result.held,
        "message": result.run.message,
        "counts": dict(result.counts),
        "issues": [
            {
                "severity": issue.severity,
                "line": issue.line,
                "key": issue.key,
                "message": issue.message,
            }
            for issue in result.issues
        ],
        "changes": [change.as_json() for change in result.changes],
        "changes_more": result.more,
    }


#: People whose changes a dry run shows in a terminal.
_SHOWN = 20
_SIGNS = {"added": ("+", "green"), "changed": ("~", "yellow"), "left": ("-", "red")}


def _show_changes(result: ImportResult) -> None:
    """A dry run as a diff: who, and each attribute from what to what."""
    for change in result.changes[:_SHOWN]:
        sign, style = _SIGNS[change.kind]
        out.print(f"{sign} {change.key} {change.name}", style=style, markup=False)
        for name in change.after:
            after = _value(change.after[name])
            before = "" if change.kind == "added" else f"{_value(change.before[name])} -> "
            out.print(f"    {name}: {before}{after}", markup=False)
    rest = len(result.changes) - _SHOWN + result.more
    if rest > 0:
        out.print(f"[dim]and {rest} more; --json has the first thousand[/]")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "(nothing)" if value is None else str(value)


def show(result: ImportResult, *, dry_run: bool) -> None:
    """What was wrong, and what it came to; of one that a guard holds, what it would have been."""
    if dry_run:
        _show_changes(result)
    for issue in result.issues:
        where = f"line {issue.line}: " if issue.line else ""
        who = f"{issue.key}: " if issue.key else ""
        style = "red" if issue.severity == "error" else "yellow"
        err.print(f"{issue.severity} {where}{who}{issue.message}", style=style, markup=False)
    counts = result.counts
    words = [
        form.format(many=many, s="" if many == 1 else "s")
        for many, form in (
            (counts.get("added", 0), "{many} added"),
            # Who has left is another than before, too.
            (counts.get("changed", 0) - counts.get("left", 0), "{many} changed"),
            (counts.get("renumbered", 0), "{many} under new numbers"),
            (counts.get("unchanged", 0), "{many} unchanged"),
            (counts.get("left", 0), "{many} left"),
            (counts.get("ending", 0), "{many} by a last day to come"),
            (counts.get("held", 0), "{many} who would leave, held"),
            (counts.get("would_add", 0), "{many} would be added"),
            (counts.get("would_change", 0), "{many} would change"),
            (counts.get("would_leave", 0), "{many} would leave"),
            (counts.get("missing", 0), "{many} missing"),
            (counts.get("gone", 0), "{many} gone, and nobody leaves by that (`absence: ignore`)"),
            (counts.get("waiting", 0), "{many} waiting for an answer"),
            (counts.get("former", 0), "{many} under former numbers"),
            (counts.get("errors", 0), "{many} error{s}"),
            (counts.get("warnings", 0), "{many} warning{s}"),
        )
        if many > 0
    ]
    prefix = "Dry run, nothing changed. " if dry_run else ""
    rows = counts.get("rows", 0)
    if not rows and not result.whole:
        say(f"{prefix}Nothing is new there since it was read last.")
        return
    what = ("row" if rows == 1 else "rows") + ("" if result.whole else " that may be new")
    after = " Nothing of it was taken." if result.refused and not dry_run else ""
    say(f"{prefix}{rows} {what}: {', '.join(words) or 'nothing'}.{after}")
