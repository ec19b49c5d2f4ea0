"""An HR source with a few columns, and files for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tenure.people.models import Company, Person
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import Source

HEADER = "Number,Given,Family,E-mail,Status,Start,End,Manager"
MAPPING = {
    "employee_number": 'row["Number"]',
    "given_name": 'row["Given"]',
    "family_name": 'row["Family"]',
    "email": 'row["E-mail"]',
    "status": 'row["Status"]',
    "start_date": 'row["Start"]',
    "end_date": 'row["End"]',
    "manager": 'row["Manager"]',
}


def source(slug: str = "hr", **more: object) -> Source:
    """A source of that shape; the company makes addresses at acme.example."""
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    fields = {"name": slug.upper(), "reader": "csv", "mapping": MAPPING, **more}
    return Source.objects.create(slug=slug, **fields)


def row(
    number: int | str,
    *,
    given: str = "",
    family: str = "Kovács",
    email: str = "",
    status: str = "Active",
    start: str = "2024-01-01",
    end: str = "",
    manager: str = "",
) -> str:
    name = given or f"Given{number}"
    return f"{number},{name},{family},{email},{status},{start},{end},{manager}"


def write(folder: Path, rows: Sequence[str], header: str = HEADER) -> Path:
    path = folder / "people.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def take(
    hr: Source, folder: Path, rows: Sequence[str], *, dry_run: bool = False, accept: str = ""
) -> ImportResult:
    """Import these rows."""
    return import_source(hr, file=write(folder, rows), dry_run=dry_run, accept=accept)


def complaints(result: ImportResult) -> list[tuple[int | None, str]]:
    return [(issue.line, issue.message) for issue in result.issues]


def person(number: int | str) -> Person:
    return Person.objects.get(employee_number=str(number))
