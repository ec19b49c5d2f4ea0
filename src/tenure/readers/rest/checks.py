"""How far a connection to an HR system gets: each step in order, up to what failed. Reads only, and
never raises for what the source does.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from yarl import URL

from tenure.connectors.addresses import SafeResolver
from tenure.connectors.base import Check, ConnectorError
from tenure.connectors.rest.verbs import run
from tenure.readers.base import Row, RowProblem
from tenure.readers.rest.people import People
from tenure.readers.rest.program import PeopleProgram

_SHOWN = 12


async def checked(program: PeopleProgram, people: People) -> list[Check]:
    """Lines named Address, Credentials, the specification's own, People, Columns, One person,
    Changes; the first that shows that nothing can work is the last."""
    lines: list[Check] = []
    _, problem = await _tried(people.__aenter__())
    if problem:
        return [Check("Address", False, problem)]
    try:
        lines.append(await _address(people.base_url))
        if lines[-1].ok:
            await _inside(program, people, lines)
    finally:
        await people.__aexit__(None, None, None)
    return lines


async def _address(base: str) -> Check:
    """Whether the name is known, before anything is sent."""
    url = URL(base)
    host, port = url.host or "", url.port or 443
    resolver = SafeResolver()
    try:
        found = await resolver.resolve(host, port)
    except OSError as error:
        return Check(
            "Address",
            False,
            f"The name {host} cannot be resolved ({error}). Check the address: a wrong company "
            "name in it looks the same.",
        )
    finally:
        await resolver.close()
    return Check("Address", True, f"{host} is {found[0]['host']}.")


async def _inside(program: PeopleProgram, people: People, lines: list[Check]) -> None:
    _, problem = await _tried(people.transport.signing.ticket())
    if problem:
        lines.append(Check("Credentials", False, problem))
        return
    for name, steps in program.checks.items():
        _, problem = await _tried(run(people.transport, steps, people.variables))
        lines.append(Check(name, not problem, problem or "It answers."))
        if problem:
            return
    page, problem = await _tried(_first(people))
    if problem:
        lines.append(Check("People", False, problem))
        return
    rows = [row for row in page if isinstance(row, Row)]
    lines.append(_people(page, rows))
    if rows:
        lines.append(_columns(program, rows))
        if program.get is not None:
            lines.append(await _one(people, rows[0]))
    if program.changes is not None:
        _, problem = await _tried(_changed(people))
        lines.append(Check("Changes", not problem, problem or "It says what changed."))


async def _first(people: People) -> list[Row | RowProblem]:
    found: list[Row | RowProblem] = []
    async for page in people.rows(first_only=True):
        found += page
    return found


async def _changed(people: People) -> None:
    """What changed since a moment ago, which should be little."""
    async for _ in people.changes(people.variables["begun"]):
        return


def _people(page: list[Row | RowProblem], rows: list[Row]) -> Check:
    if rows:
        problems = len(page) - len(rows)
        told = f"{len(rows)} on the first page."
        return Check("People", True, f"{told} {problems} cannot be read." if problems else told)
    first = next((one.message for one in page if isinstance(one, RowProblem)), "")
    return Check(
        "People",
        False,
        f"None can be read: {first}"
        if first
        else "It answers, and shows nobody. The credentials may lack the right to see people, or "
        "the company in the settings is another one.",
    )


def _columns(program: PeopleProgram, rows: list[Row]) -> Check:
    """Which columns hold anything: a missing right often looks like missing data."""
    empty = [name for name in program.columns if not any(row.values[name] for row in rows)]
    if not empty:
        return Check("Columns", True, f"All {len(program.columns)} hold something.")
    shown = ", ".join(empty[:_SHOWN]) + (", ..." if len(empty) > _SHOWN else "")
    most = len(empty) > len(program.columns) // 2
    return Check(
        "Columns",
        not most,
        f"Empty for everybody on the first page: {shown}. Where they should not be, the "
        "credentials lack the right to see them.",
    )


async def _one(people: People, listed: Row) -> Check:
    """Whether a list and a single answer agree: where they do not, every webhook would change
    somebody, and the next import would change them back."""
    found, problem = await _tried(people.fetch(listed.id))
    if problem or not isinstance(found, Row):
        told = problem or getattr(
            found, "message", "The list has it, and by itself it is not there."
        )
        return Check("One person", False, told)
    differing = [name for name, text in found.values.items() if listed.values[name] != text]
    if differing:
        return Check(
            "One person",
            False,
            f"The list and people.get show {', '.join(differing)} differently. Say `details: true` "
            "if the list leaves them out.",
        )
    return Check("One person", True, "It reads as in the list.")


async def _tried(doing: Awaitable[Any]) -> tuple[Any, str]:
    try:
        return await doing, ""
    except ConnectorError as error:
        return None, str(error)
