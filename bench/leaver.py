"""From "Terminate now" to the last session dead and the last account gone, for a person with twenty
applications.

Each application answers after a latency of its own, from 50 ms to 2 s. The person is signed in to
all of them: a half is told by back-channel logout, a quarter by a request of its own interface, a
quarter by Global Token Revocation. One worker, as in production. The clock begins before the
termination is decided; an application's own clock says when it has done what it was asked; the last
figure is when the receipt has proof of everything, accounts read back.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Result
from bench.termination import worker

APPLICATIONS = 20
LATENCIES = [round(0.05 * 40 ** (n / (APPLICATIONS - 1)), 3) for n in range(APPLICATIONS)]
_PATIENCE = 60.0


def run(leavers: int) -> list[Result]:
    """Four results: here, the last session, the last account, the last proof."""
    with _applications() as address:
        _fill(address, leavers)
        with worker():
            time.sleep(3)
            times = [_terminate(number, address) for number in range(leavers)]
    notes = (
        f"{APPLICATIONS} applications that take {LATENCIES[0]:g} to {LATENCIES[-1]:g} s to answer, "
        f"one worker; longest {{:.2f}} s"
    )
    names = (
        "termination decided: sessions and tokens dead here",
        "termination to the last session dead at an application",
        "termination to the last account closed",
        "termination to the last proof",
    )
    return [
        Result(
            name,
            statistics.median(found),
            None,
            "s",
            None,
            leavers,
            notes=notes.format(max(found)),
            all_runs={"ours": list(found)},
        )
        for name, found in zip(names, zip(*times, strict=True), strict=True)
    ]


@contextmanager
def _applications() -> Iterator[str]:
    script = str(Path(__file__).with_name("slow_applications.py"))
    process = subprocess.Popen(
        [sys.executable, script, json.dumps(LATENCIES)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def _fill(address: str, leavers: int) -> None:
    """People who have an account in every application, and are signed in to it."""
    from bench import company
    from tenure.applications.connecting import managed_attributes
    from tenure.applications.models import Account, Application
    from tenure.infra.clock import now
    from tenure.people.models import Person
    from tenure.rules.models import AccessRule
    from tenure.signin.models import How, Session
    from tenure.sso.models import ApplicationSession

    company.clear()
    company.add_people(leavers)
    company.add_applications(APPLICATIONS)
    rows = list(Application.objects.order_by("pk"))
    AccessRule.objects.create(
        slug="everybody",
        name="Everybody",
        condition='user.email.endsWith("@acme.example")',
        gives={row.slug: [] for row in rows},
    )
    Person.objects.update(planned_generation=1, generation=1, state="active")
    for number, row in enumerate(rows):
        here = f"{address}/{number}"
        row.settings = {**row.settings, "base_url": f"{here}/scim"}
        row.single_sign_on = {"oidc": {"redirect_uris": [f"{here}/callback"]}}
        if number % 2:
            row.single_sign_on["oidc"]["backchannel_logout_uri"] = f"{here}/logout"
        elif number % 4:
            order = {"address": f"{here}/revocation", "subject": "opaque"}
            row.single_sign_on["global_token_revocation"] = order
        else:
            ours = {"sessions": {"request": "POST /Users/{id}/sign-out"}}
            row.settings = {**row.settings, "dialect": ours}
        row.reconciled_at = row.taken_over_at = now()
        row.read_attributes = sorted(managed_attributes(row))
        row.guard = {"removals": {"percent": 100, "floor": 10_000}}
        row.save()
    for person in Person.objects.all():
        portal = Session.objects.create(person=person, how=How.PASSKEY, passkey_at=now())
        for row in rows:
            Account.objects.create(
                application=row,
                person=person,
                remote_id=str(person.pk),
                user_name=person.email,
                situation="linked",
                active=True,
                observed_at=now(),
            )
            ApplicationSession.objects.create(
                person=person,
                application=row,
                portal_session=portal,
                protocol="oidc",
                subject=str(person.pk),
                generation=1,
            )


def _terminate(number: int, address: str) -> tuple[float, float, float, float]:
    from tenure.people.models import Person
    from tenure.provisioning import services
    from tenure.sso.models import ApplicationSession
    from tenure.sso.receipt import receipt_of

    person = Person.objects.get(employee_number=str(number))
    began = time.time()
    services.terminate_now(person, reason="bench")
    here = time.time() - began
    assert not ApplicationSession.objects.filter(person=person, ended_at=None).exists()
    person.refresh_from_db()
    while (receipt := receipt_of(person)).verdict != "done":
        if time.time() - began > _PATIENCE:
            left = [part.words for line in receipt.lines for part in line.parts]
            raise RuntimeError(f"{person} is not out of everything after a minute: {left}")
        time.sleep(0.02)
    proven = time.time() - began
    with urllib.request.urlopen(f"{address}/seen") as answer:
        seen = [one for one in json.loads(answer.read()) if one[1] == str(person.pk)]
    last = {
        what: max(at for *_, kind, at in seen if kind == what) for what in ("sessions", "account")
    }
    assert len({one[0] for one in seen if one[2] == "sessions"}) == APPLICATIONS
    return here, last["sessions"] - began, last["account"] - began, proven
