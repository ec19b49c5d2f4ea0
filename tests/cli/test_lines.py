"""Lists are printed as they come, and say when they were cut."""

from __future__ import annotations

import json

import pytest

from tenure.cli import lines
from tenure.cli.output import print_json_list
from tenure.rules.models import AccessRule

COLUMNS = [("Name", lambda d: d["name"])]


def shown(capsys: pytest.CaptureFixture[str], limit: int, *, as_json: bool) -> tuple[str, str]:
    rows = AccessRule.objects.order_by("slug")
    lines.show(rows, lambda row: {"name": row.slug}, limit, as_json, COLUMNS)
    told = capsys.readouterr()
    return told.out, told.err


@pytest.mark.django_db
def test_a_list_is_as_long_as_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(capsys, 3, as_json=False)[0].split() == ["Name", "0", "rows"]
    AccessRule.objects.bulk_create(AccessRule(slug=f"r{n}", name="", condition="") for n in "abcd")
    out, err = shown(capsys, 3, as_json=True)
    assert json.loads(out) == [{"name": "ra"}, {"name": "rb"}, {"name": "rc"}]
    assert "more than 3" in err
    out, err = shown(capsys, 4, as_json=True)
    assert (len(json.loads(out)), err) == (4, "")
    monkeypatch.setattr(lines, "_IN_A_TABLE", 2)
    assert shown(capsys, 4, as_json=False)[0].split() == [
        "Name", "ra", "rb", "Name", "rc", "rd", "4", "rows"
    ]  # fmt: skip


def test_a_list_in_json_looks_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    for documents in ([], [1], [{"a": [1, "ö"], "b": {}}, {}]):
        print_json_list(iter(documents))
        assert capsys.readouterr().out == json.dumps(documents, indent=2, ensure_ascii=False) + "\n"
