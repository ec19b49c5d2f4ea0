"""`tenure import --dry-run`: a diff of people in the terminal, and the same as JSON."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Tenure
from tests.sources import hr


def test_a_dry_run_is_shown_as_a_diff(
    transactional_db: None, tenure: Tenure, tmp_path: Path
) -> None:
    source = hr.source()
    hr.take(source, tmp_path, [hr.row(1), hr.row(2)])
    file = hr.write(tmp_path, [hr.row(1, family="Nagy"), hr.row(2, end="2024-06-30"), hr.row(3)])
    words = ["import", "hr", "--file", str(file), "--dry-run"]
    shown = tenure(*words).out
    assert "~ 1 Given1 Nagy\n    family_name: Kovács -> Nagy\n" in shown
    assert "- 2 Given2 Kovács\n    end_date: (nothing) -> 2024-06-30\n" in shown
    assert "+ 3 Given3 Kovács\n" in shown
    document = tenure(*words, "--json").document
    assert [c["kind"] for c in document["changes"]] == ["changed", "added", "left"]
    assert document["changes"][0]["after"]["family_name"] == "Nagy"
    assert document["changes_more"] == 0
