"""Charts say the same by their bars as by their numbers."""

from __future__ import annotations

from decimal import Decimal

from django.test import Client

from tenure.console import charts
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
