"""Reading applications, their entitlements and accounts, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Q

from tenure.applications.models import Account, Application, Entitlement, Health
from tenure.core.model import Situation
from tenure.figures.services import figure, register
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


def application_names() -> dict[str, str]:
    """Slug -> name, in the order in which they are shown."""
    return dict(Application.objects.values_list("slug", "name"))


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
    counts = _kept_counts()
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


def paused() -> list[Application]:
    """Applications to which a person stopped writes."""
    return list(Application.objects.filter(paused_at__isnull=False))


def disputed() -> list[Account]:
    """The first accounts whose owner is not clear."""
    return list(
        Account.objects.filter(situation=Situation.DISPUTED.value)
        .select_related("application")
        .order_by("application_id", "id")[:20]
    )


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


def accounts_of(person: Person) -> list[Account]:
    """All accounts of a person, those that are gone too, in the applications' order."""
    return list(
        Account.objects.filter(person=person)
        .select_related("application")
        .order_by("application__position", "application__slug", "id")
    )


def situations(row: Application) -> dict[Situation, int]:
    """Every situation, with how many accounts of the application are in it."""
    rows = Account.objects.filter(application=row).order_by().values_list("situation")
    found = dict(rows.annotate(n=Count("pk")))
    return {situation: found.get(situation.value, 0) for situation in Situation}


def accounts_page(
    row: Application, *, situation: str = "", search: str = "", cursor: str = "", size: int = 50
) -> Page[Account]:
    """Accounts by user name. `search` is the beginning of a user name as it is written there."""
    rows = Account.objects.filter(application=row).select_related("person")
    if situation:
        rows = rows.filter(situation=situation)
    if search:
        # A range, not LIKE: the index on (application, user name) serves it in any collation.
        rows = rows.filter(user_name__gte=search, user_name__lt=search + "\U0010ffff")
    return page(rows, order=("user_name", "id"), cursor=cursor, size=size)


def entitlements(row: Application) -> list[EntitlementRow]:
    """What accounts of the application can hold, with members. Two queries."""
    members = _members([row.pk])
    return [
        EntitlementRow(item, members.get((row.pk, item.key), 0)) for item in row.entitlements.all()
    ]


def _counts(row: Application | None = None) -> dict[int, dict[str, int]]:
    accounts = Account.objects.exclude(situation=Situation.DELETED.value)
    if row is not None:
        accounts = accounts.filter(application=row)
    rows = (
        accounts.order_by()
        .values_list("application_id")
        .annotate(
            accounts=Count("pk"),
            seats=Count("pk", filter=_OPEN),
            linked=Count("pk", filter=Q(situation=Situation.LINKED.value)),
            unmatched=Count("pk", filter=Q(situation=Situation.UNMATCHED.value)),
            disputed=Count("pk", filter=Q(situation=Situation.DISPUTED.value)),
        )
    )
    names = ("accounts", "seats", "linked", "unmatched", "disputed")
    return {pk: dict(zip(names, counts, strict=True)) for pk, *counts in rows}


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
    members = _kept_members() if priced else {}
    for item in priced:
        sums = found.setdefault(item.application_id, {})
        held = members.get((item.application_id, item.key), 0)
        sums[item.currency] = sums.get(item.currency, Decimal(0)) + (item.price or 0) * held
    return found


def _kept_counts() -> dict[int, dict[str, int]]:
    found: dict[str, dict[str, int]] = figure(_ACCOUNTS, table=_TABLE)
    return {int(pk): counts for pk, counts in found.items()}


def _kept_members() -> dict[tuple[int, str], int]:
    """As `_members`, of all applications in which something has a price."""
    found: list[tuple[int, str, int]] = figure(_HELD, table=_TABLE)
    return {(pk, key): count for pk, key, count in found}


def _all_counts() -> dict[str, dict[str, int]]:
    return {str(pk): counts for pk, counts in _counts().items()}


def _all_members() -> list[tuple[int, str, int]]:
    rows = Entitlement.objects.filter(price__isnull=False).order_by("application_id")
    applications = list(rows.values_list("application_id", flat=True).distinct())
    return [(pk, key, count) for (pk, key), count in _members(applications).items()]


_TABLE = "applications_account"
_ACCOUNTS, _HELD = "accounts by application", "priced entitlements"
register(_ACCOUNTS, _all_counts)
register(_HELD, _all_members)


def _members(applications: list[int]) -> dict[tuple[int, str], int]:
    """(application id, entitlement key) -> open accounts that hold it. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT application_id, held.key, count(*)
            FROM applications_account,
                jsonb_array_elements_text(entitlements) AS held (key)
            WHERE application_id = ANY(%s) AND situation <> 'deleted' AND active IS NOT FALSE
            GROUP BY application_id, held.key
            """,
            [applications],
        )
        return {(pk, key): count for pk, key, count in cursor.fetchall()}
