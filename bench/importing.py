"""Importing a CSV file: first from nothing, then the same file again, unchanged.

The import runs in a process of its own, so that its peak memory is its own; PostgreSQL's is not
counted. Every thousandth row has no e-mail address, so that names are made too.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import Result, peak_mebibytes

MAPPING = {
    "employee_number": 'row["Number"]',
    "given_name": 'row["Given"]',
    "family_name": 'row["Family"]',
    "email": 'lower(row["E-mail"])',
    "department": 'row["Department"]',
    "title": 'row["Title"]',
    "manager": 'row["Manager"]',
    "status": 'row["Status"]',
    "start_date": 'row["Start"]',
}
COLUMNS = "Number Given Family E-mail Department Title Manager Status Start".split()  # noqa: SIM905
DEPARTMENTS = ("Engineering", "Sales", "Support", "Finance")
#: Rows a second that the first import has to reach.
FLOOR = 5000.0


def run(sizes: list[int]) -> list[Result]:
    """Rows a second and peak MiB, for the first import and for the second."""
    results = []
    for size in sizes:
        output = subprocess.run(
            [sys.executable, "-m", "bench.importing", str(size)],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        found = json.loads(output.splitlines()[-1])
        for turn, floor in (("first", FLOOR), ("unchanged", None)):
            rate = found[turn]["rate"]
            name = f"import {size:,} rows, {turn}"
            results.append(Result(name, rate, floor, "rows/s", rate / floor if floor else None, 1))
            results.append(
                Result(f"{name}, peak memory", found[turn]["mebibytes"], None, "MiB", None, 1)
            )
    return results


def measure(size: int) -> dict[str, dict[str, float]]:
    """Import a file of that many rows twice."""
    from bench import company
    from tenure.people.models import Company
    from tenure.sources.importing import import_source
    from tenure.sources.models import Source, SourceRecord

    company.clear()
    Source.objects.all().delete()
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    source = Source.objects.create(slug="hr", name="HR", reader="csv", mapping=MAPPING)
    found = {}
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        path = Path(folder) / "people.csv"
        _write(path, size)
        for turn in ("first", "unchanged"):
            started = time.perf_counter()
            counts = import_source(source, file=path).counts
            found[turn] = {
                "rate": size / (time.perf_counter() - started),
                "mebibytes": peak_mebibytes(),
            }
            if counts["rows"] != size or counts.get("errors"):
                raise RuntimeError(f"The import took something else: {counts}.")
    if SourceRecord.objects.count() != size:
        raise RuntimeError("Not every row has a record.")
    return found


def _write(path: Path, size: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(1, size + 1):
            address = "" if number % 1000 == 0 else f"Person{number}@acme.example"
            department = DEPARTMENTS[number % 4]
            manager = number // 10 or ""
            row = [number, f"Given{number % 500}", f"Family{number}", address, department]
            writer.writerow([*row, "Engineer", manager, "Active", "2024-01-01"])


if __name__ == "__main__":
    from tenure.config.bootstrap import setup

    with setup():
        print(json.dumps(measure(int(sys.argv[1]))))
