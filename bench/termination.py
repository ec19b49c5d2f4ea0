"""Terminating somebody while 100,000 operations wait: when the removals leave.

Five slow applications, a fifth of the backlog in each, and one worker as it runs in production. One
person after another is terminated as the console does it; an application's own clock says when the
request that closes their account came in. The clock starts before the termination is even decided:
planning it is part of the promise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.measure import Result, server

APPLICATIONS = 5
#: Creates a second of each application: the backlog outlasts the measurement.
RATE = 20.0
PROMISED_MEDIAN, PROMISED_P99 = 1.0, 5.0


def run(backlog: int, leavers: int) -> list[Result]:
    """Four results: first and last request, at the median and at p99."""
    with ExitStack() as stack:
        addresses = [stack.enter_context(server(RATE)) for _ in range(APPLICATIONS)]
        _fill(addresses, leavers, backlog)
        with worker():
            _until_busy()
            firsts, lasts = zip(
                *(_terminate(number, addresses) for number in range(leavers)), strict=True
            )
    notes = f"{backlog:,} creates wait in {APPLICATIONS} applications of {RATE:g}/s, one worker"
    return [
        _result("first request of a termination, median", sorted(firsts), 0.5, notes),
        _result("first request of a termination, p99", sorted(firsts), 0.99, notes),
        _result("last request of a termination, median", sorted(lasts), 0.5, notes),
        _result("last request of a termination, p99", sorted(lasts), 0.99, notes),
    ]


def _result(name: str, times: list[float], share: float, notes: str) -> Result:
    """The smallest value that so many do not exceed."""
    value = times[min(len(times) - 1, int(len(times) * share))]
    limit = PROMISED_MEDIAN if share == 0.5 else PROMISED_P99
    promised = name.startswith("first")
    return Result(
        name,
        value,
        limit if promised else None,
        "s",
        value / limit if promised else None,
        len(times),
        notes=notes,
        all_runs={"ours": times},
    )


def _fill(addresses: list[str], leavers: int, backlog: int) -> None:
    """People; the first of them have accounts everywhere; for all others creates are queued, as a
    plan would have stored them."""
    from django.db import connection

    from bench import company
    from tenure.applications.connecting import managed_attributes
    from tenure.applications.models import Account, Application
    from tenure.core.model import OperationKind
    from tenure.core.planner import URGENCY
    from tenure.infra.clock import now
    from tenure.people.models import Person
    from tenure.rules.models import AccessRule
    from tenure.runs import services as runs
    from tenure.runs.models import RunKind

    each = backlog // APPLICATIONS
    company.clear()
    company.add_people(leavers + each)
    company.add_applications(APPLICATIONS)
    slugs = [f"app{number}" for number in range(APPLICATIONS)]
    AccessRule.objects.create(
        slug="everybody",
        name="Everybody",
        condition='user.email.endsWith("@acme.example")',
        gives={slug: [] for slug in slugs},
    )
    Person.objects.update(planned_generation=1, generation=1, state="active")
    gone = list(Person.objects.order_by("pk")[:leavers])
    run = runs.start(RunKind.EXECUTE, reason="a backlog", total=backlog)
    for slug, address in zip(slugs, addresses, strict=True):
        _post(f"{address}/fill?count={leavers}")
        row = Application.objects.get(slug=slug)
        row.settings = {**row.settings, "base_url": f"{address}/scim"}
        row.reconciled_at = row.taken_over_at = now()
        row.read_attributes = sorted(managed_attributes(row))
        row.save()
        Account.objects.bulk_create(
            Account(
                application=row,
                person=person,
                remote_id=str(number),
                user_name=person.email,
                situation="linked",
                active=True,
                attributes=_attributes(person),
                observed_at=now(),
            )
            for number, person in enumerate(gone, start=1)
        )
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO provisioning_operation (
                    application_id, person_id, run_id, kind, state, urgency, reason, attributes,
                    "grant", revoke, active, after, generation, takes_access, progress,
                    hold_reason, decided_by, decided_reason, attempts, error, created_at)
                SELECT %s, id, %s, 'create', 'planned', %s, 'rule Everybody',
                    jsonb_build_object(
                        'userName', jsonb_build_object('from', NULL, 'to', email),
                        'displayName', jsonb_build_object('from', NULL, 'to', display_name)),
                    '[]', '[]', true, '[]', 1, false, '{}', '', '', '', 0, '', now()
                FROM people_person WHERE id > %s
                """,
                [row.pk, run.pk, URGENCY[OperationKind.CREATE], gone[-1].pk],
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _attributes(person: object) -> dict[str, object]:
    given = person.attributes  # type: ignore[attr-defined]
    return {
        "userName": given["email"],
        "name.givenName": given["given_name"],
        "name.familyName": given["family_name"],
        "displayName": given["display_name"],
        "emails.work": given["email"],
        "title": given["title"],
    }


@contextmanager
def worker() -> Iterator[None]:
    from django.db import connection

    # Where the embedded PostgreSQL listens is in the folder that both of us are told.
    process = subprocess.Popen(
        [sys.executable, "-m", "tenure", "worker", "--name", "bench"],
        env={**os.environ, "BENCH_TOKEN": "x"},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()
        connection.close()


def _until_busy() -> None:
    """Every application has something of the backlog under way, and a second more."""
    from tenure.provisioning.models import Operation

    deadline = time.monotonic() + 120
    while True:
        busy = Operation.objects.filter(state="done").values("application").distinct().count()
        if busy == APPLICATIONS:
            break
        if time.monotonic() > deadline:
            raise RuntimeError("The worker does not come to work off its backlog.")
        time.sleep(0.2)
    time.sleep(3)


def _terminate(number: int, addresses: list[str]) -> tuple[float, float]:
    from tenure.people.models import Person
    from tenure.provisioning import services

    person = Person.objects.get(employee_number=str(number))
    key = str(number + 1)
    began = time.time()
    services.terminate_now(person, reason="bench")
    seen: dict[str, float] = {}
    while len(seen) < len(addresses):
        if time.time() - began > 120:
            raise RuntimeError(f"The removals of {person} did not all leave in two minutes.")
        time.sleep(0.05)
        for address in addresses:
            if address not in seen:
                with urllib.request.urlopen(f"{address}/changed") as answer:
                    times = {k: at for at, k in reversed(json.loads(answer.read()))}
                if key in times:
                    seen[address] = times[key] - began
    return min(seen.values()), max(seen.values())


def _post(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).read()
