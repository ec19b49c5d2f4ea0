"""Charts say the same by their bars as by their numbers."""

from __future__ import annotations

from decimal import Decimal

from django.test import Client

from tenure.console import charts
from tenure.console.look import Mark
from tenure.console.waiting_item import Item, laid_out
from tests.console.company import Sample
from tests.console.test_lists import text


def test_costs_are_on_one_scale_the_dearest_first() -> None:
    def row(name: str, amount: str, wasted: str = "0") -> tuple[str, str, object, Decimal, Decimal]:
        return name, "", None, Decimal(amount), Decimal(wasted)

    found = charts.costs([row("chat", "50"), row("crm", "200", "20"), row("free", "0")])
    assert [(bar.label, bar.width, bar.idle) for bar in found] == [
        ("crm", 100.0, 10.0),
        ("chat", 25.0, 0.0),
    ]
    assert found[0].idle_from == 90.0
    # What is hardly anything is seen all the same, and no more is wasted than is paid.
    small = charts.costs([row("crm", "100000"), row("chat", "1", "7")])[1]
    assert (small.width, small.idle) == (0.6, 0.0)
    assert charts.costs([]) == []


def test_the_chart_of_licences(sample: Sample, owner: Client) -> None:
    page = text(owner, "/console/licences/")
    assert "Where the money goes" in page
    assert page.index("bars money") < page.index("<table")
    assert "for nobody" in page


def test_a_bar_is_cut_up_and_the_smallest_part_can_be_seen() -> None:
    rows = [
        ("Active", 99_990, "make", "", True),
        ("Suspended", 10, "change", "", True),
        ("Left", 500_000, "quiet", "", False),
    ]
    active, suspended, left = charts.split(rows)
    assert (active.x, active.width + suspended.width) == (0, 100)
    assert suspended.width > 1
    assert suspended.x == active.width
    assert (left.count, left.width) == (500_000, 0)
    assert charts.split([]) == []
    assert [part.width for part in charts.split([("Active", 0, "", "", True)])] == [0]


def test_a_long_list_of_what_waits_is_opened() -> None:
    def items(count: int) -> list[Item]:
        marks = [Mark("Held", "wait"), Mark("Failed", "remove")]
        return [Item(marks[i % 2], f"Item {i}", "", "/", "Look") for i in range(count)]

    few, many = laid_out(items(8)), laid_out(items(9))
    assert (len(few.first), len(few.rest)) == (8, 0)
    assert (len(many.first), len(many.rest)) == (6, 3)
    assert many.tally == [("remove", 4, "stopped or failed"), ("wait", 5, "to decide")]
    assert laid_out([]).tally == []
