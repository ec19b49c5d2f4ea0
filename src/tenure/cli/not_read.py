"""What `doctor` says of applications that are not read, or should have been."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.cli.looked_at import Line


def looks() -> Iterator[Line]:
    """One that nobody means to be read works, and somebody should know of it all the same."""
    from tenure.provisioning.questions.not_read import never_read, not_read

    for row in never_read():
        last = f"{row.reconciled_at:%Y-%m-%d %H:%M %Z}" if row.reconciled_at else "never"
        yield Line(
            f"reading {row.slug}",
            True,
            f"reconcile_every is never, last read: {last}. A leaver's account that somebody opens "
            f"there again is seen only after `tenure reconcile {row.slug}`",
            warning=True,
        )
    for one in not_read():
        if not one.never:
            yield Line(
                f"reading {one.application.slug}",
                False,
                f"last read {one.since:%Y-%m-%d %H:%M %Z}, and should have been since: {one.why} "
                f"`tenure reconcile {one.application.slug}` tries it at once",
            )
