"""Writing applications and what they offer: one writer for each thing that a configuration says.

A definition is the configured part of an application as plain typed data; what is observed
(health, accounts, remote ids) is not in it. Knows nothing of YAML, rules or plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.duration import duration_iso_string

from tenure.applications import sign_on_changes
from tenure.applications.authorizing import party
from tenure.applications.models import Account, Application, Entitlement
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.core.model import OPEN_STATES, OperationState
from tenure.people.configuration import difference
from tenure.people.services import raise_generation
from tenure.vault.giving_back import give_back


@dataclass(frozen=True, slots=True)
class EntitlementDefinition:
    """Something managed that accounts can hold. `key` is `kind:name`; a price is per month."""

    key: str
    price: Decimal | None = None
    currency: str = ""
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class ApplicationDefinition:
    """The configured part of one application: the names and shapes are those of the model.

    `secrets` are references, never values. Entitlements are the managed ones, by key.
    """

    slug: str
    name: str
    connector: str
    catalogue_entry: str = ""
    colour: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    oauth: Mapping[str, Any] = field(default_factory=dict)
    expires: Mapping[str, str] = field(default_factory=dict)
    mapping: Sequence[Mapping[str, str]] = ()
    matching: Sequence[Mapping[str, str]] = ()
    orphans: str = "report"
    ignore: Sequence[str] = ()
    protect: Sequence[str] = ()
    drift: Mapping[str, str] = field(default_factory=dict)
    recreate: str = "ask"
    reconcile_every: timedelta | None = timedelta(days=1)
    keeps_owner: str = ""
    mode: str = "report"
    removal: str = "disable"
    delete_after: timedelta | None = None
    transfer_to: str = ""
    leave: str = "keep"
    on_rename: str = "change"
    lead: timedelta | None = None
    closed_ahead: bool = False
    owner: str = ""
    remind_after: timedelta | None = None
    requestable: Mapping[str, Any] = field(default_factory=dict)
    requires: Sequence[str] = ()
    seat_price: Decimal | None = None
    seat_currency: str = ""
    guard: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    single_sign_on: Mapping[str, Any] = field(default_factory=dict)
    entitlements: Sequence[EntitlementDefinition] = ()


#: What no plan depends on: changing only these gives nobody another account.
_COSMETIC = frozenset(
    {
        "name",
        "catalogue_entry",
        "colour",
        "settings",
        "secrets",
        "oauth",
        "expires",
        "owner",
        "remind_after",
        "requestable",
        "reconcile_every",
        "seat_price",
        "seat_currency",
        "guard",
        "limits",
        "single_sign_on",
    }
)
_COLUMNS = tuple(
    f.name for f in fields(ApplicationDefinition) if f.name not in {"slug", "entitlements"}
)


class ApplicationInUse(ValueError):
    """It has accounts, now or in the past. `str()` says how many and what to do."""


def definitions() -> list[ApplicationDefinition]:
    """What is configured, in the order in which it is shown. Two queries."""
    offered: dict[int, list[EntitlementDefinition]] = {}
    for row in Entitlement.objects.filter(managed=True).order_by("kind", "name", "id"):
        offered.setdefault(row.application_id, []).append(
            EntitlementDefinition(row.key, row.price, row.currency, row.seats)
        )
    return [
        _definition(application, offered.get(application.pk, []))
        for application in Application.objects.all()
    ]


def _definition(
    application: Application, offered: Sequence[EntitlementDefinition]
) -> ApplicationDefinition:
    return ApplicationDefinition(
        slug=application.slug,
        entitlements=tuple(offered),
        **{name: getattr(application, name) for name in _COLUMNS},
    )


@transaction.atomic
def save_application(
    *,
    definition: ApplicationDefinition,
    position: int | None = None,
    replan: bool = True,
) -> bool:
    """Make the application, or change what differs. Returns whether plans depend on the change.

    `replan` raises everybody's generation in that case: False where the caller changes more
    things and raises it once. `position` None: as it is, a new one last.
    """
    application = (
        Application.objects.select_for_update(no_key=True).filter(slug=definition.slug).first()
    )
    if application is None:
        application = Application(slug=definition.slug, position=Application.objects.count())
        before = None
    else:
        before = _plain(_definition(application, _offered(application)))
        sign_on_changes.tell(application, _stored(definition.single_sign_on))
    for name in _COLUMNS:
        setattr(application, name, _stored(getattr(definition, name)))
    if position is not None:
        application.position = position
    application.save()
    save_entitlements(application=application, entitlements=definition.entitlements)
    after = _plain(definition)
    changed = difference(before, after)
    if changed is None:
        return False
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="application",
        subject_key=definition.slug,
        subject_label=definition.name,
        application=definition.slug,
        before=changed[0],
        after=changed[1],
    )
    matters = before is None or not _COSMETIC.issuperset(changed[1])
    if matters and replan:
        raise_generation()
    return matters


def save_entitlements(
    *, application: Application, entitlements: Sequence[EntitlementDefinition]
) -> None:
    """Exactly these are managed. What is no longer named is left to whoever holds it: it is kept,
    unmanaged, where the application has it, and forgotten where it was never made."""
    known = {row.key: row for row in application.entitlements.all()}
    for wanted in entitlements:
        row = known.pop(wanted.key, None) or Entitlement(application=application, key=wanted.key)
        row.kind, _, row.name = wanted.key.partition(":")
        row.managed, row.price = True, wanted.price
        row.currency, row.seats = wanted.currency, wanted.seats
        row.save()
    for row in known.values():
        if not row.managed:
            continue
        if not row.remote_id:
            row.delete()
            continue
        row.managed, row.price, row.currency, row.seats = False, None, "", None
        row.save()


@transaction.atomic
def remove_application(*, slug: str, replan: bool = True) -> None:
    """Forget an application that never had an account. Raises `ApplicationInUse`."""
    application = Application.objects.select_for_update(no_key=True).get(slug=slug)
    _nothing_under_way(application)
    accounts = Account.objects.filter(application=application)
    held = accounts.exclude(situation="deleted").count()
    if held:
        raise ApplicationInUse(
            f"{application.name} still has {held} account{'s' if held > 1 else ''}. Take it out of "
            "every rule and apply, so that they are removed by plan; keep the application in the "
            "configuration (mode: report stops all writing to it)."
        )
    if accounts.exists():
        raise ApplicationInUse(
            f"{application.name} had accounts, and what is stored of them is the evidence that "
            "they are gone. Keep it in the configuration with mode: report and without rules."
        )
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="application",
        subject_key=slug,
        subject_label=application.name,
        application=slug,
        before=_plain(_definition(application, _offered(application))),
    )
    give_back(party(application))
    application.delete()
    if replan:
        raise_generation()


def _nothing_under_way(application: Application) -> None:
    """An account that is just being made, or may have been, would be known to nobody. What waits is
    locked, so that none of it begins. Raises `ApplicationInUse`."""
    waiting = application.operations.filter(state__in=[state.value for state in OPEN_STATES])
    states = waiting.select_for_update().order_by("pk").values_list("state", flat=True)
    if {OperationState.STARTED.value, OperationState.UNKNOWN.value} & set(states):
        raise ApplicationInUse(
            f"Something is on its way to {application.name}, and an account may have been made "
            "there. Try again when it is done; reading the accounts (`tenure reconcile "
            f"{application.slug}`) shows what is there."
        )


def _offered(application: Application) -> list[EntitlementDefinition]:
    return [
        EntitlementDefinition(row.key, row.price, row.currency, row.seats)
        for row in application.entitlements.filter(managed=True).order_by("kind", "name", "id")
    ]


def _stored(value: Any) -> Any:
    """Mappings and sequences as the JSON that a column holds."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return [dict(item) if isinstance(item, Mapping) else item for item in value]
    return value


def _plain(definition: ApplicationDefinition) -> dict[str, Any]:
    """The definition as JSON, for the audit trail and for comparing."""
    plain = {name: _json(_stored(getattr(definition, name))) for name in _COLUMNS}
    plain["entitlements"] = {
        item.key: {
            "price": _json(item.price),
            "currency": item.currency,
            "seats": item.seats,
        }
        for item in sorted(definition.entitlements, key=lambda item: item.key)
    }
    return plain


def _json(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration_iso_string(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value
