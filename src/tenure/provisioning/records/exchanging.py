"""Names that go from one account to another at one stroke.

An application refuses a name as long as somebody else has it. Where that one is about to give it
up, whoever takes it waits for them, instead of failing; where that goes round in a circle, one of
them makes way under a name of no other use (`by_way_of`), and gets the right one when it is free.
What waits for whom stands in `progress`; it is known only once an application has refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import F, Q, TextField
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from tenure.applications.models import Application
from tenure.core.diff import comparable
from tenure.core.model import OperationKind, OperationState, Value
from tenure.provisioning.models import Operation
from tenure.provisioning.records.work import BEHIND, BY_WAY_OF, MADE_WAY, Outcome, Result

#: How often it is looked whether a name is free by now.
_MOST: Final = 8
_WAITS: Final = "waits"
_GOING = [
    OperationState.PLANNED.value,
    OperationState.STARTED.value,
    OperationState.RETRYING.value,
    OperationState.UNKNOWN.value,
]
_STUCK = [OperationState.HELD.value, OperationState.MANUAL.value, OperationState.FAILED.value]
#: Those that a person mends first, as it is said of them.
_SAID = {OperationState.HELD.value: "held", OperationState.MANUAL.value: "to be done by hand"}


class _Giver(NamedTuple):
    """Whose account has a value, and the operation by which it gives that up."""

    operation: int
    state: str
    name: str


def wait(
    application: Application, settled: Sequence[tuple[Operation, Outcome]], back_off: float
) -> set[int]:
    """Those that met a value which another account is about to give up wait for that, so long at
    first and twice as long each time. Returns the operations of which it is said now who has what
    they are to have."""
    met = [(row, o) for row, o in settled if o.taken and o.result is Result.FAILED]
    if not met:
        return set()
    said = set()
    givers = _givers(application, [row for row, _ in met])
    done = {row.pk for row, o in settled if o.result is Result.DONE}
    behind, aside = _behind(application)
    for row, outcome in met:
        held = _held_by_others(row, givers)
        progress = outcome.work.progress
        outcome.message = f"{outcome.message}{_words(held)}{_meanwhile(progress)}"
        if not held:
            continue
        said.add(row.pk)
        giver = next(iter(held.values()))
        waited = int(progress.get(_WAITS, 0)) + 1
        if giver.state in _STUCK or waited > _MOST:
            continue
        outcome.result, outcome.after = Result.RETRY, back_off * 2 ** (waited - 1)
        progress[_WAITS] = waited
        if giver.operation in done or giver.state == OperationState.DONE:
            continue
        progress[BEHIND] = behind[row.pk] = giver.operation
        circle = _circle(row.pk, behind)
        if circle and not circle & aside and _make_way(row, outcome, held):
            aside.add(row.pk)
    return said


def wake(application: Application, settled: Sequence[tuple[Operation, Outcome]]) -> None:
    """Whoever waits for a name that is free now goes at once."""
    freed = [
        row.pk
        for row, outcome in settled
        if row.kind == OperationKind.UPDATE
        and (outcome.result is Result.DONE or outcome.work.progress.get(MADE_WAY))
    ]
    if freed:
        rows = Operation.objects.filter(
            application=application,
            state=OperationState.RETRYING.value,
            progress__has_key=BEHIND,
            **{f"progress__{BEHIND}__in": freed},
        )
        # Whoever has one of them now plans its person anew.
        free = rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
        Operation.objects.filter(pk__in=list(free)).update(not_before=None)


def _givers(
    application: Application, rows: Sequence[Operation]
) -> dict[tuple[str, str], list[_Giver]]:
    """(attribute, value) -> who is about to give it up, or has just done so."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        for name, value in _texts(row, "to").items():
            wanted.setdefault(name, set()).add(value)
    began = min((row.started_at for row in rows if row.started_at), default=None)
    lately = Q(state=OperationState.DONE.value, finished_at__gte=began) if began else Q(pk=None)
    renames = Operation.objects.filter(
        Q(state__in=[*_GOING, *_STUCK]) | lately,
        application=application,
        kind=OperationKind.UPDATE.value,
    )
    found: dict[tuple[str, str], list[_Giver]] = {}
    for name, values in wanted.items():
        held = KeyTextTransform("from", KeyTransform(name, "attributes"))
        mine = renames.annotate(held=Cast(held, TextField())).filter(held__in=values)
        for pk, state, who, value in mine.values_list(
            "pk", "state", F("person__display_name"), "held"
        ):
            found.setdefault((name, comparable(value)), []).append(_Giver(pk, state, str(who)))
    return found


def _held_by_others(
    row: Operation, givers: Mapping[tuple[str, str], Sequence[_Giver]]
) -> dict[str, _Giver]:
    """Attribute -> who has what it is to be. Who is still going comes before who is not."""
    found: dict[str, _Giver] = {}
    for name, value in _texts(row, "to").items():
        others = [g for g in givers.get((name, comparable(value)), ()) if g.operation != row.pk]
        if others:
            found[name] = min(others, key=lambda giver: giver.state in _STUCK)
    return found


def _texts(row: Operation, which: str) -> dict[str, str]:
    """Its attributes that are texts, as they are now ("from") or are to be ("to")."""
    values = {name: change.get(which) for name, change in row.attributes.items()}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _behind(application: Application) -> tuple[dict[int, int], set[int]]:
    """Operation -> the one that it waits for; and those that make way."""
    rows = Operation.objects.filter(
        application=application,
        state__in=[OperationState.RETRYING.value, OperationState.STARTED.value],
        progress__has_key=BEHIND,
    )
    found = dict(rows.values_list("pk", "progress"))
    behind = {pk: int(progress[BEHIND]) for pk, progress in found.items()}
    return behind, {pk for pk, progress in found.items() if progress.get(BY_WAY_OF)}


def _circle(first: int, behind: Mapping[int, int]) -> set[int]:
    """Those by way of whom it waits for itself; nobody where it does not."""
    seen: set[int] = set()
    at = first
    while at in behind and at not in seen:
        seen.add(at)
        at = behind[at]
    return seen if at == first else set()


def _make_way(row: Operation, outcome: Outcome, held: Mapping[str, _Giver]) -> bool:
    """It goes first, under names that nobody has, if there are such."""
    has = _texts(row, "from")
    aside: dict[str, Value] = {name: _aside(has[name], row.pk) for name in held if name in has}
    if len(aside) != len(held):
        return False
    outcome.work.progress[BY_WAY_OF] = aside
    outcome.after = 0.0
    return True


def _aside(value: str, number: int) -> str:
    local, at, domain = value.partition("@")
    return f"{local}-{number}{at}{domain}"


def _meanwhile(progress: Mapping[str, Any]) -> str:
    """What somebody signs in with who has made way, and not got the right name yet."""
    if not progress.get(MADE_WAY):
        return ""
    names = " and ".join(f"{name} {value}" for name, value in progress[BY_WAY_OF].items())
    return f" Until then it has the {names} there, by which it made way."


def _words(held: Mapping[str, _Giver]) -> str:
    if not held:
        return ""
    name, giver = next(iter(held.items()))
    if giver.state in _SAID:
        return (
            f" {giver.name} has this {name} and is to give it up; that is {_SAID[giver.state]}, "
            "and comes first."
        )
    if giver.state == OperationState.FAILED:
        return (
            f" {giver.name} has this {name} and was to give it up, which failed: that comes first."
        )
    return f" {giver.name} gives this {name} up, and it is tried again when that is done."
