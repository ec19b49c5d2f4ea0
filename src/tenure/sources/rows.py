"""One row of a source to attributes of a person, by the source's mapping."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import orjson

from tenure.core.cleaning import clean_text, parse_date
from tenure.core.expression_sets import ValueSet
from tenure.core.expressions import AttributeType, ExpressionError, compile_row_value
from tenure.core.lifecycle import WorkingLife, ends_sooner, standing
from tenure.core.model import LifecycleState, Value
from tenure.people.selectors import sensitive_attributes
from tenure.people.services import company, schema
from tenure.readers.base import ReaderError, Row
from tenure.readers.registry import SWITCHED_OFF
from tenure.sources.models import Answer, RehireQuestion, Source, SourceRecord
from tenure.sources.tidying import Tidying

KEY = "employee_number"
STATUS = "status"
DEFAULT_DATES = ("%Y-%m-%d",)
DEFAULT_STATUSES = {
    "active": "active",
    "on leave": "on_leave",
    "on_leave": "on_leave",
    "leave": "on_leave",
    "terminated": "left",
    "inactive": "left",
    "left": "left",
}
#: A last day within so long is near.
SOON = timedelta(days=7)
_ZONES = available_timezones()
#: What the columns of a person hold.
_LONGEST = {KEY: 100, "email": 254}
#: What JSON readers, the audit trail's among them, agree on.
_LARGEST = 2**63 - 1
_TRUE = {"true", "yes", "1", "y"}
_FALSE = {"false", "no", "0", "n"}


#: One of them somebody has.
NAMES: Final = ("display_name", "given_name", "family_name")


class BadRow(ValueError):
    """This row cannot be taken. str() says which column or attribute, and what is expected."""


@dataclass(frozen=True, slots=True)
class MappedRow:
    """A row as attributes. `ended_at`: the source itself says that they are gone, since when.
    `id` is the source's own name for the record. `person` is the id of whose it is, where that was
    found, and `tied_by` how."""

    key: str
    digest: bytes
    attributes: Mapping[str, Value]
    record: SourceRecord | None
    line: int | None
    time_zone: str = "UTC"
    on_leave: bool = False
    ended_at: datetime | None = None
    present: bool = True
    warnings: tuple[str, ...] = ()
    id: str = ""
    person: int | None = None
    tied_by: str = ""

    @property
    def tied(self) -> int | None:
        """The id of whose it is; None: whoever has its employee number."""
        if self.person is not None or self.record is None:
            return self.person
        return self.record.person_id

    @property
    def start_date(self) -> date | None:
        return read_date(self.attributes.get("start_date"))

    @property
    def end_date(self) -> date | None:
        return read_date(self.attributes.get("end_date"))

    @property
    def lets_go_sooner(self) -> bool:
        """Whether it gives somebody whom the source had already a last day, or an earlier one. With
        a first record the last day of a contract comes as well: that lets nobody go."""
        if not self.present or self.record is None or not self.record.present:
            return False
        return ends_sooner(read_date(self.record.attributes.get("end_date")), self.end_date)

    def ends_sooner(self, before: date | None, after: date | None, at: datetime) -> bool:
        """Whether its person, put together from all that is said of them, has fewer days of work
        by it. Of a first record only where the last one is near."""
        first = self.record is None or not self.record.present
        if first and after is not None and after > (at + SOON).date():
            return False
        return ends_sooner(before, after)

    def left(self, at: datetime) -> bool:
        """Whether the row says that the person is gone at this instant."""
        if self.ended_at is None and "end_date" not in self.attributes:
            return False
        life = WorkingLife(
            start_date=self.start_date,
            end_date=self.end_date,
            time_zone=self.time_zone,
            terminated_at=self.ended_at,
        )
        return standing(life, at).state is LifecycleState.LEFT


class RowMapping:
    """A source's mapping, compiled once. `digest` covers the row and the mapping."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.schema = schema()
        self.default_zone = company().time_zone
        self.dates: Sequence[str] = source.dates or DEFAULT_DATES
        self.statuses = {
            str(k).casefold(): v for k, v in (source.statuses or DEFAULT_STATUSES).items()
        }
        self._expressions = {
            name: compile_row_value(text) for name, text in sorted(source.mapping.items())
        }
        if KEY not in self._expressions:
            raise ValueError(
                f"The source {source.slug!r} maps no {KEY}: rows cannot be told apart. "
                f"Add {KEY} to its mapping."
            )
        #: Attributes that the mapping gives.
        self.names = frozenset(self._expressions)
        #: Texts of any length, of which there is nothing to check.
        self._texts = {
            name
            for name in self._expressions.keys() - _LONGEST.keys()
            if self.schema.get(name, AttributeType.STRING) is AttributeType.STRING
        }
        self._values = ValueSet(self._expressions)
        self._tidying = Tidying.of(source)
        self.sensitive = sensitive_attributes()
        #: Those of a row that the mapping reads.
        self.columns = sorted({c for e in self._expressions.values() for c in e.columns})
        self._switch = SWITCHED_OFF.get(source.reader)
        #: What decides what a row becomes, besides the row.
        self.salt = orjson.dumps(
            [
                source.mapping,
                source.dates,
                source.statuses,
                source.position,
                self.default_zone,
                *self._tidying.salt,
                [source.manager_by, source.first_for, source.authoritative],
                sorted(self.schema.items()),
                *([source.write_back] if source.write_back else ()),
                *([self._switch] if self._switch else ()),
            ],
            option=orjson.OPT_SORT_KEYS,
        )

        # Who came back under another number is known by the numbers that they had before.
        formers = RehireQuestion.objects.filter(answer=Answer.SAME).exclude(former_number="")
        numbers = list(formers.values_list("source", "former_number", "person__employee_number"))
        #: Numbers of employments that are over, in this very source.
        self.former = frozenset(old for pk, old, _ in numbers if pk == source.pk)
        self._current = {old: new for pk, old, new in numbers if pk != source.pk and new}

    def check_columns(self, columns: Sequence[str]) -> None:
        """Raises `ReaderError` naming every column that the mapping needs and the file lacks."""
        present = set(columns)
        lacking = {
            f"{column!r} (for {name})"
            for name, expression in self._expressions.items()
            for column in expression.columns
            if column not in present
        }
        if lacking:
            raise ReaderError(
                f"{self.source.name} lacks the column {', '.join(sorted(lacking))}. It has: "
                f"{', '.join(columns)}. Correct what it gives, or the mapping of "
                f"{self.source.slug!r}."
            )

    def key(self, row: Row) -> str:
        """The person's employee number now. Raises `BadRow` when it is empty."""
        try:
            value = self._expressions[KEY].value({"row": row.values})
        except ExpressionError as error:
            raise BadRow(f"{KEY}: {error}") from error
        text = clean_text(str(value)) if value is not None else ""
        if not text:
            raise BadRow("The employee number is empty: this row cannot be told from others.")
        _fits(KEY, text)
        return self._current.get(text, text)

    def digest(self, row: Row) -> bytes:
        """Of the columns that the mapping uses: what others hold changes nothing here."""
        content = orjson.dumps([row.values.get(column) for column in self.columns])
        return hashlib.blake2b(content + self.salt + row.id.encode(), digest_size=16).digest()

    def mapped(
        self, row: Row, key: str, digest: bytes, record: SourceRecord | None, at: datetime
    ) -> MappedRow:
        """The row as attributes, read at this instant. Raises `BadRow`."""
        try:
            raw = self._values.values({"row": row.values})
        except ExpressionError as error:
            raise BadRow(str(error)) from error
        attributes: dict[str, Value] = {}
        for name, value in raw.items():
            if name in self._texts and type(value) is str:
                typed: Value | None = clean_text(value) or None
            else:
                typed = self._typed(name, value)
            if typed is not None:
                attributes[name] = typed
        attributes[KEY] = key
        warnings = self._tidied(attributes)
        zone = str(attributes.get("time_zone") or self.default_zone)
        self._check(attributes, zone)
        status = self._status(attributes)
        local = at.astimezone(ZoneInfo(zone))
        off = self._switch is not None and row.values.get(self._switch[0]) == self._switch[1]
        ended, told = ended_by_status(status, attributes, record, local, at_once=off)
        return MappedRow(
            key=key,
            digest=digest,
            attributes=attributes,
            record=record,
            line=row.line,
            time_zone=zone,
            on_leave=status == "on_leave",
            ended_at=ended,
            warnings=(*warnings, *told),
            id=row.id,
        )

    def gone(self, record: SourceRecord, at: datetime) -> MappedRow:
        """A record whose row is no longer in the source, where that means that they left."""
        return MappedRow(
            key=record.key,
            digest=b"",
            attributes=record.attributes,
            record=record,
            line=None,
            ended_at=record.ended_at or at,
            present=False,
            id=record.remote_id,
        )

    def _tidied(self, attributes: dict[str, Value]) -> tuple[str, ...]:
        """Clean the attributes. Returns what to know. Raises `BadRow`."""
        try:
            return self._tidying.clean(attributes, self.sensitive)
        except ValueError as error:
            raise BadRow(str(error)) from error

    def _typed(self, name: str, value: Value | None) -> Value | None:
        try:
            return self._read(name, value)
        except BadRow as error:
            if name in self.sensitive:
                kind = self.schema.get(name, AttributeType.STRING).value
                raise BadRow(f"{name}: what is there is no {kind}.") from None
            raise error

    def _read(self, name: str, value: Value | None) -> Value | None:
        kind = self.schema.get(name, AttributeType.STRING)
        if value is None:
            return None
        if kind is AttributeType.STRINGS:
            parts = value.split(",") if isinstance(value, str) else list(value)  # type: ignore[arg-type]
            return [text for part in parts if (text := clean_text(str(part)))] or None
        text = clean_text(str(value)) if not isinstance(value, bool) else str(value)
        if not text:
            return None
        try:
            if kind is AttributeType.DATE:
                return parse_date(text, self.dates).isoformat()
            if kind is AttributeType.INTEGER:
                return _whole(text)
            if kind is AttributeType.NUMBER:
                return _finite(text)
        except ValueError as error:
            raise BadRow(f"{name}: {error}") from error
        if kind is AttributeType.BOOLEAN:
            if text.casefold() in _TRUE:
                return True
            if text.casefold() in _FALSE:
                return False
            raise BadRow(f"{name}: {text!r} is neither yes nor no.")
        _fits(name, text)
        return text

    def _check(self, attributes: Mapping[str, Value], zone: str) -> None:
        if zone not in _ZONES:
            raise BadRow(
                f"time_zone: there is no time zone {zone!r}. Expected an IANA name such as "
                "Europe/Budapest."
            )
        starts, ends = (
            read_date(attributes.get("start_date")),
            read_date(attributes.get("end_date")),
        )
        if starts and ends and starts > ends:
            raise BadRow(f"The start date {starts} is after the end date {ends}.")
        names = [str(attributes.get(n) or "") for n in NAMES]
        if not any(names):
            raise BadRow("There is no name: given_name, family_name and display_name are empty.")
        if not any(character.isalpha() for name in names for character in name):
            # The last line of a list is often a total: "Total;300" is nobody who works here.
            raise BadRow(
                "The name has no letter: this is no person. It may be a total at the end of the "
                "list, or its cells are in the wrong columns."
            )

    def _status(self, attributes: Mapping[str, Value]) -> str:
        text = attributes.get(STATUS)
        if text is None:
            return "active"
        found = self.statuses.get(str(text).casefold())
        if found is None:
            known = ", ".join(sorted(self.source.statuses or DEFAULT_STATUSES))
            raise BadRow(
                f"status: {text!r} means nothing here. Known: {known}. Add it to the source's "
                "`statuses`."
            )
        return str(found)


