"""Tables to the frozen shapes that the core decides on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tenure.applications.models import Account, Application, Entitlement
from tenure.core.access import AccessException, Rule, RuleBook
from tenure.core.account_conditions import compile_account_condition, first_that_holds, seen
from tenure.core.decision import Policies
from tenure.core.expressions import AttributeType, Schema, compile_condition, compile_value
from tenure.core.groups import ATTRIBUTE, Group, GroupBook
from tenure.core.mapping import LOGINS, AccountMapping, MappedAttribute
from tenure.core.model import (
    OPEN_STATES,
    ApplicationMode,
    ApplicationPolicy,
    DriftAction,
    LeaveAction,
    Observed,
    OperationKind,
    OperationState,
    OrphanAction,
    Price,
    Recreate,
    RemovalAction,
    Situation,
)
from tenure.core.veiling import reading_sensitive
from tenure.infra.bulk import one_of
from tenure.infra.instances import read
from tenure.people.models import OnRename, Person
from tenure.people.services import (
    AttributeBook,
    attribute_book,
    schema,
    sensitive_attributes,
    zone_of,
)
from tenure.provisioning.models import Operation
from tenure.provisioning.records.heirs import Heirs
from tenure.provisioning.records.last_owner import last_of_each
from tenure.rules.exceptions import in_force
from tenure.rules.models import AccessRule, PeopleGroup

#: Attributes that applications commonly compare, and store, without regard to case.
CASELESS = frozenset({"userName", "email", "emails.work", "emails.home", "emails.other", "login"})

#: What planning sees of an account.
_OBSERVED = (
    *("id", "application", "person", "remote_id", "attributes", "active", "entitlements", "own"),
    *("situation", "disabled_at", "baseline", "protected", "deleted_there", "transferred_at"),
    "unsure",
)
_TO_BE_DELETED = [*(state.value for state in OPEN_STATES), OperationState.FAILED.value]


def policies(
    applications: Sequence[Application] | None = None, book: AttributeBook | None = None
) -> Policies:
    """Rules, mappings and policies, compiled. Raises `ExpressionError`; what was saved through the
    services compiles, unless the attribute schema changed since."""
    book = book or attribute_book()
    own = book.kinds
    attributes = {**own, ATTRIBUTE: AttributeType.STRINGS}
    rows = list(Application.objects.all()) if applications is None else list(applications)
    entitlements: dict[int, list[Entitlement]] = {}
    for item in Entitlement.objects.filter(application__in=rows, managed=True):
        entitlements.setdefault(item.application_id, []).append(item)
    mappings = {row.slug: _mapping(row, attributes) for row in rows}
    groups = group_book(own)
    hidden = book.sensitive
    return Policies(
        rules=rule_book(attributes),
        mappings=mappings,
        applications={
            row.slug: replace(
                policy_of(row, entitlements.get(row.pk, ())),
                sensitive=reading_sensitive(mappings[row.slug].attributes, hidden, groups),
            )
            for row in rows
        },
        groups=groups,
    )


def sensitive_names(applications: Iterable[Application]) -> dict[str, frozenset[str]]:
    """Application -> the attributes of its accounts that are computed from sensitive ones; only
    those that have any. Raises `ExpressionError`."""
    hidden = sensitive_attributes()
    if not hidden:
        return {}
    own = schema()
    attributes, groups = {**own, ATTRIBUTE: AttributeType.STRINGS}, group_book(own)
    found = {
        row.slug: reading_sensitive(_mapping(row, attributes).attributes, hidden, groups)
        for row in applications
    }
    return {slug: names for slug, names in found.items() if names}


def group_book(attributes: Schema, rows: Iterable[PeopleGroup] | None = None) -> GroupBook:
    """All groups, or these. Their conditions see people's own attributes only."""
    return GroupBook(
        [
            Group(
                slug=row.slug,
                condition=compile_condition(row.condition, attributes) if row.condition else None,
                people=frozenset(row.people),
            )
            for row in (PeopleGroup.objects.all() if rows is None else rows)
        ]
    )


def exceptions(people: Iterable[int], now: datetime) -> dict[int, list[AccessException]]:
    """Person id -> their exceptions that are in force. They end by the person's own clock."""
    found = in_force(people, now)
    keys = [key for key, rows in found.items() if any(row.until for row in rows)]
    theirs = Person.objects.only("time_zone").in_bulk(keys)
    return {
        person: [
            AccessException(
                application=row.application,
                entitlement=row.entitlement,
                gives=row.gives,
                reason=row.reason,
                decided_by=row.decided_by,
                until=row.until.astimezone(zone_of(theirs[person])) if row.until else None,
            )
            for row in rows
        ]
        for person, rows in found.items()
    }


def rule_book(attributes: Schema, rows: Iterable[AccessRule] | None = None) -> RuleBook:
    """All enabled rules, or these, in their order."""
    return RuleBook(
        [
            Rule(
                slug=row.slug,
                name=row.name,
                condition=compile_condition(row.condition, attributes),
                gives={slug: frozenset(keys) for slug, keys in row.gives.items()},
                grace=row.grace or timedelta(0),
            )
            for row in (AccessRule.objects.filter(enabled=True) if rows is None else rows)
        ]
    )


