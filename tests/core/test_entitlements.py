"""Which of the groups that an application lists a key means."""

from __future__ import annotations

import pytest

from tenure.core.entitlements import Shown

SALES = "group:Sales"


@pytest.mark.parametrize(
    ("listed", "known", "meant"),
    [
        ([("1", "Sales")], "", "1"),
        ([("1", "Sales"), ("2", "Sales")], "", "1"),
        # What we know stays what is meant, wherever it stands in the list.
        ([("1", "Sales"), ("2", "Sales")], "2", "2"),
        ([("2", "Sales"), ("1", "Sales")], "2", "2"),
        # Renamed there; and renamed with another one in its place.
        ([("1", "Sales and marketing")], "1", "1"),
        ([("1", "Old sales"), ("2", "Sales")], "1", "2"),
        # Deleted and made again.
        ([("2", "Sales")], "1", "2"),
        ([("2", "sales")], "1", "2"),
        ([("2", "sales"), ("3", "SALES")], "1", ""),
        ([("2", "Support")], "1", ""),
        ([], "1", ""),
    ],
)
def test_the_one_that_is_meant(listed: list[tuple[str, str]], known: str, meant: str) -> None:
    assert Shown(("group", *one) for one in listed).meant(SALES, known) == meant


def test_kinds_share_no_names() -> None:
    shown = Shown([("licence", "1", "Sales")])
    assert shown.meant(SALES, "1") == ""
    assert shown.has("licence:Sales", "1")
    assert not shown.has(SALES, "1")
