"""What is entered is sealed under its name, opens where a reference names it, and is never told."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.infra.secrets import KEY_FILE, KEY_VARIABLE, SecretError, new_key
from tenure.vault import services as vault
from tenure.vault.models import Sealed
from tests.provisioning.test_at_the_same_instant import Beside

pytestmark = pytest.mark.django_db


def test_a_reference_opens_it_and_nothing_else_tells_it() -> None:
    vault.keep("chat-token", "xoxb-very-secret")
    assert vault.resolve("Bearer ${box:chat-token}") == "Bearer xoxb-very-secret"
    assert vault.resolve_all({"a": ["${box:chat-token}"]}) == {"a": ["xoxb-very-secret"]}
    assert "very-secret" not in str(Sealed.objects.values())
    assert "very-secret" not in str(Event.objects.values())
    assert [item.name for item in vault.kept()] == ["chat-token"]


def test_another_name_does_not_open_it() -> None:
    """Whoever can write to the table cannot make one application get another's secret."""
    vault.keep("a", "secret of a")
    vault.keep("b", "secret of b")
    row = Sealed.objects.get(name="a")
    Sealed.objects.filter(name="b").update(value=row.value)
    with pytest.raises(SecretError, match="belongs to another row"):
        vault.resolve("${box:b}")
    assert list(vault.unreadable()) == ["b"]


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "a" * 101])
def test_names(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a secret"):
        vault.keep(name, "x")


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(SecretError, match="tenure secrets set chat"):
        vault.resolve("${box:chat}")
    with pytest.raises(LookupError, match="'chat'"):
        vault.forget("chat")
    with pytest.raises(ValueError, match="empty"):
        vault.keep("chat", "")


def test_a_new_key_seals_everything_anew() -> None:
    vault.keep("a", "one")
    vault.put_ours("oauth:1:refresh", "two")
    before = set(Sealed.objects.values_list("value", flat=True))
    assert vault.rotate() == 2
    after = set(Sealed.objects.values_list("value", flat=True))
    assert {text.partition(".")[0] for text in after}.isdisjoint(
        text.partition(".")[0] for text in before
    )
    assert (vault.opened("a"), vault.get_ours("oauth:1:refresh")) == ("one", "two")


def test_keys_of_the_environment_are_rotated_there(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = new_key(), new_key()
    monkeypatch.setenv(KEY_VARIABLE, old)
    vault.keep("a", "one")
    monkeypatch.setenv(KEY_VARIABLE, f"{new},{old}")
    assert vault.rotate() == 1
    monkeypatch.setenv(KEY_VARIABLE, new)
    assert vault.opened("a") == "one"


def test_what_tenure_keeps_for_itself_cannot_be_referred_to() -> None:
    vault.put_ours("oauth:1:access", "token")
    assert vault.kept() == []
    with pytest.raises(SecretError):
        vault.opened("oauth:1:access")
    vault.put_ours("oauth:1:access", "")
    assert vault.get_ours("oauth:1:access") == ""


def test_a_name_of_ours_is_nobodys_to_overwrite() -> None:
    """Somebody calls the password of their own mail server so, too."""
    vault.put_ours("mail-server", "ours")
    vault.keep("mail-server", "theirs")
    assert (vault.get_ours("mail-server"), vault.opened("mail-server")) == ("ours", "theirs")
    vault.keep("sensitive.digests", "00")
    assert vault.ours("sensitive.digests", lambda: "made here") == "made here"
    vault.forget("mail-server")
    assert vault.get_ours("mail-server") == "ours"
    assert vault.rotate() == 3
    assert vault.get_ours("mail-server") == "ours"


@pytest.mark.django_db(transaction=True)
def test_two_who_rotate_at_once_lose_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reads the file of keys before the first has put its own there."""
    vault.keep("a", "one")
    beside, read = Beside(vault.rotate), Path.read_text

    def read_and_let_the_other(self: Path, *given: Any, **more: Any) -> str:
        text = read(self, *given, **more)
        if self.name == KEY_FILE and read_from_rotate():
            monkeypatch.setattr(Path, "read_text", read)
            beside.begin()
        return text

    def read_from_rotate() -> bool:
        return sys._getframe(3).f_code.co_name == "rotate"

    monkeypatch.setattr(Path, "read_text", read_and_let_the_other)
    vault.rotate()
    beside.end()
    assert vault.opened("a") == "one"
    assert list(vault.unreadable()) == []


def test_what_dies_soon_is_told_weeks_ahead() -> None:
    today = now().date()
    for name, days in [("later", 40), ("soon", 5), ("gone", -1)]:
        vault.keep(name, "x", expires_on=today + timedelta(days=days))
    vault.keep("for ever".replace(" ", "-"), "x")
    found = [(item.name, item.days_left(today)) for item in vault.dying(today)]
    assert found == [("gone", -1), ("soon", 5)]
