"""Reading the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from tenure.audit.models import SEARCHED, Action, Event
from tenure.infra.paging import Page, key_of, page

#: So many events are read one by one before words are looked up.
_NEAR = 1_500
#: Of more than so many that words are looked up in one has to wait.
_MANY = 50_000
#: As the index of words has it (`SEARCHED`); one parameter.
_HAS_WORDS = (
    "to_tsvector('simple', coalesce(subject_label, '') || ' ' || coalesce(actor, '') || ' '"
    " || coalesce(reason, '')) @@ to_tsquery('simple', %s)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. `person` is a uid, `application` a slug; `search` holds the beginnings of words
    of whom it was about, by whom and why; `since` and `until` are instants."""

    action: str = ""
    person: str = ""
    application: str = ""
    search: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def words_alone(self) -> bool:
        """Whether nothing but words says which."""
        return bool(_quoted(self.search)) and replace(self, search="") == Wanted()

    def rows(self) -> QuerySet[Event]:
        """Those events, in no order."""
        rows = Event.objects.all()
        if self.action:
            rows = rows.filter(action=self.action)
        if self.person:
            rows = rows.filter(person=self.person)
        if self.application:
            rows = rows.filter(application=self.application)
        if self.since is not None:
            rows = rows.filter(at__gte=self.since)
        if self.until is not None:
            rows = rows.filter(at__lt=self.until)
        if query := _query(self.search):
            rows = rows.annotate(searched=SEARCHED).filter(searched=query)
        return rows


def events(wanted: Wanted, *, cursor: str = "", size: int = 50) -> Page[Event]:
    """Events, the latest first."""
    if wanted.search and (near := _near(wanted, cursor, size)) is not None:
        return near
    return _far(wanted, cursor, size)


def events_at_once(wanted: Wanted, *, cursor: str = "", size: int = 50) -> Page[Event] | None:
    """The same, but None where that takes a while: many events have the words, hardly any of those
    next to where the page begins."""
    if not wanted.search:
        return events(wanted, cursor=cursor, size=size)
    near = _near(wanted, cursor, size)
    if near is not None or (wanted.words_alone and _estimate(wanted) > _MANY):
        return near
    return _far(wanted, cursor, size)


def _far(wanted: Wanted, cursor: str, size: int) -> Page[Event]:
    rows = wanted.rows()
    top = key_of(cursor, width=1)
    if wanted.words_alone and (top is not None or not cursor):
        rows = Event.objects.filter(pk__in=_looked_up(wanted.search, top, size + 1))
    return page(rows, order=("-id",), cursor=cursor, size=size)


def _looked_up(search: str, top: int | None, many: int) -> list[int]:
    """The latest events with these words, by the index of words whatever the database expects: it
    takes events with a word to be everywhere, and would read the whole trail for those of long
    ago."""
    with connection.cursor() as sql:
        sql.execute(
            f"""
            WITH found AS MATERIALIZED (
                SELECT id FROM audit_event WHERE {_HAS_WORDS} AND (%s::bigint IS NULL OR id < %s)
            )
            SELECT id FROM found ORDER BY id DESC LIMIT %s
            """,
            [_quoted(search), top, top, many],
        )
        return [key for (key,) in sql.fetchall()]


def _estimate(wanted: Wanted) -> int:
    """How many events have the words, as the database's statistics say."""
    with connection.cursor() as sql:
        sql.execute(
            f"EXPLAIN (FORMAT JSON) SELECT 1 FROM audit_event WHERE {_HAS_WORDS}",
            [_quoted(wanted.search)],
        )
        (plans,) = sql.fetchone()
    return int(plans[0]["Plan"]["Plan Rows"])