def ended_by_status(
    status: str,
    attributes: Mapping[str, Value],
    record: SourceRecord | None,
    at: datetime,
    *,
    at_once: bool = False,
) -> tuple[datetime | None, tuple[str, ...]]:
    """When the person is gone by their status, and what to know about it. A last day that is given
    decides the instant; without one, or on that very day, it is the moment at which we first
    learnt of it. So it is before a last day to come where they are gone `at_once`: their account
    there is switched off. `at` is in the person's zone."""
    if status != "left":
        return None, ()
    learnt = (record.ended_at if record else None) or at
    ends = read_date(attributes.get("end_date"))
    if ends is None or ends == at.date():
        return learnt, ()
    if ends > at.date():
        if at_once:
            return learnt, ()
        return None, (
            f"The status says {attributes[STATUS]!r} but the last day is {ends}: access ends "
            "with that day.",
        )
    return None, ()


def _fits(name: str, text: str) -> None:
    most = _LONGEST.get(name)
    if most is not None and len(text) > most:
        raise BadRow(f"{name}: {text[:20]!r}... has {len(text)} characters, at most {most} fit.")


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"{text[:30]!r} is no whole number.") from None
    if abs(number) > _LARGEST:
        raise ValueError(f"{text[:30]} is larger than {_LARGEST}.")
    return number


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text[:30]!r} is no number.")
    return number


def read_date(value: Value | None) -> date | None:
    """An attribute that is a date."""
    return date.fromisoformat(value) if isinstance(value, str) and value else None
