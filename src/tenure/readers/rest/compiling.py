"""A specification of an HR system becomes a program; what is wrong with it is named by its place.
Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tenure.connectors.rest.compiling_interface import InterfaceCompiler, Place, SpecError
from tenure.connectors.rest.paths import json_path
from tenure.connectors.rest.program import Field, Steps
from tenure.core.json_expressions import Names
from tenure.readers.rest import program as made
from tenure.readers.rest.spec import Changes, Column, Join, PeopleSpec

#: What every request of people can use beside settings, secrets, session and fresh.
_READING = ("page", "fields", "begun")


def compiled(spec: PeopleSpec) -> made.PeopleProgram:
    """Raises `SpecError` with everything that is wrong."""
    compiler = _Compiler(spec)
    program = compiler.program()
    if compiler.problems:
        raise SpecError(compiler.problems)
    return program


@dataclass(slots=True)
class _Compiler(InterfaceCompiler):
    spec: PeopleSpec

    def program(self) -> made.PeopleProgram:
        """Whatever is wrong is in `problems` afterwards."""
        spec, people = self.spec, self.spec.people
        seen: Names = {"item": None, "settings": spec.settings}
        columns = {name: self._column(name, one) for name, one in spec.columns.items()}
        return made.PeopleProgram(
            **self.interface(),
            id=json_path(people.id),
            list=self._steps(people.list, ("people", "list"), _READING, reads=True),
            get=self._call(people.get, ("people", "get"), (*_READING, "id"), reads=True)
            if people.get
            else None,
            record=self._expression(people.record, ("people", "record"), seen),
            ignore=self._condition(people.ignore, ("people", "ignore"), seen),
            changes=self._changes(people.changes) if people.changes else None,
            write=self._write(),
            joins=tuple(self._join(name, one) for name, one in spec.joins.items()),
            columns=columns,
            fields=self._fields(columns.values()),
            checks={
                name: self._steps(one, ("check", name), _READING, reads=True)
                for name, one in spec.check.items()
            },
        )

    def _changes(self, changes: Changes) -> made.ChangesProgram:
        place: Place = ("people", "changes")
        names = (*_READING, "cursor", "until")
        cursor = changes.cursor
        return made.ChangesProgram(
            list=self._steps(changes.list, (*place, "list"), names, reads=True),
            ids=json_path(changes.ids) if changes.ids else None,
            gone=self._condition(
                changes.gone, (*place, "gone"), {"item": None, "settings": self.spec.settings}
            ),
            at=json_path(cursor.at) if cursor.at else None,
        )

    def _write(self) -> Steps:
        write = self.spec.people.write
        if write is None:
            return ()
        self.keys["values"] = write.columns
        place: Place = ("people", "write", "requests")
        return self._steps(write.requests, place, ("id", "values", "current"), reads=False)

    def _join(self, name: str, one: Join) -> made.JoinProgram:
        place: Place = ("joins", name)
        asked = (*_READING, "id", "item", "on")
        return made.JoinProgram(
            name=name,
            list=self._call(one.list, (*place, "list"), _READING, reads=True) if one.list else None,
            get=self._call(one.get, (*place, "get"), asked, reads=True) if one.get else None,
            key=json_path(one.key),
            on=self._on(one.on, (*place, "on")),
            many=one.many,
        )

    def _on(self, source: str, place: Place) -> Field | None:
        if not source:
            return None
        if source.startswith("="):
            return Field(expression=self._expression(source, place, {"item": None}))
        return Field(path=self._try_path(source, place))

    def _column(self, name: str, one: Column) -> made.ColumnProgram:
        return made.ColumnProgram(
            places=tuple(json_path(place) for place in one.path),
            read=self._expression(
                one.read,
                ("columns", name, "read"),
                {"item": None, "value": None, "settings": self.spec.settings},
            ),
            kind=one.kind,
            field=one.field,
        )

    def _fields(self, columns: Iterable[made.ColumnProgram]) -> tuple[str, ...]:
        """What columns take from a record itself, by the names that it has there."""
        found = dict.fromkeys(self.spec.fields)
        for column in columns:
            if column.field:
                found[column.field] = None
                continue
            if column.places:
                found[column.places[0].source.partition("[")[0]] = None
            for name in sorted(column.read.names) if column.read is not None else ():
                root, _, key = name.partition(".")
                if root == "item" and key:
                    found[key] = None
        joined = self.spec.joins.keys()
        return tuple(one for one in found if one and one.partition(".")[0] not in joined)
