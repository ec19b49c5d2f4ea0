"""The people who were known before an import, by the values that its source's rules compare.

For a few records everybody is gone through; for many they are put into a temporary table once, so
that a million people and a million records cost no more memory, and the people are read once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from django.db import connection
from django.db.models.fields.json import KeyTransform

from tenure.core.acquaintance import EMPLOYEE_NUMBER, Recognition, SameAttribute
from tenure.core.correlation import Key
from tenure.people.models import Person
from tenure.people.services import schema
from tenure.sources.models import Source

#: From so many values on it is worth the table.
MANY = 500
_BATCH = 5000
_BY_NUMBER = SameAttribute(EMPLOYEE_NUMBER, EMPLOYEE_NUMBER)


@dataclass(slots=True)
class Everybody:
    """People with an id up to `newest`."""

    recognition: Recognition
    newest: int
    _kept: bool = field(default=False, init=False)

    @classmethod
    def of(cls, source: Source, newest: int) -> Everybody | None:
        """None where nobody could be recognised otherwise than by their employee number."""
        if not newest or not (source.correlation or source.suggest):
            return None
        rules = [SameAttribute(**rule) for rule in source.correlation] or [_BY_NUMBER]
        return cls(Recognition(rules, source.suggest, schema()), newest)

    def sharing(self, keys: AbstractSet[Key]) -> dict[str, frozenset[Key]]:
        """Person id -> which of these values they have, for those who have any."""
        if not keys:
            return {}
        if self._kept or len(keys) > MANY:
            return self._looked_up(keys)
        return self.going_through(keys)

    def going_through(self, keys: AbstractSet[Key]) -> dict[str, frozenset[Key]]:
        """As `sharing`, without a table, however many values: for one look."""
        found = ((pk, theirs & keys) for pk, theirs in self._all())
        return {str(pk): shared for pk, shared in found if shared}

    def sharing_with_others(self, most: int) -> tuple[list[tuple[int, list[int]]], int]:
        """Place of a rule -> ids of the people who have one value by it, for each value of two to
        `most` people; and how many values more people than that have."""
        self._fill()
        with connection.cursor() as cursor:
            # Of many only so many are needed to know that they are too many.
            cursor.execute(
                "SELECT place, (array_agg(person))[:%s] FROM import_everybody"
                " GROUP BY place, value HAVING count(*) > 1",
                [most + 1],
            )
            found = [(int(place), list(people)) for place, people in cursor.fetchall()]
            cursor.execute("DROP TABLE import_everybody")
        few = [group for group in found if len(group[1]) <= most]
        return few, len(found) - len(few)

    def _all(self) -> Iterator[tuple[int, frozenset[Key]]]:
        names = sorted(self.recognition.attributes)
        columns = {f"a{n}": KeyTransform(name, "attributes") for n, name in enumerate(names)}
        rows = Person.objects.filter(pk__lte=self.newest).order_by("pk").annotate(**columns)
        for pk, *values in rows.values_list("pk", *columns).iterator(_BATCH):
            given = {n: v for n, v in zip(names, values, strict=True) if v is not None}
            yield pk, self.recognition.person_keys(given)

    def _looked_up(self, keys: Collection[Key]) -> dict[str, frozenset[Key]]:
        self._keep()
        found: dict[str, set[Key]] = {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT person, place, value FROM import_everybody JOIN unnest(%s::int[],"
                " %s::text[]) AS given (place, value) USING (place, value)",
                [[place for place, _ in keys], [value for _, value in keys]],
            )
            for person, place, value in cursor.fetchall():
                found.setdefault(str(person), set()).add((place, value))
        return {person: frozenset(shared) for person, shared in found.items()}

    def _keep(self) -> None:
        if self._kept:
            return
        self._fill()
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX ON import_everybody (place, value)")
            cursor.execute("ANALYZE import_everybody")
        self._kept = True

    def _fill(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.import_everybody")
            cursor.execute(
                "CREATE TEMPORARY TABLE import_everybody (place int, value text, person bigint)"
            )
            lines: list[tuple[int, str, int]] = []
            for pk, keys in self._all():
                lines += [(place, value, pk) for place, value in keys]
                if len(lines) >= _BATCH:
                    self._write(lines)
                    lines = []
            self._write(lines)

    @staticmethod
    def _write(lines: list[tuple[int, str, int]]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO import_everybody"
                " SELECT * FROM unnest(%s::int[], %s::text[], %s::bigint[])",
                [list(column) for column in zip(*lines, strict=True)] or [[], [], []],
            )
