"""Server time of every page, in a company of 100,000 people and a million accounts.

Each address is asked for through Django's own client, so everything but the network is in it. By
the clock is what is promised; beside it stands the processor time that Python and the database's
process took, which other work on the machine disturbs less.
"""

from __future__ import annotations

import json
import logging
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

from bench.addresses import Address, Arguments, Left, addresses, unlimited
from bench.measure import Result, clock, temporary_home

#: Milliseconds.
LIMIT: Final = 100.0
_NEXT = re.compile(r'rel="next" href="([^"]+)"')
#: Through it the browser comes to the installation.
_HOST = "localhost"


@dataclass(slots=True)
class Measured:
    """One address. Milliseconds: best and median by the clock, medians of processor time."""

    area: str
    title: str
    best: float
    median: float
    python: float
    database: float
    queries: int
    kilobytes: int
    #: Why no limit holds for it, or "".
    unlimited: str = ""


def run(people: int, times: int, *, home: str = "", matching: str = "") -> list[Result]:
    """One result for each address, the slowest first, and one for all of them. `home`: a folder in
    which the company is kept, and found the next time. `matching`: only these, by a regular
    expression."""
    with temporary_home("tenure-pages-") as folder:
        kept = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        output = subprocess.run(
            [sys.executable, "-m", "bench.pages", str(people), str(times), matching],
            env={**kept, "TENURE_HOME": home or folder},
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    told = json.loads(output.splitlines()[-1])
    rows = [Measured(**row) for row in told["measured"]]
    rows.sort(key=lambda row: -row.median)
    over = [row for row in rows if not row.unlimited and row.median > LIMIT]
    notes = f"{told['people']:,} people, {told['accounts']:,} accounts"
    whole = Result(
        f"pages over {LIMIT:g} ms, of {len(rows)}", len(over), 0, "pages", None, times, notes=notes
    )
    return [whole, *(_result(row, times) for row in rows)]


def _result(row: Measured, times: int) -> Result:
    notes = (
        f"best {row.best:.0f}, Python {row.python:.0f}, database {row.database:.0f} ms of processor"
        f" time, {row.queries} queries, {row.kilobytes} kB"
    )
    limit = None if row.unlimited else LIMIT
    if limit and row.median > limit:
        notes = f"OVER; {notes}"
    if row.unlimited:
        notes = f"{row.unlimited}; {notes}"
    ratio = row.median / limit if limit else None
    return Result(f"{row.area}: {row.title}", row.median, limit, "ms", ratio, times, notes=notes)


def measure(people: int, times: int, matching: str = "") -> dict[str, Any]:
    """Build the company if it is not there, and ask for everything."""
    from django.db import connection

    from bench import large_company
    from tenure.applications.models import Account
    from tenure.people.models import Person

    if not Person.objects.exists():
        with clock() as taken:
            large_company.build(large_company.Size(people, 3 * people, 10 * people))
        print(f"building the company: {taken[0]:.0f} s", file=sys.stderr)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        (backend,) = cursor.fetchone()
    measured = []
    for area, client, found in _areas():
        for one in found:
            if isinstance(one, Left):
                if not matching:
                    print(f"{area}: {one.name} is not measured: {one.reason}", file=sys.stderr)
                continue
            if re.search(matching, f"{area}: {one.title}") is None:
                continue
            measured += _asked(area, client, one, times, backend)
    return {
        "people": Person.objects.count(),
        "accounts": Account.objects.count(),
        "measured": [asdict(row) for row in measured],
    }


def _areas() -> Iterator[tuple[str, Any, list[Address | Left]]]:
    """Where somebody looks, as whom, and the addresses there."""
    from bench import addresses as known
    from tenure.console import urls as console
    from tenure.portal import urls as portal

    yield (
        "console",
        as_owner(),
        list(
            addresses(
                console.urlpatterns,
                namespace="console",
                given=console_arguments(),
                no_pages=known.NO_PAGES,
                queries=known.QUERIES,
            )
        ),
    )
    yield (
        "portal",
        as_person(),
        list(
            addresses(
                portal.urlpatterns,
                namespace="portal",
                given=portal_arguments(),
                no_pages=known.NO_PORTAL_PAGES,
                queries=known.PORTAL_QUERIES,
            )
        ),
    )
    yield "SCIM", as_pusher(), list(scim_addresses())


def console_arguments() -> Arguments:
    """What stands in the addresses of the console, by how they begin."""
    from bench.large_history import EXECUTED, IMPORTED
    from tenure.applications.models import Account
    from tenure.people.models import Person
    from tenure.provisioning.models import Operation
    from tenure.requests.models import AccessRequest
    from tenure.signin.models import Review
    from tenure.sources.models import PersonPair, RehireQuestion

    def first(model: Any, **wanted: object) -> Callable[[], object]:
        return lambda: model.objects.filter(**wanted).order_by("id")[0].pk

    def value(it: object) -> Callable[[], object]:
        return lambda: it

    account = first(Account, situation="linked", active=True, application__slug="app3")
    return {
        "people/": {"uid": lambda: Person.objects.filter(state="active").order_by("id")[500].uid},
        "people/<uuid:uid>/proof": {"uid": lambda: Person.objects.filter(state="left")[0].uid},
        "people/<uuid:uid>/edit": {"uid": lambda: Person.objects.get(pk=999).uid},
        "reviews/": {"pk": first(Review, decided_at=None)},
        "applications/": {"slug": value("app3"), "pk": account},
        "catalogue/": {"slug": value("gitlab")},
        "rules/": {"slug": value("rule1")},
        "rules/who-gets/": {"slug": value("app9")},
        "groups/": {"slug": value("group1")},
        "requests/": {"pk": first(AccessRequest, state="waiting")},
        "tasks/": {"pk": first(Operation, state="manual")},
        "runs/": {"pk": value(EXECUTED)},
        "sources/": {"slug": value("hr"), "pk": value(IMPORTED)},
        "sources/<slug:slug>/write-back/": {"slug": value("directory")},
        "sources/<slug:slug>/schedule/": {"slug": value("directory")},
        "sources/<slug:slug>/authorisation/": {"slug": _to_be_authorised},
        "sources/new/": {"kind": value("csv")},
        "sources/new/from/": {"slug": value("personio")},
        "matches/": {"pk": first(RehireQuestion, answer="")},
        "matches/people/": {"pk": first(PersonPair, answer="")},
        "settings/attributes/": {"name": value("level")},
        "settings/guards/": {"section": value("applications"), "slug": value("app3")},
        "signals/receivers/": {"slug": value("siem")},
        "signals/transmitters/": {"slug": value("mdm")},
    }


def _to_be_authorised() -> object:
    """A source that somebody sets up and has to agree to in a browser: only such a one has that
    page. Made where it is not there, also in a company that was kept."""
    from tenure.setup import source_drafts

    slug = "to-be-authorised"
    client = {
        "grant": "authorization_code",
        "authorization_url": "https://hr.acme.example/authorize",
        "token_url": "https://hr.acme.example/token",
        "client_id": "bench",
        "client_secret": "${env:BENCH_TOKEN}",
    }
    settings = {"base_url": "https://hr.acme.example/scim/v2"}
    draft = {"name": "HR", "reader": "scim", "settings": settings, "oauth": client}
    if source_drafts.draft(slug) is None:
        source_drafts.save(slug, draft)
    return slug


def portal_arguments() -> Arguments:
    """Of the portal: `uid` is a request, or somebody of the team."""
    from tenure.infra.clock import now
    from tenure.requests.models import AccessRequest
    from tenure.requests.offers import offers
    from tenure.signin.models import Invitation

    def asked() -> object:
        return AccessRequest.objects.filter(person__manager=_head(), state="waiting")[0].uid

    def invited() -> object:
        return f"invitation{Invitation.objects.filter(used_at=None).order_by('id')[0].person_id}"

    def offered() -> object:
        return next(o.application.slug for o in offers(_head(), now()) if o.open)

    return {
        "welcome/": {"token": invited},
        "portal/requests/": {"uid": asked},
        "portal/ask/": {"slug": offered},
        "portal/team/": {"uid": lambda: _head().reports.order_by("id")[0].uid},
    }


def scim_addresses() -> Iterator[Address]:
    """The lists that a system which pushes asks for, and one user."""
    from tenure.sources.models import PushedResource

    uid = PushedResource.objects.filter(kind="User").order_by("id")[500].uid
    name = PushedResource.objects.get(uid=uid).name
    for what, path in (
        ("Users, the first page", "Users"),
        ("Users, a page of 100 in the middle", "Users?startIndex=20001&count=100"),
        ("Users, a page of 100 at the end", "Users?startIndex=49901&count=100"),
        ("Users, by user name", f'Users?filter=userName eq "{name}"'),
        ("Users, by external id", 'Users?filter=externalId eq "E000501"'),
        ("Users, by user name in vain", 'Users?filter=userName eq "nobody"'),
        ("Users, by a name", 'Users?filter=name.familyName eq "Kovacsson"&count=20'),
        ("one user", f"Users/{uid}"),
        ("Groups", "Groups"),
        ("Groups, by name", 'Groups?filter=displayName eq "Group 7"'),
        ("ServiceProviderConfig", "ServiceProviderConfig"),
        ("ResourceTypes", "ResourceTypes"),
        ("Schemas", "Schemas"),
    ):
        yield Address(what, "", f"/scim/v2/{path}".replace(" ", "%20").replace('"', "%22"))


def as_owner() -> Any:
    """A browser in which an owner has come in."""
    from django.test import Client

    from tenure.signin.models import Role
    from tenure.signin.services import issue_link

    client = Client(SERVER_NAME=_HOST, raise_request_exception=False)
    client.post(issue_link(name="bench", role=Role.OWNER))
    return client


def as_person() -> Any:
    """A browser in which somebody has come in who leads a team of eight, and theirs."""
    from importlib import import_module

    from django.conf import settings
    from django.http import HttpRequest
    from django.test import Client

    from tenure.signin import sessions
    from tenure.signin.models import How

    client = Client(SERVER_NAME=_HOST, raise_request_exception=False)
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    sessions.begin_person(request, _head(), how=How.PASSKEY)
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    return client


def as_pusher() -> Any:
    from django.test import Client

    from bench.large_sources import push_token

    return Client(SERVER_NAME=_HOST, headers={"Authorization": f"Bearer {push_token()}"})


def _head() -> Any:
    """Somebody with a team, of whom somebody asks for something."""
    from tenure.people.models import Person

    return Person.objects.filter(
        state="active", reports__requests__state="waiting", reports__reports__isnull=False
    ).order_by("id")[0]


def _asked(area: str, client: Any, one: Address, times: int, backend: int) -> list[Measured]:
    """The address, and its next page if it has one; nothing where only forms are taken."""
    answer = client.get(one.path)
    if answer.status_code != 200:
        why = {405: "takes forms only"}.get(answer.status_code, f"ANSWERED {answer.status_code}")
        print(f"{area}: {one.title} is not measured: {why}", file=sys.stderr)
        return []
    found = [_timed(area, client, one.title, one.path, times, backend)]
    page = answer.content.decode(errors="replace")
    if following := _NEXT.search(page):
        path = urljoin(one.path, unescape(following[1]))
        found.append(_timed(area, client, f"{one.title}, next page", path, times, backend))
    return found


def _timed(area: str, client: Any, title: str, path: str, times: int, backend: int) -> Measured:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    taken, python, database = [], [], []
    for _ in range(times):
        before = time.perf_counter(), time.process_time(), _processor_time(backend)
        answer = client.get(path)
        after = time.perf_counter(), time.process_time(), _processor_time(backend)
        taken.append((after[0] - before[0]) * 1000)
        python.append((after[1] - before[1]) * 1000)
        database.append((after[2] - before[2]) * 1000)
    with CaptureQueriesContext(connection) as caught:
        client.get(path)
    return Measured(
        area,
        title,
        min(taken),
        statistics.median(taken),
        statistics.median(python),
        statistics.median(database),
        len(caught),
        len(answer.content) // 1024,
        unlimited(title),
    )


def _processor_time(pid: int) -> float:
    """Seconds that a process was on a processor: the first figure of `schedstat` (proc(5)), exact
    where `stat` counts hundredths."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


if __name__ == "__main__":
    from tenure.config.bootstrap import setup

    with setup():
        logging.getLogger("django.request").setLevel(logging.ERROR)
        print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])))
