"""Reading applications, their entitlements and accounts, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Q, QuerySet

from tenure.applications import tallies
from tenure.applications.models import Account, Application, Entitlement, Health
from tenure.core.model import Situation
from tenure.infra.paging import Page, page
from tenure.people.models import Person

_OPEN = ~Q(situation=Situation.DELETED.value) & ~Q(active=False)


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """An application as a list shows it. `seats` are open accounts, whoever owns them; `cost` is
    currency -> amount a month, of seats and priced entitlements."""

    application: Application
    accounts: int = 0
    seats: int = 0
    linked: int = 0
    unmatched: int = 0
    disputed: int = 0
    cost: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntitlementRow:
    """An entitlement with how many open accounts hold it."""

    entitlement: Entitlement
    members: int


def application(slug: str) -> Application | None:
    """One application."""
    return Application.objects.filter(slug=slug).first()


def rivals(account: Account) -> list[Account]:
    """Of an account that several could own, or that is one of several that somebody could: the
    others in the application that are these people's, or could be."""
    rows = Account.objects.filter(application=account.application_id).exclude(pk=account.pk)
    theirs = Q(
        person__in=[int(key) for key in account.candidates], situation=Situation.LINKED.value
    )
    could = Q(pk__in=[])
    for key in account.candidates:
        could |= Q(situation=Situation.DISPUTED.value, candidates__contains=[key])
    return list(rows.filter(theirs | could).order_by("pk")[:20]) if account.candidates else []


def application_names() -> dict[str, str]:
    """Slug -> name, in the order in which they are shown."""
    return dict(Application.objects.values_list("slug", "name"))


def named(slugs: Iterable[str] | None) -> list[Application]:
    """These applications, all of them for None, in their order. One query, none for no slugs."""
    if slugs is None:
        return list(Application.objects.all())
    wanted = list(slugs)
    return list(Application.objects.filter(slug__in=wanted)) if wanted else []


def from_catalogue() -> dict[str, list[tuple[str, str]]]:
    """Entry of the catalogue -> slug and name of every application that was made from it."""
    found: dict[str, list[tuple[str, str]]] = {}
    rows = Application.objects.exclude(catalogue_entry="")
    for entry, slug, name in rows.values_list("catalogue_entry", "slug", "name"):
        found.setdefault(entry, []).append((slug, name))
    return found


def applications() -> list[ApplicationRow]:
    """All applications in their order. Three queries, whatever their number."""
    rows = list(Application.objects.all())
    counts = _counts()
    costs = _costs(rows, counts)
    return [
        ApplicationRow(application=row, **counts.get(row.pk, {}), cost=costs.get(row.pk, {}))
        for row in rows
    ]


def application_row(row: Application) -> ApplicationRow:
    """One application as the list shows it."""
    counts = _counts(row)
    return ApplicationRow(
        application=row, **counts.get(row.pk, {}), cost=_costs([row], counts).get(row.pk, {})
    )


def stopped() -> list[Application]:
    """Applications that do not accept us."""
    return list(Application.objects.filter(health=Health.STOPPED))


def accepting(slug: str) -> Application | None:
    """The application, where it is there and accepts us."""
    return Application.objects.filter(slug=slug, health=Health.OK).first()


def disputed(applications: Iterable[int], *, each: int) -> list[Account]:
    """Some accounts of these applications whose owner is not clear, so many of each: what they are
    called, and who could own them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT found.id FROM unnest(%s::bigint[]) AS application (id), LATERAL (
                SELECT id FROM applications_account
                WHERE application_id = application.id AND situation = %s LIMIT %s
            ) AS found
            """,
            [list(applications), Situation.DISPUTED.value, each],
        )
        keys = [key for (key,) in cursor.fetchall()]
    rows = Account.objects.filter(pk__in=keys).order_by("id")
    return list(rows.only("application_id", "user_name", "remote_id", "candidates"))


def total_cost(rows: Iterable[ApplicationRow]) -> dict[str, Decimal]:
    """Currency -> what everything costs a month."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        for currency, amount in row.cost.items():
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return dict(sorted(sums.items()))


def account_counts(people: Iterable[int]) -> dict[int, int]:
    """Person id -> open accounts. One query."""
    rows = (
        Account.objects.filter(_OPEN, person__in=list(people))
        .order_by()
        .values_list("person_id")
        .annotate(n=Count("pk"))
    )
    return {person: count for person, count in rows if person is not None}


def accounts_there(slug: str) -> QuerySet[Account]:
    """The accounts of an application that are not gone, to be asked for by person."""
    # Its id is asked for first: with the name the database does not know how many they are.
    row = Application.objects.filter(slug=slug).only("id").first()
    rows = Account.objects.filter(application=row, person__isnull=False)
    return rows.exclude(situation=Situation.DELETED.value)


def accounts_of(person: Person) -> list[Account]:
    """All accounts of a person, those that are gone too, in the applications' order."""
    return list(
        Account.objects.filter(person=person)
        .select_related("application")
        .order_by("application__position", "application__slug", "id")
    )


