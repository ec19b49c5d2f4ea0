"""Reading people: pages, searches, counts, who joins and who leaves. Knows nothing of accounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import available_timezones

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower

from tenure.core.model import LifecycleState
from tenure.core.veiling import HIDDEN as HIDDEN
from tenure.figures.services import figure, register
from tenure.infra.paging import Page, page
from tenure.people.models import Person, PersonChange, PersonUnion
from tenure.people.searching import having_words
from tenure.people.services import attribute_book, company, lagging
from tenure.people.services import sensitive_attributes as sensitive_attributes


@dataclass(frozen=True, slots=True)
class Coming:
    """One joiner or leaver. `day` is in the person's own zone; `at` the instant, if one is set."""

    person: Person
    day: date
    joins: bool
    at: datetime | None = None


def people_page(
    *,
    search: str = "",
    state: str = "",
    endless: bool = False,
    cursor: str = "",
    size: int = 50,
) -> Page[Person]:
    """People by name, those that `matching` finds."""
    return page_of(matching(search=search, state=state, endless=endless), cursor, size=size)


def page_of(rows: QuerySet[Person], cursor: str = "", *, size: int = 50) -> Page[Person]:
    """These people by name, with their managers, who are looked up for those of the page alone:
    some of these lists are sorted as a whole."""
    order = ("display_name", "id")
    return page(rows.prefetch_related("manager"), order=order, cursor=cursor, size=size)


def count_people(*, search: str = "", state: str = "", endless: bool = False) -> int:
    """How many `people_page` goes through."""
    return matching(search=search, state=state, endless=endless).count()


def count_up_to(rows: QuerySet[Person], most: int) -> int:
    """How many they are, counted no further than one beyond `most`."""
    return rows.order_by().values("pk")[: most + 1].count()


def departments(*, most: int = 300) -> list[str]:
    """The departments that there are, in order. Jumps from one to the next in the index, so that
    it costs the same however many work in each."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE each AS (
                SELECT min(attributes ->> 'department') AS name FROM people_person
                WHERE attributes ->> 'department' > ''
                UNION ALL
                SELECT (
                    SELECT min(attributes ->> 'department') FROM people_person
                    WHERE attributes ->> 'department' > each.name
                ) FROM each WHERE each.name IS NOT NULL
            )
            SELECT name FROM (
                SELECT name FROM each WHERE name IS NOT NULL LIMIT %s
            ) AS first ORDER BY name
            """,
            [most],
        )
        return [name for (name,) in cursor.fetchall()]


def count_everybody() -> int:
    """How many people there are, or were a moment ago where that takes long to count."""
    return sum(people_by_state().values())


def count_here() -> int:
    """How many people are here or about to be."""
    gone = [LifecycleState.LEFT.value, LifecycleState.LEAVING.value]
    return Person.objects.exclude(state__in=gone).count()


def people_by_state() -> dict[LifecycleState, int]:
    """Every state, with how many people are in it. One query."""
    found: dict[str, int] = figure(_STATES, table="people_person")
    return {state: found.get(state.value, 0) for state in LifecycleState}


def _by_state() -> dict[str, int]:
    return dict(Person.objects.order_by().values_list("state").annotate(n=Count("pk")))


_STATES: Final = "people by state"
register(_STATES, _by_state)


def person_by_uid(uid: str) -> Person | None:
    """The person, with their manager. None when there is none, or `uid` is no uid."""
    if not re.fullmatch(r"[0-9a-fA-F-]{32,36}", uid):
        return None
    return Person.objects.select_related("manager").filter(uid=uid).first()


def merged_into(uid: UUID) -> Person | None:
    """Who somebody is now, who was found to be the same person."""
    rows = PersonUnion.objects.filter(
        other_uid=uid, kind=PersonChange.MERGED, undone_at__isnull=True, person__isnull=False
    )
    found = rows.select_related("person").first()
    return found.person if found else None


