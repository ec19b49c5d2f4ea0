"""What seats cost a month, now and after a plan. Exact decimals, one sum for each currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from tenure.applications import tallies
from tenure.applications.models import Account
from tenure.core.model import ApplicationPolicy, OperationKind, Price, Situation
from tenure.infra.bulk import one_of
from tenure.provisioning.records.plan import Cost, PlanLine

_OPENS = {OperationKind.CREATE, OperationKind.ENABLE}
_CLOSES = {OperationKind.DISABLE, OperationKind.DELETE}


def seats(slugs: Mapping[int, str]) -> dict[str, int]:
    """Application slug -> accounts that occupy a seat: open, whoever owns them. `slugs` are the
    applications' by id."""
    found: dict[str, int] = {}
    for item in tallies.tallies():
        slug = slugs.get(item.application)
        if slug is not None and item.open and item.situation is not Situation.DELETED:
            found[slug] = found.get(slug, 0) + item.count
    return found


def costs(
    policies: Mapping[str, ApplicationPolicy],
    slugs: Mapping[int, str],
    lines: Iterable[PlanLine],
    closed: set[str],
) -> dict[str, Cost]:
    """Currency -> cost. `slugs` are the applications' by id, `closed` names accounts
    (`application/user name`) that are disabled already: deleting those frees nothing more, nor
    does deleting one that the same plan disables."""
    lines = list(lines)
    no_seat = closed | _closed_there(lines)
    before: dict[str, Decimal] = {}
    change: dict[str, Decimal] = {}
    for slug, count in seats(slugs).items():
        _add(before, policies[slug].seat if slug in policies else None, count)
    for (slug, entitlement), count in _held_entitlements(policies, slugs).items():
        _add(before, policies[slug].entitlement_prices.get(entitlement), count)
    for line in lines:
        policy = policies.get(line.application)
        if policy is None:
            continue
        if line.kind in _OPENS:
            _add(change, policy.seat, 1)
        elif line.kind in _CLOSES and _name(line) not in no_seat:
            no_seat.add(_name(line))
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


def _closed_there(lines: Iterable[PlanLine]) -> set[str]:
    """Of accounts that would be deleted those that are closed: nobody's, or stored long ago."""
    deleted = {
        line.account_id: _name(line)
        for line in lines
        if line.kind is OperationKind.DELETE and line.account_id is not None
    }
    if not deleted:
        return set()
    rows = Account.objects.filter(one_of("pk", deleted), active=False)
    return {deleted[pk] for pk in rows.values_list("pk", flat=True)}


def _name(line: PlanLine) -> str:
    return f"{line.application}/{line.account}"


def _held_entitlements(
    policies: Mapping[str, ApplicationPolicy], slugs: Mapping[int, str]
) -> dict[tuple[str, str], int]:
    priced = {(slug, key) for slug, policy in policies.items() for key in policy.entitlement_prices}
    if not priced:
        return {}
    found = {(slugs.get(pk, ""), key): count for (pk, key), count in tallies.holders().items()}
    return {both: found.get(both, 0) for both in priced}


def _add(sums: dict[str, Decimal], price: Price | None, count: int) -> None:
    if price is not None:
        sums[price.currency] = sums.get(price.currency, Decimal(0)) + price.amount * count


def _money(amount: Decimal | None) -> Decimal:
    return (amount or Decimal(0)).quantize(Decimal("0.01"))