def situations(row: Application) -> dict[Situation, int]:
    """Every situation, with how many accounts of the application are in it."""
    found = dict.fromkeys(Situation, 0)
    for item in tallies.tallies([row.pk]):
        found[item.situation] += item.count
    return found


def account(row: Application, pk: int) -> Account | None:
    """One account of the application, a tombstone too."""
    return Account.objects.filter(application=row, pk=pk).select_related("person").first()


def somebody_with(row: Application) -> Person | None:
    """Anybody who has an open account there; who is first by user name."""
    found = (
        Account.objects.filter(
            application=row, situation=Situation.LINKED.value, person__isnull=False
        )
        .exclude(active=False)
        .select_related("person")
        .order_by("user_name", "id")
        .first()
    )
    return found.person if found else Person.objects.order_by("display_name", "id").first()


def paid_for_nobody(row: Application, *, most: int = 12) -> tuple[list[Account], int]:
    """Open accounts that cost money and are nobody's: the first, and how many."""
    rows = Account.objects.filter(application=row).filter(_OPEN)
    rows = rows.filter(situation__in=[Situation.UNMATCHED.value, Situation.UNLINKED.value])
    return list(rows.order_by("user_name", "id")[:most]), rows.count()


def accounts_page(
    row: Application, *, situation: str = "", search: str = "", cursor: str = "", size: int = 50
) -> Page[Account]:
    """Accounts by user name, as `accounts_in` finds them."""
    rows = accounts_in(row, situation=situation, search=search)
    return page(rows, order=("user_name", "id"), cursor=cursor, size=size)


def accounts_in(row: Application, *, situation: str = "", search: str = "") -> QuerySet[Account]:
    """Accounts in no order. `search` is the beginning of a user name as it is written there."""
    rows = Account.objects.filter(application=row).select_related("person")
    if situation:
        rows = rows.filter(situation=situation)
    if search:
        # A range, not LIKE: the index on (application, user name) serves it in any collation.
        rows = rows.filter(user_name__gte=search, user_name__lt=search + "\U0010ffff")
    return rows


def entitlements(row: Application) -> list[EntitlementRow]:
    """What accounts of the application can hold, with members. Two queries."""
    members = tallies.holders([row.pk])
    return [
        EntitlementRow(item, members.get((row.pk, item.key), 0)) for item in row.entitlements.all()
    ]


def offered() -> dict[int, list[str]]:
    """Application id -> keys of the entitlements that are managed there. One query."""
    found: dict[int, list[str]] = {}
    rows = Entitlement.objects.filter(managed=True).order_by("kind", "name", "id")
    for pk, key in rows.values_list("application_id", "key"):
        found.setdefault(pk, []).append(key)
    return found


def _counts(row: Application | None = None) -> dict[int, dict[str, int]]:
    names = {
        Situation.LINKED: "linked",
        Situation.UNMATCHED: "unmatched",
        Situation.DISPUTED: "disputed",
    }
    found: dict[int, dict[str, int]] = {}
    for item in tallies.tallies(None if row is None else [row.pk]):
        if item.situation is Situation.DELETED:
            continue
        counts = found.setdefault(
            item.application, dict.fromkeys(("accounts", "seats", *names.values()), 0)
        )
        counts["accounts"] += item.count
        counts["seats"] += item.count if item.open else 0
        if item.situation in names:
            counts[names[item.situation]] += item.count
    return found


def _costs(
    rows: Iterable[Application], counts: Mapping[int, Mapping[str, int]]
) -> dict[int, dict[str, Decimal]]:
    """Application id -> currency -> amount a month. Entitlements are read only if any is priced."""
    found: dict[int, dict[str, Decimal]] = {}
    by_pk = {row.pk: row for row in rows}
    for pk, row in by_pk.items():
        if row.seat_price is not None:
            seats = counts.get(pk, {}).get("seats", 0)
            found[pk] = {row.seat_currency: row.seat_price * seats}
    priced = list(Entitlement.objects.filter(application__in=by_pk, price__isnull=False))
    members = tallies.holders(sorted({item.application_id for item in priced})) if priced else {}
    for item in priced:
        sums = found.setdefault(item.application_id, {})
        held = members.get((item.application_id, item.key), 0)
        sums[item.currency] = sums.get(item.currency, Decimal(0)) + (item.price or 0) * held
    return found
