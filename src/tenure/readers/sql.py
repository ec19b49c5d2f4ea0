"""What a query gives, from a PostgreSQL database: in one snapshot, read only, a portion at a time.

With a column that says when a row changed, only those are asked for again. Knows nothing of people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

import orjson
import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from tenure.connectors.answers import Redactor
from tenure.connectors.base import Check
from tenure.connectors.postgresql.settings import PostgresqlAddress
from tenure.readers.base import (
    CursorExpired,
    Gone,
    ReaderBusy,
    ReaderConfig,
    ReaderError,
    Row,
    RowProblem,
)
from tenure.readers.texts import text

_PORTION = 1000
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_LATER_CLASSES = ("08", "53", "55", "57P", "58")
_SIGN_IN_CLASSES = ("28", "3D")
_READ_ONLY, _TOO_LONG = "25006", "57014"


class SqlSettings(PostgresqlAddress):
    """Where the database is, and what is asked."""

    query: str = Field(
        title="Query",
        description="A SELECT, a row for each person; its columns are the source's.",
        json_schema_extra={"format": "multiline"},
    )
    id: str = Field(
        "",
        title="Column that never changes",
        description="Of the row's own id. Empty: rows are told by the employee number alone.",
    )
    changed: str = Field(
        "",
        title="Column of the last change",
        description="A time or a number that grows with each change. Empty: always read whole.",
    )
    overlap: int = Field(
        300,
        ge=0,
        le=86_400,
        title="Asked again, in seconds",
        description="A row that is committed late carries an earlier time.",
    )
    seconds: int = Field(
        300,
        ge=1,
        le=86_400,
        title="At most, in seconds",
        description="Until the next thousand rows come.",
    )

    @field_validator("query")
    @classmethod
    def _is_a_query(cls, value: str) -> str:
        plain = value.strip().rstrip(";").strip()
        if plain[:6].casefold() != "select" and plain[:4].casefold() != "with":
            raise ValueError("expected a query that begins with SELECT or WITH")
        return plain


class SqlSecrets(BaseModel):
    """The credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    password: SecretStr = Field(title="Password", description="Of the role that we sign in as.")


