"""A key that is lost is asked for, and no new one put in its place unless somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenure.audit.models import Action, Event
from tenure.infra.secrets import KEY_FILE, Box, KeysMissing, SecretError
from tenure.provisioning.records import veiling
from tenure.sso.saml.told import SECRET
from tenure.vault import lost_keys
from tenure.vault import services as vault
from tenure.vault.models import Sealed

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(tmp_path: Path, settings: Any) -> Path:
    """The file of keys of a home that has none yet."""
    settings.HOME = tmp_path
    return tmp_path / KEY_FILE


def test_the_first_secret_makes_the_key(key: Path) -> None:
    lost_keys.require_keys()
    assert not key.exists()
    vault.keep("chat-token", "open sesame")
    assert key.exists()
    assert vault.opened("chat-token") == "open sesame"


@pytest.mark.parametrize(
    "use",
    [
        lost_keys.require_keys,
        vault.box,
        lambda: vault.opened("chat-token"),
        lambda: vault.keep("other", "x"),
        vault.rotate,
    ],
)
def test_a_lost_key_is_told_and_none_made_in_its_place(
    key: Path, use: Callable[[], object]
) -> None:
    vault.keep("chat-token", "open sesame")
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(KeysMissing) as told:
        use()
    for part in (str(key), "TENURE_SECRET_KEY", "from a backup", "tenure secrets begin-anew"):
        assert part in str(told.value)
    assert list(key.parent.iterdir()) == []
    assert list(vault.unreadable()) == ["chat-token"]
    key.write_bytes(kept)
    assert vault.opened("chat-token") == "open sesame"


def test_what_is_sealed_in_other_tables_needs_the_key_too(
    key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "_ELSEWHERE", [vault.Elsewhere(veiling.reseal, lambda: True)])
    with pytest.raises(KeysMissing):
        vault.box()
    assert not key.exists()


def test_another_process_makes_the_first_key_meanwhile(
    key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has sealed with it, too, before this one asks whether anything is sealed."""

    def the_other_comes() -> bool:
        Box.begin(key.parent)
        return True

    monkeypatch.setattr(vault, "anything_sealed", the_other_comes)
    assert vault.box().seal("x", bound_to="a")


def test_both_make_the_first_key(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither has sealed anything when they ask: they end up with one."""
    made: list[Box] = []

    def the_other_comes() -> bool:
        made.append(Box.begin(key.parent))
        return False

    monkeypatch.setattr(vault, "anything_sealed", the_other_comes)
    token = vault.box().seal("x", bound_to="a")
    assert made[0].open(token, bound_to="a") == "x"


def test_where_no_key_can_be_written_it_is_said(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "file").write_text("")
    settings.HOME = tmp_path / "file" / "home"
    with pytest.raises(SecretError, match=r"secrets.key.*: Not a directory"):
        vault.keep("chat-token", "open sesame")


def test_beginning_anew_says_what_has_to_be_entered_again(key: Path) -> None:
    vault.keep("chat-token", "open sesame")
    vault.put_ours("oauth:1:access", "token")
    first = {name: vault.ours(name, lambda: "00") for name in (SECRET, veiling.DIGEST_KEY)}
    kept = key.read_text()
    key.unlink()
    assert lost_keys.begin_anew(reason="the disk is gone") == ["chat-token", "oauth:1:access"]
    assert key.read_text() != kept
    # What Tenure makes without anybody is made again.
    assert {name: vault.ours(name, lambda: "11") for name in first} == dict.fromkeys(first, "11")
    vault.keep("chat-token", "a new one")
    assert list(vault.unreadable()) == ["oauth:1:access"]
    event = Event.objects.get(action=Action.SECRETS_BEGUN_ANEW)
    assert (event.reason, event.after) == (
        "the disk is gone",
        {"lost": ["chat-token", "oauth:1:access"]},
    )
    # The old one turns up after all.
    key.write_text(key.read_text() + kept)
    assert list(vault.unreadable()) == []


def test_nothing_is_begun_anew_where_no_key_is_missing(key: Path) -> None:
    for prepare in (lambda: None, lambda: vault.keep("chat-token", "open sesame")):
        prepare()
        with pytest.raises(lost_keys.NothingLost, match="No key is missing"):
            lost_keys.begin_anew(reason="to be sure")
    assert Sealed.objects.count() == 1
    assert vault.opened("chat-token") == "open sesame"
