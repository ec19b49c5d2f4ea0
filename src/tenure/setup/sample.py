"""The sample company: sixty people, three applications that are files on this machine, four rules.
Made and removed whole; what was made is written down, and nothing else is touched.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.configuration.applying import apply
from tenure.configuration.document import Document
from tenure.configuration.translation import stored
from tenure.people.models import Person, ReservedName
from tenure.provisioning.models import Operation
from tenure.setup import guessing, uploads
from tenure.setup.models import FirstSteps
from tenure.setup.sample_people import HEADER, people_csv
from tenure.setup.steps import row
from tenure.sources.importing import import_source
from tenure.sources.models import Source, SourceRecord

SOURCE: Final = "sample-people"
_FOLDER: Final = "practice"
_MAPPING: Final = {
    "userName": {"value": "user.email", "when": "create"},
    "displayName": "user.display_name",
    "name.givenName": "user.given_name",
    "name.familyName": "user.family_name",
    "emails.work": "user.email",
    "title": 'has(user.title) ? user.title : ""',
}


class SampleRefused(ValueError):
    """It cannot be made or removed now. str() says why."""


def make() -> None:
    """Everything at once, people read, nothing sent anywhere yet. Raises `SampleRefused`."""
    kept = row()
    if kept.sample:
        raise SampleRefused("The sample company is here already.")
    if Person.objects.exists():
        raise SampleRefused("There are people already: the sample is for an empty installation.")
    with transaction.atomic():
        before = stored()
        made = {
            "sources": {SOURCE: _source()},
            "applications": _applications(),
            "rules": _rules(),
        }
        whole: dict[str, Any] = {
            name: {**(getattr(before, name) or {}), **things} for name, things in made.items()
        }
        apply(Document(**whole))
        FirstSteps.objects.filter(pk=kept.pk).update(
            sample={name: sorted(things) for name, things in made.items()}
        )
    text = people_csv(timezone.localdate()).encode()
    uploads.keep(SOURCE, "sample-people.csv", io.BytesIO(text), len(text))
    with uploads.as_file(SOURCE) as file:
        import_source(Source.objects.get(slug=SOURCE), file=file)
    uploads.forget(SOURCE)


@transaction.atomic
def remove() -> int:
    """All of it: people who are known from it alone, their accounts and operations, applications,
    rules, the source, the files. Returns how many people went. Raises `SampleRefused`."""
    kept = FirstSteps.objects.select_for_update().get(pk=row().pk)
    if not kept.sample:
        raise SampleRefused("There is no sample company here.")
    names: dict[str, list[str]] = kept.sample
    applications = names.get("applications", [])
    Operation.objects.filter(application__slug__in=applications).delete()
    Account.objects.filter(application__slug__in=applications).delete()
    gone = _people(names.get("sources", []))
    there = stored()
    document: dict[str, Any] = {
        section: {
            slug: item
            for slug, item in (getattr(there, section) or {}).items()
            if slug not in names.get(section, [])
        }
        for section in ("rules", "applications", "sources")
    }
    apply(Document(**document))
    FirstSteps.objects.filter(pk=kept.pk).update(sample={})
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="first_steps",
        subject_key="sample",
        subject_label="Sample company removed",
        before={**names, "people": gone},
        after=None,
    )
    transaction.on_commit(lambda: shutil.rmtree(_folder(), ignore_errors=True))
    return gone


def _people(sources: list[str]) -> int:
    elsewhere = SourceRecord.objects.exclude(source__slug__in=sources).values("person")
    rows = Person.objects.filter(records__source__slug__in=sources).exclude(pk__in=elsewhere)
    keys = list(rows.values_list("pk", flat=True).distinct())
    if Account.objects.filter(person__in=keys).exists():
        raise SampleRefused(
            "Somebody of the sample company has an account in an application of yours. Take their "
            "access away there first: switch off the rule that gives it, and apply the plan."
        )
    Operation.objects.filter(person__in=keys).delete()
    ReservedName.objects.filter(person__in=keys).delete()
    SourceRecord.objects.filter(source__slug__in=sources).delete()
    Person.objects.filter(pk__in=keys).delete()
    return len(keys)


def _folder() -> Path:
    return Path(settings.HOME) / _FOLDER


def _source() -> dict[str, Any]:
    mapped = guessing.columns_to_attributes(HEADER, [], sorted(set(_KNOWN)))
    return {"name": "Sample people", "reader": "csv", "mapping": guessing.expressions(mapped)}


_KNOWN: Final = (
    "employee_number", "given_name", "family_name", "email", "department", "title", "location",
    "country", "time_zone", "employment_type", "status", "start_date", "end_date", "manager",
)  # fmt: skip


def _applications() -> dict[str, dict[str, Any]]:
    folder = str(_folder())
    chosen = (
        ("practice-mail", "Mail (practice)", "#2563a8", "6.00", ["group:everybody"]),
        ("practice-chat", "Chat (practice)", "#8a3f9c", "7.25", ["group:sales", "group:support"]),
        ("practice-crm", "CRM (practice)", "#a8471f", "75.00", ["group:managers"]),
    )
    return {
        slug: {
            "name": name,
            "connector": "practice",
            "colour": colour,
            "settings": {"name": slug, "folder": folder},
            "mapping": _MAPPING,
            "mode": "live",
            "seat": {"price": price, "currency": "EUR"},
            "entitlements": entitlements,
        }
        for slug, name, colour, price, entitlements in chosen
    }


def _rules() -> dict[str, dict[str, Any]]:
    return {
        "sample-everybody": {
            "name": "Everybody has mail and chat",
            "when": "has(user.department)",
            "give": {"practice-mail": ["group:everybody"], "practice-chat": []},
        },
        "sample-sales": {
            "name": "Sales has the CRM",
            "when": 'user.department == "Sales"',
            "give": {"practice-crm": [], "practice-chat": ["group:sales"]},
        },
        "sample-support": {
            "name": "Support desk",
            "when": 'user.department == "Support"',
            "give": {"practice-chat": ["group:support"]},
        },
        "sample-managers": {
            "name": "Finance sees every deal",
            "description": "Read access for the quarterly close",
            "when": 'user.department == "Finance" && user.title == "Controller"',
            "give": {"practice-crm": ["group:managers"]},
        },
    }
