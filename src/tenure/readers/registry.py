"""Which readers there are, by the name that a source's configuration gives.

The one place that knows every kind by name. It imports a reader when it is asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ValidationError

from tenure.connectors.base import SettingsError, TokenSource
from tenure.connectors.registry import TOKEN
from tenure.readers.base import Reader, ReaderConfig, ReaderError
from tenure.readers.files.kinds import OLD_WORKBOOK, WORKBOOK

#: Those whose rows are not fetched: they come.
PUSH = "push"
UPLOAD = "upload"
#: Kind -> the column that says whether somebody's account there is on, and what it says where it is
#: off: of directories, and whoever pushes for them. That is so now, and no word of a day to come.
SWITCHED_OFF: Mapping[str, tuple[str, str]] = {
    PUSH: ("active", "false"),
    "google": ("status", "suspended"),
    "ldap": ("status", "inactive"),
    "microsoft": ("status", "inactive"),
    "scim": ("status", "inactive"),
}
_LATER = "given-when-it-is-needed"
#: Kind -> module and class.
_READERS: Mapping[str, tuple[str, str]] = {
    "csv": ("tenure.readers.csv", "CsvReader"),
    "excel": ("tenure.readers.excel", "ExcelReader"),
    "google": ("tenure.readers.google", "GoogleReader"),
    "ldap": ("tenure.readers.ldap", "LdapReader"),
    "memory": ("tenure.readers.memory", "MemoryReader"),
    "microsoft": ("tenure.readers.microsoft", "MicrosoftReader"),
    "mysql": ("tenure.readers.mysql", "MysqlReader"),
    UPLOAD: ("tenure.readers.upload", "UploadReader"),
    PUSH: ("tenure.readers.push", "PushReader"),
    "rest": ("tenure.readers.rest", "RestReader"),
    "scim": ("tenure.readers.scim", "ScimReader"),
    "sql": ("tenure.readers.sql", "SqlReader"),
}


def kinds() -> list[str]:
    """The names of all readers, sorted."""
    return sorted(_READERS)


def reader_class(kind: str) -> type[Reader]:
    """The reader of that name. Raises `ReaderError` naming those that there are."""
    try:
        module, name = _READERS[kind]
    except KeyError:
        raise ReaderError(
            f"There is no reader {kind!r}: use one of {', '.join(kinds())}."
        ) from None
    return cast("type[Reader]", getattr(import_module(module), name))


def schemas(kind: str, settings: Mapping[str, object]) -> tuple[type[BaseModel], type[BaseModel]]:
    """The forms for settings and secrets, as JSON Schema has them. Those of a reader by
    specification are the specification's; they are told by `settings`. Raises `ReaderError` for an
    unknown kind, and `SettingsError` for a wrong specification."""
    chosen = reader_class(kind)
    own: Callable[[Mapping[str, object]], tuple[type[BaseModel], type[BaseModel]]] | None
    own = getattr(chosen, "schemas_for", None)
    return (chosen.Settings, chosen.Secrets) if own is None else own(settings)


def known_columns(kind: str, settings: Mapping[str, object]) -> Sequence[str] | None:
    """The columns that rows have, where these settings say which; None: any that it may be.
    Raises as `schemas`."""
    own: Callable[[Mapping[str, object]], Sequence[str]] | None
    own = getattr(reader_class(kind), "columns_for", None)
    return None if own is None else own(settings)


def writable_columns(kind: str, settings: Mapping[str, object]) -> Sequence[str] | None:
    """The columns that can be written into the source's records, none where it takes nothing back;
    None: any that it has. Raises as `schemas`."""
    chosen = reader_class(kind)
    own: Callable[[Mapping[str, object]], Sequence[str]] | None
    if (own := getattr(chosen, "writable_for", None)) is not None:
        return list(own(settings))
    return None if hasattr(chosen, "write") else []


def open_reader(
    kind: str,
    settings: Mapping[str, object],
    *,
    secrets: Mapping[str, str] | None = None,
    tokens: TokenSource | None = None,
    file: Path | None = None,
) -> Reader:
    """A reader of that kind, ready to read. Raises `ReaderError`: every setting and secret that is
    wrong, and what was expected there."""
    if file is not None:
        kind, settings = _fitting(kind, settings, file)
    chosen = reader_class(kind)
    try:
        for_settings, for_secrets = schemas(kind, settings)
    except SettingsError as error:
        raise ReaderError(f"The specification of the source cannot be used: {error}.") from None
    # With OAuth the token comes when it is needed, and is not one of the secrets.
    secrets = secrets or {}
    given_later = tokens is not None and TOKEN in for_secrets.model_fields
    held = {TOKEN: _LATER, **secrets} if given_later else secrets
    wrong = [*_wrong(for_settings, settings), *_wrong(for_secrets, held)]
    if wrong:
        raise ReaderError(f"The settings of the {kind} source are wrong: {'; '.join(wrong)}.")
    return chosen(ReaderConfig(settings, secrets, tokens, file))


def _fitting(
    kind: str, settings: Mapping[str, object], file: Path
) -> tuple[str, Mapping[str, object]]:
    """The reader of files that this one is for, told by how it begins: a workbook can be given
    where a CSV file is usual, and the other way round."""
    other = {"csv": "excel", "excel": "csv"}.get(kind)
    if other is None or settings.get("pgp"):
        return kind, settings
    try:
        with file.open("rb") as opened:
            is_workbook = opened.read(4) in {WORKBOOK, OLD_WORKBOOK}
    except OSError:
        return kind, settings
    if is_workbook is (kind == "excel"):
        return kind, settings
    known = reader_class(other).Settings.model_fields
    return other, {name: value for name, value in settings.items() if name in known}


def _wrong(schema: type[BaseModel], given: Mapping[str, object]) -> list[str]:
    try:
        schema.model_validate(dict(given))
    except ValidationError as error:
        # Without the input: it may be a secret.
        return [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    return []
