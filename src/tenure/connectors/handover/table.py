"""Accounts as lines of a file, as the settings say that the application wants them.

It must not know where files go.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from tenure.connectors.base import Rejected
from tenure.connectors.handover.book import Book, Row
from tenure.connectors.handover.settings import ACTION, ACTIVE, GROUPS, ID, HandoverSettings
from tenure.core.model import Value


class Table:
    """The files of one application. `mapped` are the attributes that the mapping writes."""

    def __init__(self, settings: HandoverSettings, mapped: Iterable[str]) -> None:
        self._settings = settings
        usual = {name: name for name in sorted(mapped) if name != "externalId"} | {ACTIVE: ACTIVE}
        if settings.what == "changes" and not settings.columns:
            usual = {ACTION: ACTION, **usual}
        self._columns = settings.columns or usual

    def full(self, book: Book) -> bytes:
        """All accounts, in the order of their names."""
        rows = sorted(book.rows.values(), key=lambda row: str(row.attributes.get("userName")))
        kept = [row for row in rows if row.active or self._settings.with_disabled]
        return self._written(book, [("", row) for row in kept])

    def changes(self, book: Book) -> bytes | None:
        """What was touched; None where nothing was."""
        return self._written(book, list(book.touched.values())) if book.touched else None

    def name_of_changes(self, at: datetime) -> str:
        """A name that sorts by time, and is not used twice."""
        stem, _, ending = self._settings.file.rpartition(".")
        return f"{stem}-{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}.{ending}"

    def must_fit(self, attributes: Mapping[str, Value | None]) -> None:
        """Raises `Rejected` for what the encoding of the file has no characters for."""
        for name, value in attributes.items():
            try:
                self._text(value).encode(self._settings.encoding)
            except UnicodeEncodeError as error:
                missing = error.object[error.start : error.end]
                raise Rejected(
                    f"{name}: the encoding {self._settings.encoding} of the file has no "
                    f"{missing!r}. Take utf-8 if the application can read it, or map to a "
                    "spelling without it.",
                    [name],
                ) from None

    def _written(self, book: Book, lines: Sequence[tuple[str, Row]]) -> bytes:
        settings = self._settings
        text = io.StringIO(newline="")
        writer = csv.writer(
            text,
            delimiter=settings.delimiter,
            quoting=csv.QUOTE_ALL if settings.quote == "all" else csv.QUOTE_MINIMAL,
            lineterminator="\r\n" if settings.line_end == "crlf" else "\n",
        )
        if settings.header:
            writer.writerow(self._columns)
        for action, row in lines:
            writer.writerow(
                [self._cell(book, action, row, source) for source in self._columns.values()]
            )
        return text.getvalue().encode(settings.encoding)

    def _cell(self, book: Book, action: str, row: Row, source: str) -> str:
        special = {
            ID: row.id,
            ACTION: action,
            ACTIVE: self._settings.on if row.active else self._settings.off,
        }
        if source == GROUPS:
            return self._settings.separator.join(book.groups_of(row.id))
        return special.get(source) or self._text(row.shown.get(source))

    def _text(self, value: Value | None) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return self._settings.on if value else self._settings.off
        if isinstance(value, (str, int, float)):
            return str(value)
        return self._settings.separator.join(value)
