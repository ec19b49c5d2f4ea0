"""Secrets: references in configuration, looked up at use; and the box that seals values at rest.

`${env:NAME}` is an environment variable, `${file:/path}` the content of a file, `${box:NAME}` a
value that is kept sealed in the database (whoever keeps them says how it is looked up). A sealed
value is AES-256-GCM, bound to the row that it is for, and names its key, so that keys can be
rotated.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_REFERENCE = re.compile(r"\$\{(?P<kind>env|file|box):(?P<name>[^{}]+)\}")
KEY_VARIABLE = "TENURE_SECRET_KEY"
KEY_FILE = "secrets.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class SecretError(LookupError):
    """A secret cannot be read. `str()` says which and what to do; never the value."""


class KeysMissing(SecretError):
    """The box has no keys: neither in the environment nor in the home."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The keys that secrets are sealed with are missing: {path} is not there, and "
            f"{KEY_VARIABLE} is not set. Put the file back from a backup, or set the variable as "
            "it was. If they are lost for good, `tenure secrets begin-anew` makes a new key, and "
            "says what has to be entered again."
        )


def _no_box(name: str) -> str:
    raise SecretError(f"Nothing is kept under {name!r} here. Use ${{env:NAME}} or ${{file:/path}}.")


Boxed: TypeAlias = Callable[[str], str]


def resolve(text: str, *, boxed: Boxed = _no_box) -> str:
    """The text with every reference in it replaced. Raises `SecretError`."""
    return _REFERENCE.sub(lambda match: _look_up(match["kind"], match["name"], boxed), text)


def resolve_all(value: Any, *, boxed: Boxed = _no_box) -> Any:
    """The same at any depth of a setting."""
    if isinstance(value, str):
        return resolve(value, boxed=boxed)
    if isinstance(value, Mapping):
        return {key: resolve_all(item, boxed=boxed) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_all(item, boxed=boxed) for item in value]
    return value


def _look_up(kind: str, name: str, boxed: Boxed) -> str:
    if kind == "env":
        found = os.environ.get(name, "")
        if not found:
            raise SecretError(
                f"The environment variable {name} is not set in this process. Set it where "
                "`tenure up` (or the worker) is started, and start that again."
            )
        return found
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SecretError(
                f"The secret file {name} cannot be read: {error.strerror}. Let the user that "
                "runs Tenure read it."
            ) from error
    return boxed(name)


class Box:
    """Seals and opens values. The first key seals; all of them open."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys`: name -> 32 bytes. The name goes into every token and must not have a dot."""
        if not keys:
            raise ValueError("A box needs at least one key.")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))

    @classmethod
    def at(cls, home: Path) -> Box:
        """The box of an installation. Its keys are in `TENURE_SECRET_KEY`, or in a file in the
        home: lines (or items, with commas) of `name:key`, the key as URL-safe base64. Raises
        `KeysMissing`, `SecretError`."""
        text = os.environ.get(KEY_VARIABLE, "")
        if text:
            return cls(_read_keys(text, f"The environment variable {KEY_VARIABLE}"))
        path = home / KEY_FILE
        return cls(_read_keys(_text_of(path), str(path)))

    @classmethod
    def begin(cls, home: Path) -> Box:
        """The box of an installation that has sealed nothing yet: the first call makes the file.
        Several processes that come at once end up with one key. Raises `SecretError`."""
        try:
            return cls.at(home)
        except KeysMissing:
            _write_key_file(home / KEY_FILE, new_key(), replace=False)
        return cls.at(home)

    @staticmethod
    def rotate(home: Path) -> Box:
        """Put a new key first. What was sealed still opens; sealing it again uses the new key."""
        Box.at(home)
        path = home / KEY_FILE
        if os.environ.get(KEY_VARIABLE):
            raise SecretError(f"The keys are in {KEY_VARIABLE}: put {new_key()!r} before them.")
        _write_key_file(path, new_key() + "\n" + _text_of(path), replace=True)
        return Box.at(home)

    def seal(self, plain: str, *, bound_to: str) -> str:
        """A token that opens only for the same `bound_to`, such as `application:7:token`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, plain.encode(), bound_to.encode())
        return f"{self._current}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, token: str, *, bound_to: str) -> str:
        """What was sealed. Raises `SecretError` for another row's token, or a changed one."""
        name, _, body = token.partition(".")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise SecretError(
                f"The secret of {bound_to} was sealed with the key {name!r}, which is not there. "
                f"Put that key back, as a line of {KEY_FILE} beside those that are there, or enter "
                "the secret again."
            )
        try:
            raw = base64.urlsafe_b64decode(body)
            if base64.urlsafe_b64encode(raw).decode() != body:
                raise ValueError("base64 that decodes to the same in two ways")
            nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            return cipher.decrypt(nonce, sealed, bound_to.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SecretError(
                f"The secret of {bound_to} cannot be opened: it belongs to another row, was "
                "changed, or the key is another installation's."
            ) from error


def new_key() -> str:
    """A key with a name of its own, as `name:key`."""
    return f"{os.urandom(4).hex()}:{base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()}"


def _read_keys(text: str, where: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for item in text.replace(",", "\n").split():
        name, _, body = item.partition(":")
        try:
            key = base64.urlsafe_b64decode(body)
        except ValueError:
            key = b""
        if not name or "." in name or len(key) != _KEY_BYTES:
            raise SecretError(
                f"{where} has a key that is none: put it back as it is in a backup. Expected "
                f"`name:key`, the name without a dot and the key {_KEY_BYTES} bytes as URL-safe "
                "base64."
            )
        keys[name] = key
    if not keys:
        raise SecretError(f"{where} has no key in it. Put the installation's keys back.")
    return keys


def _text_of(path: Path) -> str:
    try:
        # What is damaged is told as such by whoever reads it.
        return path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        raise KeysMissing(path) from None
    except OSError as error:
        raise SecretError(f"The keys in {path} cannot be read: {error.strerror}.") from error


def _write_key_file(path: Path, text: str, *, replace: bool) -> None:
    """Whole or not at all, and never over a key that another process has just made."""
    unfinished = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text.strip() + "\n")
        if replace:
            unfinished.replace(path)
            return
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
        unfinished.unlink()
    except OSError as error:
        raise SecretError(
            f"A new key cannot be written to {path}: {error.strerror}. Let the user that runs "
            f"Tenure write there, or give the keys in {KEY_VARIABLE}."
        ) from error
