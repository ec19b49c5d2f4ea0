"""What seats cost a month, now and after a plan. Exact decimals, one sum for each currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.db.models import Count

from tenure.applications.models import Account
from tenure.core.model import ApplicationPolicy, OperationKind, Price, Situation
from tenure.provisioning.plan import Cost, PlanLine

_OPENS = {OperationKind.CREATE, OperationKind.ENABLE}
_CLOSES = {OperationKind.DISABLE, OperationKind.DELETE}


def seats() -> dict[str, int]:
    """Application slug -> accounts that occupy a seat: open, whoever owns them."""
    rows = (
        Account.objects.exclude(situation=Situation.DELETED.value)
        .exclude(active=False)
        .values_list("application__slug")
        .annotate(count=Count("pk"))
    )
    return dict(rows)


def costs(
    policies: Mapping[str, ApplicationPolicy], lines: Iterable[PlanLine], closed: set[str]
) -> dict[str, Cost]:
    """Currency -> cost. `closed` names accounts (`application/user name`) that are disabled
    already: deleting those frees nothing more."""
    before: dict[str, Decimal] = {}
    change: dict[str, Decimal] = {}
    for slug, count in seats().items():
        _add(before, policies[slug].seat if slug in policies else None, count)
    for (slug, entitlement), count in _held_entitlements(policies).items():
        _add(before, policies[slug].entitlement_prices.get(entitlement), count)
    for line in lines:
        policy = policies.get(line.application)
        if policy is None:
            continue
        if line.kind in _OPENS:
            _add(change, policy.seat, 1)
        elif line.kind in _CLOSES and f"{line.application}/{line.account}" not in closed:
            _add(change, policy.seat, -1)
        for key in line.grant:
            _add(change, policy.entitlement_prices.get(key), 1)
        for key in line.revoke:
            _add(change, policy.entitlement_prices.get(key), -1)
    return {
        currency: Cost(
            _money(before.get(currency)),
            _money(before.get(currency, Decimal(0)) + change.get(currency, Decimal(0))),
        )
        for currency in sorted(before.keys() | change.keys())
    }


def _held_entitlements(policies: Mapping[str, ApplicationPolicy]) -> dict[tuple[str, str], int]:
    priced = {(slug, key) for slug, policy in policies.items() for key in policy.entitlement_prices}
    return {
        (slug, key): Account.objects.filter(application__slug=slug, entitlements__contains=[key])
        .exclude(situation=Situation.DELETED.value)
        .exclude(active=False)
        .count()
        for slug, key in priced
    }


def _add(sums: dict[str, Decimal], price: Price | None, count: int) -> None:
    if price is not None:
        sums[price.currency] = sums.get(price.currency, Decimal(0)) + price.amount * count


def _money(amount: Decimal | None) -> Decimal:
    return (amount or Decimal(0)).quantize(Decimal("0.01"))
