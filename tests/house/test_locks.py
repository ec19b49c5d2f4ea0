"""Nobody waits for somebody who does something else: each kind of advisory lock has its number."""

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
