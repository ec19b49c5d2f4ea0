"""Writing the company and the attributes of its own, and comparing definitions for the audit
trail. Knows nothing of sources, applications or rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.duration import duration_iso_string

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.core.expressions import AttributeType
from tenure.core.model import LifecycleState
from tenure.people import services
from tenure.people.models import AttributeDefinition, Company, Person
from tenure.people.onboarding import Onboarding, Trigger, onboarding_of
from tenure.people.services import company, raise_generation


@dataclass(frozen=True, slots=True)
class CompanyDefinition:
    """The configured part of the company. `plan_mode` is a value of `PlanMode`."""

    name: str
    domain: str = ""
    time_zone: str = "UTC"
    email_formats: Sequence[str] = ()
    plan_mode: str = "review"
    leaver_grace: timedelta | None = None
    user_name_formats: Sequence[str] = ()
    on_rename: str = "keep"
    name_retention: timedelta | None = timedelta(days=365)
    warn_without_end: Sequence[str] = ("contractor",)
    colour: str = ""
    task_reminders: bool = True
    tasks_to: str = ""
    onboarding: Onboarding = field(default_factory=Onboarding)


_DURATIONS = ("leaver_grace", "name_retention")
#: What no plan depends on by itself: how names are made is heeded by the next import.
_COSMETIC = frozenset(
    {
        "name",
        "user_name_formats",
        "on_rename",
        "name_retention",
        "warn_without_end",
        "colour",
        "task_reminders",
        "tasks_to",
        "onboarding",
    }
)


@dataclass(frozen=True, slots=True)
class CustomAttribute:
    """One attribute beside the standard ones."""

    name: str
    label: str
    type: AttributeType = AttributeType.STRING
    sensitive: bool = False


def difference(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any]] | None:
    """What of a definition changed, before and after, by top-level name; None: nothing did.

    >>> difference({"a": 1, "b": 2}, {"a": 1, "b": 3})
    ({'b': 2}, {'b': 3})
    """
    after = dict(after or {})
    if before is None:
        return None, after
    names = [name for name in after if before.get(name) != after[name]]
    if not names:
        return None
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def lock() -> None:
    """Wait for whoever else is changing the configuration, until this transaction ends."""
    Company.objects.select_for_update().get(pk=company().pk)


def company_definition() -> CompanyDefinition:
    """What is configured."""
    row = company()
    return CompanyDefinition(
        name=row.name,
        domain=row.domain,
        time_zone=row.time_zone,
        email_formats=tuple(row.email_formats),
        plan_mode=row.plan_mode,
        leaver_grace=row.leaver_grace,
        user_name_formats=tuple(row.user_name_formats),
        on_rename=row.on_rename,
        name_retention=row.name_retention,
        warn_without_end=tuple(row.warn_without_end),
        colour=row.colour,
        task_reminders=row.task_reminders,
        tasks_to=row.tasks_to,
        onboarding=onboarding_of(row.onboarding),
    )


@transaction.atomic
def save_company(*, definition: CompanyDefinition, replan: bool = True) -> bool:
    """Change what differs. Returns whether plans depend on the change."""
    row = company()
    before, after = _company_plain(company_definition()), _company_plain(definition)
    changed = difference(before, after)
    if changed is None:
        return False
    for name, value in after.items():
        setattr(row, name, getattr(definition, name) if name in _DURATIONS else value)
    row.save(update_fields=list(after))
    if "leaver_grace" in changed[1]:
        _look_at_leavers()
    if "onboarding" in changed[1] and definition.onboarding.trigger is Trigger.START:
        _wait_for_nobody()
    _record("company", "company", definition.name, *changed)
    matters = not changed[1].keys() <= _COSMETIC
    if matters and replan:
        raise_generation()
    return matters


def _wait_for_nobody() -> None:
    """Whoever has not come in yet has their accounts as everybody has."""
    waiting = Person.objects.filter(admitted=False)
    services.lock(waiting.values_list("pk", flat=True))
    waiting.update(admitted=None, generation=F("generation") + 1)


def _look_at_leavers() -> None:
    """Whether they are leaving still, or have left, is to be seen anew."""
    gone = [LifecycleState.LEAVING.value, LifecycleState.LEFT.value]
    rows = Person.objects.filter(state__in=gone)
    services.lock(rows.values_list("pk", flat=True))
    rows.update(next_look_at=Now())


def custom_attributes() -> list[CustomAttribute]:
    """The company's own attributes, in the order in which they were added; among them the
    standard ones that it keeps private."""
    return [_attribute(row) for row in AttributeDefinition.objects.filter(standard=False)]


@transaction.atomic
def save_attribute(*, definition: CustomAttribute, replan: bool = True) -> bool:
    """Add the attribute, or change what differs. Returns whether plans depend on the change."""
    row = AttributeDefinition.objects.filter(name=definition.name, standard=False).first()
    before = _attribute_plain(_attribute(row)) if row else None
    after = _attribute_plain(definition)
    changed = difference(before, after)
    if changed is None:
        return False
    AttributeDefinition.objects.update_or_create(
        name=definition.name, standard=False, defaults=after
    )
    _record("attribute", definition.name, definition.label, *changed)
    matters = "type" in changed[1]
    if matters and replan:
        raise_generation()
    return matters


@transaction.atomic
def remove_attribute(*, name: str, replan: bool = True) -> None:
    """Nobody has this attribute any more. What people hold of it goes with the next import; a
    standard one stays, and is not kept private any more."""
    row = AttributeDefinition.objects.get(name=name, standard=False)
    _record("attribute", name, row.label, _attribute_plain(_attribute(row)), None)
    row.delete()
    if replan:
        raise_generation()


def _attribute(row: AttributeDefinition) -> CustomAttribute:
    return CustomAttribute(
        name=row.name,
        label=row.label,
        type=AttributeType(row.type),
        sensitive=row.sensitive,
    )


def _attribute_plain(definition: CustomAttribute) -> dict[str, Any]:
    return {
        "label": definition.label,
        "type": definition.type.value,
        "sensitive": definition.sensitive,
    }


def _company_plain(definition: CompanyDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "domain": definition.domain,
        "time_zone": definition.time_zone,
        "email_formats": list(definition.email_formats),
        "plan_mode": definition.plan_mode,
        **{name: _spelled(getattr(definition, name)) for name in _DURATIONS},
        "user_name_formats": list(definition.user_name_formats),
        "on_rename": definition.on_rename,
        "warn_without_end": list(definition.warn_without_end),
        "colour": definition.colour,
        "task_reminders": definition.task_reminders,
        "tasks_to": definition.tasks_to,
        "onboarding": definition.onboarding.as_plain(),
    }


def _spelled(length: timedelta | None) -> str | None:
    return duration_iso_string(length) if length is not None else None


def _record(kind: str, key: str, label: str, before: Any, after: Any) -> None:
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind=kind,
        subject_key=key,
        subject_label=label,
        before=before,
        after=after,
    )
