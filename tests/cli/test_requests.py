"""`tenure request`: what it prints, what it decides, what it refuses."""

from __future__ import annotations

import pytest

from tenure.rules.models import AccessException
from tests.cli.conftest import Tenure
from tests.requests.company import asked, staff, tool


@pytest.mark.usefixtures("transactional_db")
def test_looked_at_and_decided(tenure: Tenure) -> None:
    ana, _, _ = staff()
    tool(mode="live")
    tool("print")
    first, second = asked(ana), asked(ana, application="print")
    found = tenure("request", "list", "--application", "design", "--json").document
    assert [(one["number"], one["waits_for"]) for one in found] == [
        (first.pk, "Bo Li, their manager")
    ]
    assert "drawing" in tenure("request", "list").out
    assert "Decides: Bo Li, their manager" in tenure("request", "show", str(first.pk)).out
    for words, said in (
        (["show", "999"], "There is no request 999"),
        (["approve", "999"], "There is no such request"),
        (["reject", str(second.pk), "--reason", " "], "Say why not"),
        (["approve", str(first.pk), "--for", "P8D"], "more was not asked for"),
        (["approve", str(first.pk), "--for", "a week"], "not a length of time"),
        (["list", "--application", "nothing"], "nothing"),
    ):
        ended = tenure("request", *words)
        assert (ended.code, ended.out) == (1, ""), words
        assert said in ended.err
    done = tenure("request", "approve", str(first.pk), "--for", "P2D", "--no-wait", "--json")
    assert (done.code, done.document["request"]["state"]) == (0, "approved")
    assert AccessException.objects.get().decided_by.startswith("command line")
    no = tenure("request", "reject", str(second.pk), "--reason", "no", "--json")
    assert (no.code, no.document["answer"]) == (0, "no")
    assert "Nobody waits" in tenure("request", "list").out
    assert len(tenure("request", "list", "--all", "--json").document) == 2
