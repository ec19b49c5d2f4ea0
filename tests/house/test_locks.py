"""Nobody waits for somebody who does something else: each kind of advisory lock has its number, and
whoever has taken a person or an application keeps nobody from naming it in another table."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "tenure"
#: All of them begin alike.
NUMBER = re.compile(r"\b0x7E[0-9A-F_]+\b")


def test_no_two_kinds_of_lock_have_the_same_number() -> None:
    found = Counter(
        int(number, 16)
        for path in SOURCES.rglob("*.py")
        for number in NUMBER.findall(path.read_text(encoding="utf-8"))
    )
    assert len(found) > 10
    assert [hex(number) for number, times in found.items() if times > 1] == []


#: Most tables name one of these. Who takes one like this waits for whoever has just stored such a
#: row, and the other way round when that one commits.
TAKEN = re.compile(r"\b(?:Person|Application)\.objects[^\n]*\s*\.select_for_update\(([^\n]*)")


def test_people_and_applications_are_taken_so_that_others_may_name_them() -> None:
    found = [
        (path.name, how)
        for path in SOURCES.rglob("*.py")
        for how in TAKEN.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(found) > 20
    assert [name for name, how in found if "no_key=True" not in how] == []
