"""A dry run says whom it would change, from what to what, and keeps nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.people.models import AttributeDefinition, Person
from tenure.sources import telling
from tests.sources.hr import MAPPING, row, source, take

pytestmark = pytest.mark.django_db


def test_added_changed_and_left(tmp_path: Path) -> None:
    hr = source()
    rows = [row(1), row(2), row(3)]
    take(hr, tmp_path, rows)
    new = [row(1, family="Nagy"), row(2, end="2024-06-30"), row(3), row(4, manager="1")]
    result = take(hr, tmp_path, new, dry_run=True)
    found = {change.key: change for change in result.changes}
    assert set(found) == {"1", "2", "4"}
    assert (found["1"].kind, found["1"].name) == ("changed", "Given1 Nagy")
    assert found["1"].before == {"family_name": "Kovács", "display_name": "Given1 Kovács"}
    assert found["1"].after == {"family_name": "Nagy", "display_name": "Given1 Nagy"}
    assert (found["2"].kind, found["2"].before["state"]) == ("left", "active")
    assert found["2"].after == {"end_date": "2024-06-30", "state": "left"}
    assert (found["4"].kind, found["4"].before) == ("added", {})
    assert found["4"].after["email"] == "given4.kovacs@acme.example"
    assert found["4"].after["state"] == "active"
    assert None not in found["4"].after.values()
    assert Person.objects.count() == 3
    assert take(hr, tmp_path, new).changes == ()


def test_what_is_gone_is_none_and_what_is_sensitive_is_hidden(tmp_path: Path) -> None:
    AttributeDefinition.objects.create(name="pay", label="Pay", type="string", sensitive=True)
    hr = source(mapping={**MAPPING, "pay": 'row["Manager"]'})
    take(hr, tmp_path, [row(1, manager="100", end="2099-01-01")])
    (change,) = take(hr, tmp_path, [row(1, manager="200")], dry_run=True).changes
    assert change.before["pay"] == change.after["pay"] == telling.HIDDEN
    assert (change.before["end_date"], change.after["end_date"]) == ("2099-01-01", None)


def test_the_first_are_told_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_TOLD", 2)
    result = take(source(), tmp_path, [row(n) for n in range(5)], dry_run=True)
    assert (len(result.changes), result.more) == (2, 3)