class Protecting:
    """Which accounts are never touched, and why: by condition, by hand, or our own; and which are
    never taken away."""

    def __init__(self, applications: Iterable[Application]) -> None:
        applications = list(applications)
        self._last = last_of_each({row.pk: row.name for row in applications})
        self._owner_by = {row.pk: row.keeps_owner for row in applications}
        self._conditions = {
            row.pk: [compile_account_condition(text) for text in row.protect]
            for row in applications
            if row.protect
        }

    def why(self, row: Account) -> str:
        """ "" where it may be touched."""
        if row.own:
            return "Tenure's own credentials are this account's"
        if row.protected:
            return row.protected
        conditions = self._conditions.get(row.application_id)
        if not conditions:
            return ""
        given = seen(row.attributes, remote_id=row.remote_id, active=row.active)
        return first_that_holds(conditions, given) or ""

    def last_owner(self, row: Account) -> tuple[str, str]:
        """Why it is never taken away, and the entitlement that makes it an owner; "" for none."""
        why = self._last.get(row.pk, "")
        return why, self._owner_by.get(row.application_id, "") if why else ""


def observed(
    people: Iterable[int], slugs: Mapping[int, str], protecting: Protecting, *, ahead: bool = False
) -> dict[int, list[Observed]]:
    """Person id -> their linked accounts, and tombstones, the latest last. `slugs` names the
    applications by id. `ahead`: it is asked what will be when they have left."""
    found: dict[int, list[Observed]] = {}
    rows = Account.objects.filter(
        one_of("person_id", people),
        situation__in=[Situation.LINKED.value, Situation.DELETED.value],
    ).order_by("deleted_at", "pk")
    heirs = Heirs(people, ahead=ahead)
    asked = _asked(people)
    for row in read(rows, _OBSERVED):
        if row.person_id is not None and row.application_id in slugs:
            account = observed_account(row, slugs[row.application_id], protecting)
            account = heirs.told(account, row.person_id, row.application_id)
            if row.pk in asked:
                account = replace(account, asked_at=asked[row.pk])
            found.setdefault(row.person_id, []).append(account)
    return found


def _asked(people: Iterable[int]) -> dict[int | None, datetime | None]:
    """Account id -> since when a person is asked to close it; or was, where it is to be deleted
    because they did not."""
    theirs = Operation.objects.filter(one_of("person_id", people)).order_by()
    deleting = theirs.filter(
        kind=OperationKind.DELETE.value, state__in=_TO_BE_DELETED, account__isnull=False
    )
    asked = Operation.objects.filter(kind=OperationKind.DISABLE.value, asked_at__isnull=False)
    before = asked.filter(
        account__in=list(deleting.values_list("account_id", flat=True)),
        state=OperationState.CANCELLED.value,
    )
    still = asked.filter(one_of("person_id", people), state=OperationState.MANUAL.value)
    return {
        account: at
        for rows in (before.order_by("id"), still)
        for account, at in rows.values_list("account_id", "asked_at")
    }


def observed_account(row: Account, slug: str, protecting: Protecting) -> Observed:
    """One account as the core sees it."""
    last_owner, owner_by = protecting.last_owner(row)
    return Observed(
        application=slug,
        account=str(row.pk),
        remote_id=row.remote_id,
        attributes=row.attributes,
        active=row.active,
        entitlements=frozenset(row.entitlements),
        situation=Situation(row.situation),
        disabled_at=row.disabled_at,
        baseline=row.baseline,
        protected=protecting.why(row),
        last_owner=last_owner,
        owner_by=owner_by,
        deleted_there=row.deleted_there,
        transferred=row.transferred_at is not None,
        unsure=frozenset(row.unsure),
    )


def drift_policy(row: Application) -> ApplicationPolicy:
    """As much of the policy as drift is weighed by."""
    return ApplicationPolicy(slug=row.slug, drift=_drift(row), caseless=CASELESS)


def _drift(row: Application) -> dict[str, DriftAction]:
    return {name: DriftAction(action) for name, action in row.drift.items()}


def _mapping(row: Application, attributes: Schema) -> AccountMapping:
    return AccountMapping(
        row.slug,
        [
            MappedAttribute(
                name=item["attribute"],
                expression=compile_value(item["expression"], attributes),
                on_create=item.get("when") == "create"
                or (row.on_rename == OnRename.KEEP and item["attribute"] in LOGINS),
            )
            for item in row.mapping
        ],
    )


def policy_of(row: Application, entitlements: Sequence[Entitlement] = ()) -> ApplicationPolicy:
    """How the application is to be dealt with, as the core wants it."""
    seat = Price(row.seat_price, row.seat_currency) if row.seat_price is not None else None
    return ApplicationPolicy(
        slug=row.slug,
        mode=ApplicationMode(row.mode),
        removal=RemovalAction(row.removal),
        delete_after=row.delete_after,
        leave=LeaveAction(row.leave),
        lead=row.lead or timedelta(0),
        closed_ahead=row.closed_ahead,
        requires=tuple(row.requires),
        managed_entitlements=frozenset(item.key for item in entitlements),
        caseless=CASELESS,
        seat=seat,
        entitlement_prices={
            item.key: Price(item.price, item.currency)
            for item in entitlements
            if item.price is not None
        },
        drift=_drift(row),
        recreate=Recreate(row.recreate),
        orphans=OrphanAction(row.orphans),
        transfers=bool(row.transfer_to),
    )
