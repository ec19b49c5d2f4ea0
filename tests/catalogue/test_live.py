"""From an entry to accounts: added by the command line, tested, and given to somebody, on a SCIM
server that nobody here wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.applications.models import Application
from tests.cli.conftest import Tenure, anywhere, tenure
from tests.connectors.servers import TOKEN, scim2_server

__all__ = ["anywhere", "tenure"]


def test_an_entry_is_all_that_is_needed(
    transactional_db: None, tenure: Tenure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAIN_TOKEN", TOKEN)
    with scim2_server(tmp_path / "log") as address:
        words = ("--as", "plain", "--name", "Plain", "--set", f"address={address}", "--apply")
        assert tenure("application", "add", "scim", *words).code == 0
        checked = tenure("application", "check", "plain", "--write", "--json")
        assert checked.code == 0, checked.err + checked.out
        outcomes = {step["what"]: step["outcome"] for step in checked.document["steps"]}
        assert "works" in outcomes.values()
        assert "fails" not in outcomes.values()
        assert tenure("reconcile", "plain", "--json").document["counters"].get("seen", 0) == 0
    assert Application.objects.get().mode == "report"
