"""`tenure source show` and `tenure source write-back`: what they print, what they refuse."""

from __future__ import annotations

import pytest

from tenure.readers.memory import forget_all
from tenure.sources.importing import import_source
from tenure.writeback import delivery
from tenure.writeback.models import WriteBack
from tests.cli.conftest import Tenure
from tests.sources.memory import live

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_written_back_is_previewed_decided_and_shown(tenure: Tenure) -> None:
    forget_all()
    source, there = live(25)
    assert "Nothing is written back" in tenure("source", "show", "hr").out
    refused = tenure("source", "write-back", "hr", "--dry-run")
    assert (refused.code, "write_back" in refused.err) == (1, True)
    source.write_back = {"email": "E-mail"}
    source.save()
    import_source(source)

    document = tenure("source", "write-back", "hr", "--dry-run", "--json").document
    assert (document["read"], len(document["lacking"])) == (25, 25)
    assert document["lacking"][0]["after"] == {"E-mail": "given1.kovacs@acme.example"}
    assert "would be written to" in tenure("source", "write-back", "hr", "--dry-run").err
    shown = tenure("source", "show", "hr")
    assert "25 held" in shown.out
    assert "at most 20 are allowed" in " ".join(shown.out.split())

    assert tenure("source", "write-back", "hr", "--accept").code == 1, "without a reason"
    assert tenure("source", "write-back", "hr", "--accept", "--retry").code == 1
    words = ["source", "write-back", "hr", "--accept", "--reason", "seen"]
    assert tenure(*words, "--json").document == {"source": "hr", "records": 25}
    there.broken.add("id-3")
    delivery.write_due(source)
    listed = tenure("source", "write-back", "hr", "--json").document
    assert (listed["written"], listed["failed"]) == (24, 1)
    assert {row["state"] for row in listed["records"]} <= {"done", "failed"}
    assert "that are tried now: 1" in tenure("source", "write-back", "hr", "--retry").err
    assert WriteBack.objects.filter(state="waiting").count() == 1
