"""The org chart: managers by their employee numbers, with those missing and the cycles reported."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.infra.bulk import update_rows
from tenure.people.models import Person
from tenure.sources.models import Source


@dataclass(frozen=True, slots=True)
class ManagerWarning:
    """One thing wrong with the org chart. `key` is the employee number."""

    key: str
    message: str


def resolve_managers(source: Source) -> list[ManagerWarning]:
    """Tie everybody of the source to their manager. Warns of managers who do not exist and of
    cycles; those people are left without a manager, and everything else goes on."""
    rows = list(
        Person.objects.filter(records__source=source, records__present=True)
        .values_list("pk", "employee_number", "attributes__manager", "manager_id")
        .distinct()
    )
    numbers = {str(number): pk for pk, number, _, _ in rows}
    wanted = {str(manager) for _, _, manager, _ in rows if manager} - numbers.keys()
    numbers |= {
        str(number): pk
        for number, pk in Person.objects.filter(employee_number__in=wanted).values_list(
            "employee_number", "pk"
        )
    }
    warnings: list[ManagerWarning] = []
    managers: dict[int, int] = {}
    for pk, number, manager, _ in rows:
        if not manager:
            continue
        if str(manager) not in numbers:
            message = f"The manager {manager} of {number} does not exist in any source."
            warnings.append(ManagerWarning(str(number), message))
        else:
            managers[pk] = numbers[str(manager)]
    names = {pk: str(number) for pk, number, _, _ in rows}
    for cycle in _cycles(managers):
        chain = " -> ".join(names.get(pk, str(pk)) for pk in [*cycle, cycle[0]])
        message = f"The managers go round in a circle: {chain}. None of them gets a manager here."
        warnings.append(ManagerWarning(names.get(cycle[0], ""), message))
        for pk in cycle:
            managers.pop(pk, None)
    changed = [
        Person(pk=pk, manager_id=managers.get(pk))
        for pk, _, _, current in rows
        if current != managers.get(pk)
    ]
    update_rows(changed, ["manager"])
    return warnings


def _cycles(managers: dict[int, int]) -> list[list[int]]:
    """Every circle, each once, starting from its smallest id."""
    done: set[int] = set()
    cycles = []
    for start in managers:
        path: dict[int, int] = {}
        at: int | None = start
        while at is not None and at not in done and at not in path:
            path[at] = len(path)
            at = managers.get(at)
        if at is not None and at in path:
            circle = list(path)[path[at] :]
            turn = circle.index(min(circle))
            cycles.append(circle[turn:] + circle[:turn])
        done.update(path)
    return cycles
