"""The chain of the audit trail, walked, and compared with what was noted of it elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json


def verify(
    noted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POSITION:DIGEST",
            help="What was noted before, of the digest the first 16 signs at least. Several times.",
        ),
    ] = None,
    receipt: Annotated[
        list[Path] | None,
        typer.Option(help="A receipt (person proof --json), which has both. Several times."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the chain of the audit trail: exit code 1 if an event was changed or is missing. With
    what was noted elsewhere, also if its end was cut off, or all of it was written anew.

    Example: `tenure audit verify --receipt access-ended-10482.json`
    """
    kept = [*map(_noted, noted or ()), *map(_noted_in, receipt or ())]
    with session():
        from tenure.audit.services import Noted, last, seal
        from tenure.audit.services import verify as walk

        while seal():
            pass
        count, wrong = walk([Noted(*item) for item in kept])
        end = last()
        if as_json:
            print_json({"events": count, "wrong": wrong, "last": end._asdict() if end else None})
        elif not wrong:
            out.print(f"{count} events, each as it was written.")
            if end is not None:
                out.print(
                    f"[dim]Note elsewhere, for --noted: {end.position}:{end.digest}[/]",
                    soft_wrap=True,
                )
        if wrong:
            raise Failure(f"The audit trail was tampered with: {wrong}.", told=as_json)


def _noted(text: str) -> tuple[int, str]:
    place, _, digest = text.strip().partition(":")
    if not re.fullmatch(r"[1-9][0-9]{0,17}", place) or not re.fullmatch(
        r"[0-9a-fA-F]{16,64}", digest
    ):
        raise Failure(
            f"--noted: {text!r} is no place in the chain. Expected its number, a colon and its "
            "digest, such as 4711:9f86d081884c7d65 (16 to 64 signs of hexadecimal)."
        )
    return int(place), digest


def _noted_in(path: Path) -> tuple[int, str]:
    try:
        trail = json.loads(path.read_text(encoding="utf-8"))["audit_trail"]
        return _noted(f"{trail['position']}:{trail['digest']}")
    except OSError as error:
        raise Failure(f"--receipt: {path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise Failure(
            f"--receipt: {path} is no receipt. Expected what `tenure person proof --json` writes, "
            "or the file of the person's page."
        ) from None