def _near(wanted: Wanted, cursor: str, size: int) -> Page[Event] | None:
    """The page, if it is full of the events next to where it begins: words that many events have
    would be looked up in long lists, only to throw most of them away."""
    top = key_of(cursor, width=1)
    if cursor and top is None:
        return None
    if top is None:
        top = (Event.objects.aggregate(last=Max("id"))["last"] or 0) + 1
    with connection.cursor() as sql:
        # OFFSET keeps the index of words out of it.
        sql.execute(
            f"""
            SELECT id FROM (
                SELECT id, subject_label, actor, reason FROM audit_event
                WHERE id > %s AND id < %s OFFSET 0
            ) AS near
            WHERE {_HAS_WORDS}
            """,
            [top - _NEAR, top, _quoted(wanted.search)],
        )
        keys = [key for (key,) in sql.fetchall()]
    if len(keys) <= size:
        return None
    rows = replace(wanted, search="").rows().filter(pk__in=keys)
    found = page(rows, order=("-id",), cursor=cursor, size=size)
    return found if found.next else None


def _query(search: str) -> SearchQuery | None:
    raw = _quoted(search)
    return SearchQuery(raw, search_type="raw", config="simple") if raw else None


def _quoted(search: str) -> str:
    """Every word by its beginning. An e-mail address is one word, as it is in what is searched."""
    words = [word.replace("\0", "") for word in search.lower().split()][:8]
    quoted = [word.replace("\\", "\\\\").replace("'", "''") for word in words if word]
    return " & ".join(f"'{word[:100]}':*" for word in quoted)


def events_of(subject_kind: str, subject_key: str, *, limit: int = 50) -> list[Event]:
    """The latest events about one thing that is no person."""
    rows = Event.objects.filter(subject_kind=subject_kind, subject_key=subject_key)
    return list(rows.order_by("-id")[:limit])


def last_of(subject_kind: str, subject_key: str, action: Action) -> Event | None:
    """The latest event of this kind about one thing."""
    rows = Event.objects.filter(action=action, subject_kind=subject_kind, subject_key=subject_key)
    return rows.order_by("-id").first()


def events_of_person(
    person: str, *, actions: Sequence[Action] = (), limit: int = 50
) -> list[Event]:
    """The latest events about a person, by uid; only of these actions if any are given."""
    rows = Event.objects.filter(person=person)
    if actions:
        rows = rows.filter(action__in=list(actions))
    return list(rows.order_by("-id")[:limit])


#: What an import does to people, and the events that say so.
IMPORTED = {"added": Action.PERSON_ADDED, "changed": Action.PERSON_CHANGED}


def people_in(run: int, *, kind: str = "", cursor: str = "", size: int = 50) -> Page[Event]:
    """One event for each person whom a run made, changed or let leave, in the order in which it
    did; `kind` is added, changed or left. A person whose state alone changed has that event."""
    rows = Event.objects.filter(run=run)
    states = Q(action=Action.PERSON_STATE_CHANGED)
    if kind == "left":
        rows = rows.filter(states, after__state="left")
    elif kind in IMPORTED:
        rows = rows.filter(action=IMPORTED[kind])
    else:
        told = Event.objects.filter(
            run=run, person=OuterRef("person"), action__in=IMPORTED.values()
        )
        rows = rows.filter(Q(action__in=IMPORTED.values()) | states & ~Exists(told))
    return page(rows, order=("id",), cursor=cursor, size=size)


def states_in(run: int, people: Sequence[str]) -> dict[str, Event]:
    """Person -> how the run changed their state, for those of them."""
    rows = Event.objects.filter(run=run, action=Action.PERSON_STATE_CHANGED, person__in=people)
    return {row.person: row for row in rows}


def changes_of(kind: str, key: str, *, limit: int = 6) -> list[Event]:
    """The latest changes to one thing of the configuration."""
    rows = Event.objects.filter(action=Action.CONFIGURATION_CHANGED)
    return list(rows.filter(subject_kind=kind, subject_key=key).order_by("-id")[:limit])


def last_change(kind: str, key: str) -> Event | None:
    """The latest of them."""
    return next(iter(changes_of(kind, key, limit=1)), None)


def unsealed() -> tuple[int, datetime | None]:
    """How many events are not in the chain yet, and since when the oldest of them."""
    found = Event.objects.filter(position__isnull=True).aggregate(n=Count("pk"), since=Min("at"))
    return found["n"], found["since"]


def last_of_all(action: Action) -> Event | None:
    """The latest event of this kind, whatever it is about."""
    return Event.objects.filter(action=action).order_by("-id").first()
