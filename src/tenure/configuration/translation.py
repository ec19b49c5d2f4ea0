"""Between the document and the definitions that apps store. Loses nothing either way: what is
stored, written as a document and translated back, is what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tenure.applications import services as applications
from tenure.applications.services import ApplicationDefinition, EntitlementDefinition
from tenure.configuration.document import (
    Application,
    ApplicationGuard,
    Attribute,
    Company,
    Document,
    Group,
    Rates,
    Rule,
)
from tenure.configuration.document_onboarding import onboarding_settings, stored_onboarding
from tenure.configuration.document_requests import requestable_settings
from tenure.configuration.document_sources import Schedule, Source, SourceGuard, Table
from tenure.configuration.document_sso import settings_of
from tenure.configuration.values import NEVER
from tenure.core.model import DRIFT_DEFAULT
from tenure.people import configuration as people
from tenure.people.attributes import STANDARD
from tenure.people.configuration import CompanyDefinition, CustomAttribute
from tenure.rules import groups
from tenure.rules import services as rules
from tenure.rules.groups import GroupDefinition
from tenure.rules.services import RuleDefinition
from tenure.sources import services as sources
from tenure.sources.services import SourceDefinition

#: Lines of a source that are the same in the document and in what is stored.
_AS_THEY_ARE = (
    "clean",
    "region",
    "time_zones",
    "manager_by",
    "first_for",
    "write_back",
    "authoritative",
)


def stored() -> Document:
    """What is configured now, every section given."""
    return Document(
        company=_company(people.company_definition()),
        attributes={item.name: _attribute(item) for item in people.custom_attributes()},
        sources={item.slug: _source(item) for item in sources.definitions()},
        applications={item.slug: _application(item) for item in applications.definitions()},
        groups={item.slug: _group(item) for item in groups.group_definitions()},
        rules={item.slug: _rule(item) for item in rules.definitions()},
    )


def _company(item: CompanyDefinition) -> Company:
    return Company(
        name=item.name,
        domain=item.domain,
        time_zone=item.time_zone,
        email_formats=list(item.email_formats),
        plans=item.plan_mode,  # type: ignore[arg-type]  # pydantic checks it
        leaver_grace=item.leaver_grace,
        user_name_formats=list(item.user_name_formats),
        on_rename=item.on_rename,  # type: ignore[arg-type]  # pydantic checks it
        name_retention=item.name_retention,
        warn_without_end=list(item.warn_without_end),
        colour=item.colour,
        task_reminders="daily" if item.task_reminders else "never",
        tasks_to=item.tasks_to,
        onboarding=stored_onboarding(item.onboarding),
    )


def company_definition(company: Company) -> CompanyDefinition:
    return CompanyDefinition(
        name=company.name,
        domain=company.domain,
        time_zone=company.time_zone,
        email_formats=tuple(company.email_formats),
        plan_mode=company.plans,
        leaver_grace=company.leaver_grace,
        user_name_formats=tuple(company.user_name_formats),
        on_rename=company.on_rename,
        name_retention=company.name_retention,
        warn_without_end=tuple(company.warn_without_end),
        colour=company.colour.lower(),
        task_reminders=company.task_reminders == "daily",
        tasks_to=company.tasks_to,
        onboarding=onboarding_settings(company.onboarding),
    )


def _attribute(item: CustomAttribute) -> Attribute:
    return Attribute(label=item.label, type=item.type, sensitive=item.sensitive)


def attribute_definition(name: str, attribute: Attribute) -> CustomAttribute:
    return CustomAttribute(
        name=name,
        label=attribute.label,
        type=attribute.type,
        sensitive=attribute.sensitive,
    )


def _source(item: SourceDefinition) -> Source:
    return Source.model_validate(
        {
            "name": item.name,
            "reader": item.reader,
            "catalogue": item.catalogue_entry,
            "settings": dict(item.settings),
            "secrets": dict(item.secrets),
            "oauth": dict(item.oauth) or None,
            "expires": dict(item.expires),
            "mapping": _in_order(item.mapping, STANDARD),
            "dates": list(item.dates),
            "statuses": dict(item.statuses),
            "absence": item.absence,
            "guard": _guard(item.guard),
            "rehire": [list(names) for names in item.rehire],
            "correlation": [dict(rule) for rule in item.correlation],
            "suggest": [list(names) for names in item.suggest],
            "schedule": _schedule(item.schedule),
            "full_every": item.full_every,
            "values": {name: dict(table) for name, table in item.value_tables.items()},
            **{name: getattr(item, name) for name in _AS_THEY_ARE},
        }
    )


def source_definition(slug: str, source: Source) -> SourceDefinition:
    return SourceDefinition(
        slug=slug,
        name=source.name,
        reader=source.reader,
        catalogue_entry=source.catalogue,
        settings=_plain(source.settings),
        secrets=dict(source.secrets),
        oauth=_oauth(source),
        expires=_last_days(source),
        mapping=dict(source.mapping),
        dates=tuple(source.dates),
        statuses=dict(source.statuses),
        absence=source.absence,
        guard=_guard_settings(source.guard),
        rehire=tuple(tuple(names) for names in source.rehire),
        correlation=tuple(rule.model_dump() for rule in source.correlation),
        suggest=tuple(tuple(names) for names in source.suggest),
        schedule=_schedule_settings(source.schedule),
        full_every=source.full_every,
        value_tables={name: _table(table) for name, table in source.values.items()},
        **{name: getattr(source, name) for name in _AS_THEY_ARE},
    )


def _application(item: ApplicationDefinition) -> Application:
    seat = None
    if item.seat_price is not None:
        seat = {"price": item.seat_price, "currency": item.seat_currency}
    return Application.model_validate(
        {
            "name": item.name,
            "connector": item.connector,
            "catalogue": item.catalogue_entry,
            "colour": item.colour,
            "settings": dict(item.settings),
            "secrets": dict(item.secrets),
            "oauth": dict(item.oauth) or None,
            "expires": dict(item.expires),
            "mapping": {
                line["attribute"]: {
                    "value": line["expression"],
                    "when": line.get("when", "always"),
                }
                for line in item.mapping
            },
            "matching": [dict(pair) for pair in item.matching],
            "orphans": item.orphans,
            "ignore": list(item.ignore),
            "protect": list(item.protect),
            "drift": _drift(item.drift),
            "recreate": item.recreate,
            "reconcile_every": NEVER if item.reconcile_every is None else item.reconcile_every,
            "keeps_owner": item.keeps_owner,
            "mode": item.mode,
            "removal": {
                "then": item.removal,
                "delete_after": item.delete_after,
                "transfer_to": item.transfer_to or None,
            },
            "leave": item.leave,
            "on_rename": item.on_rename,
            "lead": item.lead,
            "ahead": "disabled" if item.closed_ahead else "enabled",
            "requires": list(item.requires),
            "owner": item.owner,
            "remind_after": item.remind_after,
            "requestable": dict(item.requestable) or None,
            "seat": seat,
            "guard": _guard(item.guard),
            "single_sign_on": dict(item.single_sign_on) or None,
            "limits": {k: v for k, v in item.limits.items() if k in Rates.model_fields},
            "entitlements": [_entitlement(entitlement) for entitlement in item.entitlements],
        }
    )


def _entitlement(item: EntitlementDefinition) -> dict[str, Any]:
    return {
        "key": item.key,
        "price": item.price,
        "currency": item.currency or None,
        "seats": item.seats,
    }


def application_definition(slug: str, application: Application) -> ApplicationDefinition:
    seat = application.seat
    return ApplicationDefinition(
        slug=slug,
        name=application.name,
        connector=application.connector,
        catalogue_entry=application.catalogue,
        colour=application.colour,
        settings=_plain(application.settings),
        secrets=dict(application.secrets),
        oauth=_oauth(application),
        expires=_last_days(application),
        mapping=[
            {"attribute": name, "expression": mapped.value, "when": mapped.when}
            for name, mapped in application.mapping.items()
        ],
        matching=[
            {"account": pair.account, "person": pair.person, "case": pair.case}
            for pair in application.matching
        ],
        orphans=application.orphans,
        ignore=list(application.ignore),
        protect=list(application.protect),
        drift=dict(application.drift),
        recreate=application.recreate,
        reconcile_every=application.reconcile_every,
        keeps_owner=application.keeps_owner,
        mode=application.mode,
        removal=application.removal.then,
        delete_after=application.removal.delete_after,
        transfer_to=application.removal.transfer_to or "",
        leave=application.leave,
        on_rename=application.on_rename,
        lead=application.lead,
        closed_ahead=application.ahead == "disabled",
        requires=tuple(application.requires),
        owner=application.owner,
        remind_after=application.remind_after,
        requestable=requestable_settings(application.requestable),
        seat_price=seat.price if seat else None,
        seat_currency=seat.currency if seat else "",
        guard=_guard_settings(application.guard),
        limits=application.limits.model_dump(exclude_none=True),
        single_sign_on=settings_of(application.single_sign_on),
        entitlements=[
            EntitlementDefinition(item.key, item.price, item.currency or "", item.seats)
            for item in sorted(application.entitlements, key=lambda item: item.key)
        ],
    )


def _rule(item: RuleDefinition) -> Rule:
    return Rule.model_validate(
        {
            "name": item.name,
            "description": item.description,
            "when": item.condition,
            "give": {slug: sorted(keys) for slug, keys in item.gives.items()},
            "enabled": item.enabled,
            "grace": item.grace,
        }
    )


def _group(item: GroupDefinition) -> Group:
    return Group(name=item.name, when=item.condition or None, people=list(item.people))


def group_definition(slug: str, group: Group) -> GroupDefinition:
    return GroupDefinition(
        slug=slug,
        name=group.name,
        condition=group.when or "",
        people=tuple(sorted(set(group.people))),
    )


def rule_definition(slug: str, rule: Rule) -> RuleDefinition:
    return RuleDefinition(
        slug=slug,
        name=rule.name,
        description=rule.description,
        condition=rule.when,
        gives={name: sorted(set(keys)) for name, keys in rule.give.items()},
        enabled=rule.enabled,
        grace=rule.grace,
    )


def _table(table: Table) -> dict[str, Any]:
    return table.model_dump(mode="json", exclude_defaults=True)


def _schedule(stored: Mapping[str, Any]) -> dict[str, Any] | None:
    if "every" in stored:
        return {"every": timedelta(seconds=stored["every"])}
    return dict(stored) or None


def _schedule_settings(schedule: Schedule | None) -> dict[str, Any]:
    if schedule is None:
        return {}
    if schedule.every is not None:
        return {"every": int(schedule.every.total_seconds())}
    return {"cron": schedule.cron} if schedule.cron else {"continuous": True}


def _oauth(given: Application | Source) -> dict[str, Any]:
    return given.oauth.model_dump(mode="json", exclude_defaults=True) if given.oauth else {}


def _last_days(given: Application | Source) -> dict[str, str]:
    return {name: day.isoformat() for name, day in given.expires.items()}


def _drift(drift: Mapping[str, str]) -> dict[str, str]:
    """The default first, then by name: the database keeps no order."""
    return dict(sorted(drift.items(), key=lambda item: (item[0] != DRIFT_DEFAULT, item[0])))


def _guard(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Limits as the document writes them: windows are lengths of time there, seconds here."""
    return {
        name: {k: timedelta(seconds=v) if k == "window" else v for k, v in limit.items()}
        for name, limit in settings.items()
        if limit
    }


def _guard_settings(guard: ApplicationGuard | SourceGuard) -> dict[str, Any]:
    """The limits that are given, whole: a later default does not change what was agreed."""
    found: dict[str, Any] = {}
    for name in type(guard).model_fields:
        limit = getattr(guard, name)
        if limit is not None:
            given = {k: getattr(limit, k) for k in type(limit).model_fields}
            found[name] = {
                k: int(v.total_seconds()) if isinstance(v, timedelta) else v
                for k, v in given.items()
                if v is not None
            }
    return found


def _in_order(mapping: Mapping[str, str], order: Mapping[str, Any]) -> dict[str, str]:
    """The database keeps no order of names: the order in which attributes are read, then ours."""
    first = [name for name in order if name in mapping]
    return {name: mapping[name] for name in [*first, *sorted(mapping.keys() - set(first))]}


def _plain(value: Any) -> Any:
    """Numbers without the text that they were written as."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value)
    return format(value, "f") if isinstance(value, Decimal) else value