def people_by_uid(uids: Iterable[str]) -> dict[str, Person]:
    """Uid -> person, for those that exist. One query."""
    wanted = [uid for uid in set(uids) if re.fullmatch(r"[0-9a-fA-F-]{32,36}", uid)]
    return {str(person.uid): person for person in Person.objects.filter(uid__in=wanted)}


def people_by_number(numbers: Iterable[str]) -> dict[str, Person]:
    """Employee number -> person. One query."""
    wanted = list(set(numbers))
    rows = Person.objects.filter(employee_number__in=wanted) if wanted else ()
    return {str(row.employee_number): row for row in rows}


def people_by_key(keys: Iterable[str]) -> dict[str, Person]:
    """Id, as text -> person, for those who are still there. One query."""
    return {str(person.pk): person for person in Person.objects.filter(pk__in=set(keys))}


def names_by_key(keys: Iterable[str]) -> dict[str, str]:
    """Id, as text -> name, for those who are still there. One query."""
    rows = Person.objects.filter(pk__in=set(keys)).values_list("pk", "display_name")
    return {str(pk): name for pk, name in rows}


def uids(keys: Iterable[int]) -> dict[int, str]:
    """Id -> uid. One query."""
    rows = Person.objects.filter(pk__in=set(keys)).values_list("pk", "uid")
    return {pk: str(uid) for pk, uid in rows}


def attribute_labels() -> tuple[dict[str, str], frozenset[str]]:
    """Attribute -> its label, in the order of the schema; and which are sensitive."""
    book = attribute_book()
    return dict(book.labels), book.sensitive


