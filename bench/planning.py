"""Planning from nothing, stored: people x 20 applications, five accounts each; one changed person.

Each size runs in a process of its own, so that its peak memory is its own; that of the planning
processes which it starts is added.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from bench.measure import FamilyPeak, Result

APPLICATIONS = 20
EACH = 5


def run(sizes: list[int], runs: int) -> list[Result]:
    """Seconds and peak MiB for each size, and milliseconds for one changed person."""
    results = []
    for size in sizes:
        measured = []
        for _ in range(runs if size < 100_000 else 1):
            output = subprocess.run(
                [sys.executable, "-m", "bench.planning", str(size)],
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
            measured.append(json.loads(output.splitlines()[-1]))
        middle = sorted(measured, key=lambda m: m["seconds"])[len(measured) // 2]
        target = 30.0 if size == 100_000 else None
        name = f"plan {size:,} people x {APPLICATIONS}, {middle['operations']:,} operations stored"
        results += [
            Result(
                name,
                middle["seconds"],
                target,
                "s",
                middle["seconds"] / target if target else None,
                len(measured),
            ),
            Result(
                f"plan {size:,} people, peak memory",
                middle["mebibytes"],
                1024.0 if target else None,
                "MiB",
                middle["mebibytes"] / 1024.0 if target else None,
                len(measured),
            ),
            Result(
                f"plan one changed person of {size:,}",
                middle["one"] * 1000,
                None,
                "ms",
                None,
                len(measured),
            ),
        ]
    return results


def measure(size: int) -> dict[str, float]:
    """Fill the tables, plan everybody, then one person who changed."""
    from bench import company
    from tenure.people.models import Person
    from tenure.people.services import raise_generation
    from tenure.provisioning.models import Operation
    from tenure.provisioning.planning import plans
    from tenure.provisioning.planning.drafting import Scope

    company.clear()
    company.add_people(size)
    company.add_applications(APPLICATIONS)
    company.give(APPLICATIONS, each=EACH)
    with FamilyPeak() as memory:
        started = time.perf_counter()
        plans.store(Scope())
        seconds = time.perf_counter() - started
    singles = []
    for number in range(20):
        person = Person.objects.get(employee_number=str(number))
        raise_generation([person.pk])
        started = time.perf_counter()
        plans.store(Scope())
        singles.append(time.perf_counter() - started)
    return {
        "seconds": seconds,
        "one": sorted(singles)[len(singles) // 2],
        "operations": Operation.objects.count(),
        "mebibytes": memory.mebibytes,
    }


if __name__ == "__main__":
    from tenure.config.bootstrap import setup

    with setup():
        print(json.dumps(measure(int(sys.argv[1]))))