class SqlReader:
    """One query."""

    Settings: ClassVar[type[BaseModel]] = SqlSettings
    Secrets: ClassVar[type[BaseModel]] = SqlSecrets

    def __init__(self, config: ReaderConfig) -> None:
        if config.file is not None:
            raise ReaderError("This source is a query of a database: it reads no file.")
        self._settings = SqlSettings.model_validate(dict(config.settings))
        secrets = SqlSecrets.model_validate(dict(config.secrets))
        self._password = secrets.password.get_secret_value()
        self._redact = Redactor((self._password,))
        told = [self._settings.host, self._settings.database, self._settings.query]
        self._mark = hashlib.sha256(orjson.dumps([*told, self._settings.changed])).hexdigest()[:16]
        self._newest: Any = None

    def columns(self) -> Sequence[str]:
        with self._asked(sql.SQL("LIMIT 0"), ()) as cursor:
            names = [one.name for one in cursor.description or ()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ReaderError(
                f"The query gives {', '.join(twice)} twice: name its columns with AS."
            )
        for wanted in (self._settings.id, self._settings.changed):
            if wanted and wanted not in names:
                raise ReaderError(
                    f"The query gives no column {wanted}, but {', '.join(names)}: correct `id` or "
                    "`changed`."
                )
        return names

    def rows(self) -> Iterator[Row | RowProblem]:
        self.columns()
        self._newest = None
        yield from self._read(sql.SQL(""), ())

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        """What is no longer given by the query is not told: that takes a full reading."""
        since = self._since(cursor)
        self.columns()
        clause = sql.SQL("WHERE q.{} >= %s").format(sql.Identifier(self._settings.changed))
        yield from self._read(clause, (since,))

    def cursor(self) -> str:
        if self._newest is None:
            return ""
        newest = self._newest
        if isinstance(newest, datetime):
            newest -= timedelta(seconds=self._settings.overlap)
        return orjson.dumps({"mark": self._mark, "since": str(newest)}).decode()

    def fetch(self, id: str) -> Row | RowProblem | Gone:
        if not self._settings.id:
            raise ReaderError("One row cannot be asked for: set `id` to the column of its id.")
        clause = sql.SQL("WHERE q.{}::text = %s").format(sql.Identifier(self._settings.id))
        return next(self._read(clause, (id,)), Gone(id))

    def check(self) -> Sequence[Check]:
        """Sign-in and Query."""
        try:
            with self._connected():
                pass
        except ReaderError as error:
            return [Check("Sign-in", False, str(error))]
        signed_in = Check("Sign-in", True, f"As {self._settings.user}.")
        try:
            names = self.columns()
        except ReaderError as error:
            return [signed_in, Check("Query", False, str(error))]
        return [signed_in, Check("Query", True, f"Gives {', '.join(names)}.")]

    def _since(self, cursor: str) -> str:
        try:
            known = orjson.loads(cursor)
            mark, since = str(known["mark"]), str(known["since"])
        except (orjson.JSONDecodeError, TypeError, KeyError):
            mark = since = ""
        if mark != self._mark or not self._settings.changed:
            raise CursorExpired("The query, or the column of the last change, is another one.")
        # Where nothing changed it stays where it was.
        self._newest = _Known(since)
        return since

    def _read(self, clause: sql.Composable, values: Sequence[object]) -> Iterator[Row]:
        with self._asked(clause, values) as cursor:
            names = [one.name for one in cursor.description or ()]
            settings = self._settings
            changed = names.index(settings.changed) if settings.changed in names else None
            own = names.index(settings.id) if settings.id in names else None
            for number, found in enumerate(cursor, start=1):
                if changed is not None:
                    self._note(found[changed])
                values_ = {name: text(value) for name, value in zip(names, found, strict=True)}
                yield Row(number, values_, text(found[own]) if own is not None else "")

    def _note(self, value: Any) -> None:
        newest = self._newest
        if value is not None and (newest is None or isinstance(newest, _Known) or value > newest):
            self._newest = value

    @contextmanager
    def _asked(
        self, clause: sql.Composable, values: Sequence[object]
    ) -> Iterator[psycopg.ServerCursor[tuple[Any, ...]]]:
        """The query with a clause after it, on a connection of its own."""
        # Its own signs of per cent are no places of values. The line ends for a comment in it.
        query = sql.SQL(cast("Any", self._settings.query.replace("%", "%%")))
        statement = sql.SQL("SELECT * FROM (\n{}\n) AS q {}").format(query, clause)
        with self._connected() as connection:
            try:
                with connection.transaction(), connection.cursor("tenure") as cursor:
                    cursor.itersize = _PORTION
                    cursor.execute(statement, values)
                    yield cursor
            except psycopg.Error as error:
                raise self._refused(error) from None

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        settings = self._settings
        encryption, issuers = settings.encryption
        milliseconds = settings.seconds * 1000
        try:
            connection = psycopg.connect(
                host=settings.host,
                port=settings.port,
                dbname=settings.database,
                user=settings.user,
                password=self._password,
                connect_timeout=10,
                application_name="tenure",
                options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
                sslmode=encryption,
                sslrootcert=issuers,
                autocommit=True,
            )
        except (psycopg.Error, ValueError) as error:
            raise self._not_connected(error) from None
        with connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield connection

    def _not_connected(self, error: Exception) -> ReaderError:
        where = f"{self._settings.host}:{self._settings.port}"
        said = self._redact(str(error)).rstrip(".")
        message = f"The connection to {where} failed: {said}."
        words = str(error).casefold()
        state = getattr(error, "sqlstate", None) or ""
        refused = ("authentication failed", "does not exist", "no pg_hba.conf entry", "ssl", "cert")
        if state.startswith(_SIGN_IN_CLASSES) or any(word in words for word in refused):
            return ReaderError(
                f"{message} Check the role that we sign in as, its password, the database, and the "
                "server's certificate."
            )
        return ReaderBusy(f"{message} Check the address, the network and that it is running.")

    def _refused(self, error: psycopg.Error) -> ReaderError:
        state = error.sqlstate or ""
        said = self._redact(error.diag.message_primary or str(error)).rstrip(".")
        message = f"The query was answered {state or 'by a lost connection'}: {said}."
        if state == _READ_ONLY:
            return ReaderError(f"{message} It changes something: give one that only reads.")
        if state == _TOO_LONG:
            return ReaderError(
                f"{message} It took longer than {self._settings.seconds} s: make it faster, or "
                "raise `seconds`."
            )
        if not state or state.startswith(_LATER_CLASSES):
            return ReaderBusy(f"{message} It is asked again later.")
        return ReaderError(f"{message} Correct the query, or what the role may read.")


class _Known(str):
    """Where it went on, as text: anything that is read now is newer."""
