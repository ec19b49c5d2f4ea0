"""One company's life with one SCIM application, whatever that is like: import, plan, apply,
reconcile, changes, leavers. Every step is looked at in the application, not in our tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from tenure.applications.models import Account, Application, Entitlement
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import ReconcileResult, reconcile_by_slug
from tenure.rules.models import AccessRule
from tests.connectors.odd_scim import Odd, Quirks, odd_scim
from tests.provisioning.company import drain
from tests.sources.hr import person, row, source, take

#: A domain that even those accept who look it up in lists.
DOMAIN = "example.com"
MAPPING = {
    "userName": 'user.email.replace("@example.com", "")',
    "name.givenName": "user.given_name",
    "name.familyName": "user.family_name",
    "name.formatted": "user.display_name",
    "emails.work": "user.email",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """An account, as the application itself says."""

    open: bool
    given_name: str
    groups: frozenset[str] = frozenset()


#: userName -> account.
Look = Callable[[], Mapping[str, Seen]]


def application(address: str, dialect: Mapping[str, Any], **more: Any) -> Application:
    """One that is live, its groups `staff` and `sales` managed."""
    made = Application.objects.create(
        slug="odd",
        name="Odd",
        connector="scim",
        settings={"base_url": address, "page_size": 10, "dialect": dict(dialect)},
        secrets={"token": "${env:ODD_TOKEN}"},
        mapping=[{"attribute": a, "expression": e} for a, e in MAPPING.items()],
        **{"mode": "live", **more},
    )
    for name in ("staff", "sales"):
        Entitlement.objects.create(application=made, kind="group", name=name, key=f"group:{name}")
    AccessRule.objects.create(
        slug="all", name="All", condition="has(user.email)", gives={"odd": ["group:staff"]}
    )
    AccessRule.objects.create(
        slug="sales",
        name="Sales",
        condition='user.family_name == "Seller"',
        gives={"odd": ["group:sales"]},
    )
    return made


def hire(number: int, given: str, family: str = "Kovács", **more: Any) -> str:
    return row(number, given=given, family=family, email=f"p{number}@{DOMAIN}", **more)


def live(folder: Path, look: Look, *, groups: bool = True, people: int = 14) -> None:
    """The whole life, from the first import to the last leaver. `groups`: memberships are shown."""

    def company(**changed: str) -> list[str]:
        usual = {str(n): hire(n, f"Given{n}", "Seller" if n < 3 else "Kovács")
                 for n in range(1, people + 1)}  # fmt: skip
        return list({**usual, **{key[1:]: value for key, value in changed.items()}}.values())

    hr = source()
    take(hr, folder, company())
    _apply()
    seen = look()
    assert {n for n, one in seen.items() if one.open} == {f"p{n}" for n in range(1, people + 1)}
    assert seen["p1"].given_name == "Given1"
    if groups:
        assert seen["p1"].groups == {"staff", "sales"}
        assert seen["p3"].groups == {"staff"}

    # What is there is what we know: nothing to do, twice.
    for _ in range(2):
        counters = reconcile().counters
        assert counters["seen"] == people
        assert {counters.get(name, 0) for name in ("drift", "gone", "orphans")} == {0}
        assert services.preview().lines == ()
    assert Account.objects.filter(situation="linked").count() == people

    # One is called otherwise, one leaves the sales, one has left the company.
    take(
        hr,
        folder,
        company(
            n1=hire(1, "Ilse", "Seller"),
            n2=hire(2, "Given2"),
            n3=hire(3, "Given3", status="Left", end="2024-02-01"),
        ),
    )
    _apply()
    seen = look()
    assert seen["p1"].given_name == "Ilse"
    assert "p3" not in seen or not seen["p3"].open
    if groups:
        assert (seen["p1"].groups, seen["p2"].groups) == ({"staff", "sales"}, {"staff"})
    closed = Operation.objects.get(kind="disable")
    assert closed.evidence is not None
    reconcile()
    assert services.preview().lines == ()

    # And one has to go at once.
    services.terminate_now(person(4), reason="at once")
    drain("odd")
    seen = look()
    assert "p4" not in seen or not seen["p4"].open
    assert sum(one.open for one in seen.values()) == people - 2
    reconcile()
    assert services.preview().lines == ()


def reconcile() -> ReconcileResult:
    return asyncio.run(reconcile_by_slug("odd"))


def _apply() -> None:
    services.store()
    drain("odd")
    wrong = Operation.objects.exclude(state__in=["done", "cancelled"])
    told = [(one.kind, one.state, one.error) for one in wrong]
    assert told == [], told


@contextmanager
def running(quirks: Quirks, kind: type[Odd] = Odd) -> Iterator[Odd]:
    """An odd server with an event loop and a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = odd_scim(quirks, kind)
    try:
        odd = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        try:
            yield odd
        finally:
            ending = server.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(ending, loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
