"""References are looked up and complain by name; the box opens only what it sealed for that row."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tenure.infra.secrets import (
    KEY_FILE,
    KEY_VARIABLE,
    Box,
    KeysMissing,
    SecretError,
    new_key,
    resolve,
    resolve_all,
)

KEYS = {"new": bytes(range(32)), "old": bytes(range(32, 64))}


def test_references_are_replaced_at_any_depth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHAT_TOKEN", "abc")
    (tmp_path / "password").write_text("p w\n")
    given = {
        "url": "http://x/${env:CHAT_TOKEN}/y",
        "deep": [{"file": f"${{file:{tmp_path}/password}}"}, 7],
        "plain": "$5 {x}",
    }
    assert resolve_all(given) == {
        "url": "http://x/abc/y",
        "deep": [{"file": "p w"}, 7],
        "plain": "$5 {x}",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${env:NOT_SET_ANYWHERE}", "environment variable NOT_SET_ANYWHERE is not set"),
        ("${file:/not/there}", r"/not/there cannot be read: No such file"),
        ("${box:chat}", "under 'chat'"),
    ],
)
def test_a_missing_secret_is_named(text: str, said: str) -> None:
    with pytest.raises(SecretError, match=said):
        resolve(text)


@given(st.text(), st.text())
def test_what_is_sealed_opens_for_its_row(plain: str, row: str) -> None:
    box = Box(KEYS)
    token = box.seal(plain, bound_to=row)
    assert box.open(token, bound_to=row) == plain
    assert token.isascii()
    with pytest.raises(SecretError, match="belongs to another row"):
        box.open(token, bound_to=row + "x")


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert Box(KEYS).seal("x", bound_to="a") != Box(KEYS).seal("x", bound_to="a")


# Sealed once: a token of its own for each example would make no example repeatable.
TOKEN = Box(KEYS).seal("secret", bound_to="a")


@given(st.integers(len("new."), len(TOKEN) - 1), st.sampled_from("ABCxyz019-_=.! "))
def test_a_changed_token_does_not_open(place: int, sign: str) -> None:
    token = TOKEN
    assume(sign != token[place])
    with pytest.raises(SecretError):
        Box(KEYS).open(token[:place] + sign + token[place + 1 :], bound_to="a")


@pytest.mark.parametrize("token", ["", ".", "new", "new.", "new.AA", "new.€"])
def test_what_is_no_token_does_not_open(token: str) -> None:
    with pytest.raises(SecretError):
        Box(KEYS).open(token, bound_to="a")


def test_an_old_key_still_opens_and_a_lost_one_is_named() -> None:
    token = Box({"old": KEYS["old"]}).seal("x", bound_to="a")
    assert Box(KEYS).open(token, bound_to="a") == "x"
    with pytest.raises(SecretError, match=r"key 'old', which is not there"):
        Box({"new": KEYS["new"]}).open(token, bound_to="a")


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    with pytest.raises(KeysMissing):
        Box.at(tmp_path / "home")
    token = Box.begin(tmp_path / "home").seal("x", bound_to="a")
    assert Box.at(tmp_path / "home").open(token, bound_to="a") == "x"
    [file] = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_rotation_seals_with_the_new_key_and_opens_the_old(tmp_path: Path) -> None:
    before = Box.begin(tmp_path)
    token = before.seal("x", bound_to="a")
    after = Box.rotate(tmp_path)
    assert after.open(token, bound_to="a") == "x"
    with pytest.raises(SecretError, match="is not there"):
        before.open(after.seal("x", bound_to="a"), bound_to="a")


def test_keys_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, f"{new_key()},{new_key()}")
    box = Box.at(tmp_path)
    assert box.open(box.seal("x", bound_to="a"), bound_to="a") == "x"
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv(KEY_VARIABLE, "k1:short")
    with pytest.raises(SecretError, match=f"{KEY_VARIABLE} has a key that is none"):
        Box.at(tmp_path)


@pytest.mark.parametrize("damaged", [b"\xff\xfe\x00garbage", b"0a1b:half-a-key", b""])
def test_a_damaged_file_of_keys_is_told_and_stays(tmp_path: Path, damaged: bytes) -> None:
    """Nothing is made in its place: there is a backup of it."""
    Box.begin(tmp_path)
    path = tmp_path / KEY_FILE
    path.write_bytes(damaged)
    for use in (Box.at, Box.rotate):
        with pytest.raises(SecretError, match=r"secrets.key has (a key that is none|no key in it)"):
            use(tmp_path)
    assert path.read_bytes() == damaged
