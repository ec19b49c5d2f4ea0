"""What is entered is sealed under its name, opens where a reference names it, and is never told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.infra.secrets import KEY_VARIABLE, SecretError, new_key
from tenure.vault import services as vault
from tenure.vault.models import Sealed

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


def test_what_dies_soon_is_told_weeks_ahead() -> None:
    today = now().date()
    for name, days in [("later", 40), ("soon", 5), ("gone", -1)]:
        vault.keep(name, "x", expires_on=today + timedelta(days=days))
    vault.keep("for ever".replace(" ", "-"), "x")
    found = [(item.name, item.days_left(today)) for item in vault.dying(today)]
    assert found == [("gone", -1), ("soon", 5)]
