"""What a query gives, from MySQL or MariaDB: as from PostgreSQL, in one snapshot, read only, row by
row as they come. Needs the package PyMySQL (`tenure[mysql]`)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, Field

from tenure.connectors.fields import DatabaseServer, Given
from tenure.readers.base import ReaderBusy, ReaderConfig, ReaderError
from tenure.readers.sql import Condition, QueryReader, QuerySettings

if TYPE_CHECKING:
    import pymysql

#: https://mariadb.com/kb/en/mariadb-error-codes/
_SIGN_IN = frozenset({1044, 1045, 1049, 1698, 2026})
_LATER = frozenset({1040, 1053, 1203, 1205, 1213, 2002, 2003, 2006, 2013, 2055})
_READ_ONLY = 1792
_TOO_LONG = frozenset({1969, 3024})


class MysqlSettings(DatabaseServer, QuerySettings):
    """A MySQL or MariaDB database, and what is asked of it."""

    host: Given = Field(
        title="Host",
        description="Its name, or the path of its socket.",
        examples=["db.example.com"],
    )
    port: int = Field(default=3306, ge=1, le=65535, title="Port")

    @property
    def context(self) -> ssl.SSLContext | None:
        """How the connection is encrypted; None where it is not."""
        if not self.is_encrypted:
            return None
        return ssl.create_default_context(cafile=self.ca_file or None)


class MysqlReader(QueryReader):
    """One query of a MySQL or MariaDB database."""

    Settings: ClassVar[type[BaseModel]] = MysqlSettings

    def __init__(self, config: ReaderConfig) -> None:
        self._settings = MysqlSettings.model_validate(dict(config.settings))
        super().__init__(config, self._settings, [self._settings.host, self._settings.database])

    @contextmanager
    def _asked(
        self, condition: Condition, value: str = ""
    ) -> Iterator[tuple[list[str], Iterable[Sequence[Any]]]]:
        import pymysql

        changed, own = _quoted(self._query.changed), _quoted(self._query.id)
        clause = {
            Condition.NONE: "",
            Condition.NOTHING: "LIMIT 0",
            Condition.SINCE: f"WHERE q.{changed} >= %s",
            Condition.ONE: f"WHERE CAST(q.{own} AS CHAR) = %s",
        }[condition]
        query = self._query.query
        if "%s" in clause:
            query = query.replace("%", "%%")
        # The line ends for a comment in it.
        statement = f"SELECT * FROM (\n{query}\n) AS q {clause}"
        with self._connected() as connection:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
                    cursor.execute(statement, (value,) if "%s" in clause else None)
                    yield [str(one[0]) for one in cursor.description or ()], cursor
            except pymysql.Error as error:
                raise self._refused(error) from None

    @contextmanager
    def _connected(self) -> Iterator[pymysql.connections.Connection[Any]]:
        try:
            import pymysql
            from pymysql.cursors import SSCursor
        except ImportError:
            raise ReaderError(
                "MySQL and MariaDB need the package PyMySQL: `pip install tenure[mysql]`."
            ) from None
        settings = self._settings
        try:
            connection = pymysql.connect(
                host=settings.host,
                port=settings.port,
                user=settings.user,
                password=self._password,
                database=settings.database,
                charset="utf8mb4",
                connect_timeout=10,
                read_timeout=settings.seconds + 5,
                ssl=settings.context,
                program_name="tenure",
                cursorclass=SSCursor,
                defer_connect=True,
            )
            # A socket of its own that does not get through it would leave open.
            connection.connect(_socket(settings.host) if settings.is_socket else None)
        except (pymysql.Error, OSError, RuntimeError) as error:
            raise self._not_connected(error) from None
        try:
            self._limit(connection)
            yield connection
        finally:
            with suppress(pymysql.Error, OSError):
                connection.close()

    def _limit(self, connection: Any) -> None:
        """For each statement, in the words of either."""
        import pymysql

        seconds = self._settings.seconds
        is_mariadb = "mariadb" in connection.get_server_info().lower()
        limit = f"max_statement_time = {seconds}"
        if not is_mariadb:
            limit = f"max_execution_time = {seconds * 1000}"
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET SESSION {limit}")
        except pymysql.Error as error:
            raise self._refused(error) from None

    def _not_connected(self, error: Exception) -> ReaderError:
        settings = self._settings
        where = settings.host if settings.is_socket else f"{settings.host}:{settings.port}"
        message = f"The connection to {where} failed: {self._said(error)}."
        if _code(error) in _SIGN_IN or "certificate" in str(error).casefold():
            return ReaderError(
                f"{message} Check the user that we sign in as, its password, the database, and the "
                "server's certificate."
            )
        return ReaderBusy(f"{message} Check the address, the network and that it is running.")

    def _refused(self, error: Exception) -> ReaderError:
        code = _code(error)
        message = f"The query was answered {code or 'by a lost connection'}: {self._said(error)}."
        if code == _READ_ONLY:
            return ReaderError(f"{message} It changes something: give one that only reads.")
        if code in _TOO_LONG:
            return ReaderError(
                f"{message} It took longer than {self._settings.seconds} s: make it faster, or "
                "raise `seconds`."
            )
        if not code or code in _LATER:
            return ReaderBusy(f"{message} It is asked again later.")
        return ReaderError(f"{message} Correct the query, or what the user may read.")

    def _said(self, error: Exception) -> str:
        told = error.args[1] if len(error.args) > 1 else error
        return self._redact(str(told)).rstrip(".")


def _socket(path: str) -> socket.socket:
    """Connected. Raises OSError."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.settimeout(10)
        opened.connect(path)
    except OSError:
        opened.close()
        raise
    return opened


def _code(error: Exception) -> int:
    """The server's, or the library's from 2000 on; 0 where there is none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