def values_of(name: str, *, limit: int = 50) -> list[tuple[str, int]]:
    """What people have as this attribute, the most frequent first, with how many do. Nothing of
    a sensitive one, and of a list each item."""
    if name in attribute_labels()[1]:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT value, count(*) FROM people_person, LATERAL (
                SELECT jsonb_array_elements_text(attributes -> %(name)s) AS value
                WHERE jsonb_typeof(attributes -> %(name)s) = 'array'
                UNION ALL
                SELECT attributes ->> %(name)s WHERE jsonb_typeof(attributes -> %(name)s) <> 'array'
            ) AS held
            WHERE state <> 'left' AND value <> ''
            GROUP BY value ORDER BY count(*) DESC, value LIMIT %(limit)s
            """,
            {"name": name, "limit": limit},
        )
        return [(str(value), count) for value, count in cursor.fetchall()]


def shown_attributes(attributes: Mapping[str, object]) -> dict[str, object]:
    """The attributes, with a word in place of what is sensitive."""
    hidden = sensitive_attributes()
    return {name: HIDDEN if name in hidden else value for name, value in attributes.items()}


def reports_of(person: Person, *, limit: int = 12) -> tuple[list[Person], int]:
    """Who reports to them and has not left: the first by name, and how many in all."""
    rows = person.reports.exclude(state=LifecycleState.LEFT.value)
    first = list(rows.order_by("display_name", "id")[:limit])
    return first, len(first) if len(first) < limit else rows.count()


def leads(person: Person) -> bool:
    """Whether anybody who has not left reports to them."""
    return person.reports.exclude(state=LifecycleState.LEFT.value).exists()


def count_lagging() -> int:
    """People that provisioning has not looked at since something changed."""
    return Person.objects.filter(lagging()).count()


def people_without_email(*, limit: int = 3) -> tuple[list[Person], int]:
    """People who are here or about to be and have no work e-mail: the first, and how many."""
    rows = without_email()
    return list(rows.order_by("display_name", "id")[:limit]), rows.count()


def without_email() -> QuerySet[Person]:
    """People who are here or about to be, and have no work e-mail."""
    gone = [LifecycleState.LEFT.value, LifecycleState.LEAVING.value]
    return Person.objects.filter(email="").exclude(state__in=gone)


def without_end() -> QuerySet[Person]:
    """People of a kind that has a last day (contractors, unless the company says otherwise), who
    are here or about to be, and for whom none is known: nobody will notice when they are gone."""
    kinds = [kind.lower() for kind in company().warn_without_end]
    rows = Person.objects.annotate(kind=Lower(KeyTextTransform("employment_type", "attributes")))
    return rows.filter(
        # In the year 9999: what HR systems write for `never`.
        Q(end_date__isnull=True) | Q(end_date__gte=date(9999, 1, 1)),
        kind__in=kinds,
        terminated_at__isnull=True,
        ended_by_source_at__isnull=True,
    ).exclude(state__in=[LifecycleState.LEFT.value, LifecycleState.LEAVING.value])


def unknown_zones() -> dict[str, int]:
    """Zone that the time zone database does not have (any more) -> how many people are in it."""
    rows = Person.objects.order_by("time_zone").values_list("time_zone").annotate(n=Count("pk"))
    known = available_timezones()
    return {name: count for name, count in rows if name not in known}


def lacks_end(person: Person) -> bool:
    """Whether this one should have a last day and has none."""
    return without_end().filter(pk=person.pk).exists()


def people_without_end(*, limit: int = 3) -> tuple[list[Person], int]:
    """The first of them by name (a hundred at most), and how many."""
    first, count = figure(_ENDLESS, table="people_person")
    rows = Person.objects.in_bulk(first[:limit]) if first else {}
    return [rows[pk] for pk in first if pk in rows], count


def _count_endless() -> tuple[list[int], int]:
    ids = without_end().order_by("display_name", "id").values_list("pk", flat=True)
    first = list(ids[:_FIRST])
    return first, len(first) if len(first) < _FIRST else ids.count()


_FIRST: Final = 100
_ENDLESS: Final = "people without a last day, and the first of them"
register(_ENDLESS, _count_endless)


def coming(*, start: date, days: int) -> list[Coming]:
    """Who joins or leaves on the days from `start` on, in order. Three queries, by indexes; of
    each person what stands in columns and, as `department`, where they work."""
    end = start + timedelta(days=days - 1)
    rows = Person.objects.only(
        "uid", "display_name", "start_date", "end_date", "terminated_at"
    ).annotate(department=KeyTextTransform("department", "attributes"))
    found = [
        Coming(person, person.start_date, joins=True)
        for person in rows.filter(start_date__range=(start, end), terminated_at__isnull=True)
        if person.start_date
    ]
    here = rows.exclude(state=LifecycleState.LEFT.value)
    # An instant may fall on another day in their zone than in UTC: look a day further each way.
    after = datetime(start.year, start.month, start.day, tzinfo=UTC) - timedelta(days=1)
    ends = here.filter(end_date__range=(start, end))
    stopped = here.filter(terminated_at__range=(after, after + timedelta(days=days + 2)))
    for person in {one.pk: one for one in (*ends, *stopped)}.values():
        at, day = person.terminated_at, person.end_date
        if at is not None and (day is None or at.date() <= day):
            day = at.date()
        else:
            at = None
        if day is not None and start <= day <= end:
            found.append(Coming(person, day, joins=False, at=at))
    return sorted(found, key=lambda item: (item.day, not item.joins, item.person.display_name))


def matching(
    *, search: str = "", state: str = "", department: str = "", endless: bool = False
) -> QuerySet[Person]:
    """People. `search` holds the beginnings of words of the name (accents and case do not matter),
    of the e-mail address or of the employee number: all of them have to be there. `endless`: only
    those who should have a last day and have none."""
    rows = without_end() if endless else Person.objects.all()
    if state:
        rows = rows.filter(state=state)
    if department:
        rows = rows.annotate(works_in=KeyTextTransform("department", "attributes"))
        rows = rows.filter(works_in=department)
    return having_words(rows, search)
