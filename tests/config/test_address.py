"""Where browsers reach it: as the environment says, else where `tenure up` of this home listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.config import address


def test_another_terminal_knows_where_up_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TENURE_URL", raising=False)
    assert (address.address(tmp_path), address.known(tmp_path)) == (address.DEFAULT, False)
    address.note(tmp_path, "http://localhost:9123")
    assert (address.address(tmp_path), address.known(tmp_path)) == ("http://localhost:9123", True)
    monkeypatch.setenv("TENURE_URL", "https://tenure.acme.example/")
    assert address.address(tmp_path) == "https://tenure.acme.example"
    monkeypatch.setenv("TENURE_URL", "")
    address.forget(tmp_path)
    assert address.address(tmp_path) == address.DEFAULT
