"""Comparing a document with what is stored, and making what is stored be it: in one transaction,
so that a document that is wrong anywhere changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from tenure.applications.models import Application
from tenure.applications.services import (
    ApplicationInUse,
    remove_application,
    save_application,
)
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.configuration import translation
from tenure.configuration.checking import check, effective
from tenure.configuration.document import SECTIONS, Document
from tenure.configuration.problems import (
    NO_MARKS,
    ConfigurationError,
    Marks,
    Path,
    Problems,
    dotted,
)
from tenure.people.configuration import (
    lock,
    remove_attribute,
    save_attribute,
    save_company,
)
from tenure.people.services import raise_generation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.questions.whatif import Effect, effect
from tenure.provisioning.reconciliation import correlating, first_contact
from tenure.provisioning.records import veiling
from tenure.rules.groups import remove_group, save_group
from tenure.rules.services import remove_rule, save_rule
from tenure.sources.services import SourceInUse, remove_source, save_source


class ChangeKind(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One difference. `path` reads `applications.chat.removal.then`; `before` and `after` are as
    the document writes them, None where there is nothing."""

    kind: ChangeKind
    path: str
    before: Any = None
    after: Any = None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "path": self.path,
            "before": self.before,
            "after": self.after,
        }


def diff(document: Document, *, marks: Marks = NO_MARKS) -> list[ConfigChange]:
    """What `apply` would change. Raises `ConfigurationError` for a document that it would refuse
    by itself; whether what is to be removed is in use is found only by applying."""
    stored = translation.stored()
    _refuse(document, marks, stored)
    return compare(stored, document)


@transaction.atomic
def apply(document: Document, *, marks: Marks = NO_MARKS) -> list[ConfigChange]:
    """Make what is stored be the document. Returns what was changed.

    Sections that are not given stay. Raises `ConfigurationError`, and then nothing was changed.
    Everybody's generation is raised once, if plans depend on anything that changed.
    """
    lock()
    stored = translation.stored()
    _refuse(document, marks, stored)
    return write(document, stored, marks)


def preview(document: Document, *, marks: Marks = NO_MARKS, person: int | None = None) -> Effect:
    """What applying the document would change in accounts, of everybody or of one person, beyond
    what is due already. Raises `ConfigurationError`. Nothing is kept: it is done, looked at and
    rolled back."""
    scope = Scope(everybody=True) if person is None else Scope(person=person)
    before = plans.preview(scope)
    with transaction.atomic():
        apply(document, marks=marks)
        correlating.bring_up_to_date()  # Whose accounts are, by other rules.
        after = plans.preview(scope)
        transaction.set_rollback(True)
    return effect(before.lines, after)


def write(document: Document, stored: Document, marks: Marks = NO_MARKS) -> list[ConfigChange]:
    """Store a document that was checked, in the caller's transaction."""
    changes = compare(stored, document)
    touched = {_object(change.path) for change in changes}
    veiled = veiling.veil(Application.objects.all())
    matters = [
        _save_company(document, touched),
        _save_attributes(document, touched),
        _save_sources(document, touched),
        _save_applications(document, touched),
        _save_groups(document, touched),
        _save_rules(document, touched),
        *_remove(document, stored, marks),
    ]
    for change in changes:
        if change.path in SECTIONS:
            _record_order(change)
    if any(matters):
        raise_generation()
    if any(path.startswith(("attributes.", "applications.", "groups.")) for path in touched):
        veiling.cover(Application.objects.all(), since=veiled)
    first_contact.read_what_is_new(Application.objects.all())
    return changes


def compare(stored: Document, document: Document) -> list[ConfigChange]:
    """The differences of the sections that the document gives, in their order."""
    before, after = comparable(stored), comparable(effective(document, stored))
    changes: list[ConfigChange] = []
    for section in SECTIONS:
        if getattr(document, section) is None:
            continue
        old, new = before[section] or {}, after[section]
        depth = 1 if section == "company" else 2
        changes += _differences(old, new, (section,), depth)
        if section not in {"company", "attributes"}:
            changes += _order(section, old, new)
    return changes


def comparable(document: Document) -> dict[str, Any]:
    """The document as plain values in canonical form. Entitlements are by key: their order means
    nothing, and each is compared by itself."""
    plain = document.model_dump(mode="json")
    for application in (plain["applications"] or {}).values():
        application["entitlements"] = {
            item["key"]: {k: v for k, v in item.items() if k != "key"}
            for item in application["entitlements"]
        }
    for group in (plain["groups"] or {}).values():
        group["people"] = sorted(set(group["people"]))
    for rule in (plain["rules"] or {}).values():
        rule["give"] = {slug: sorted(set(keys)) for slug, keys in rule["give"].items()}
    return plain


def _differences(before: Any, after: Any, path: Path, whole: int) -> Iterable[ConfigChange]:
    """Leaf by leaf; an object that is only on one side (at depth `whole`) is one change."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(n for n in after if n not in before)]:
            yield from _differences(before.get(name), after.get(name), (*path, name), whole)
        return
    kind = ChangeKind.CHANGED
    if before is None:
        kind = ChangeKind.ADDED
    elif after is None:
        kind = ChangeKind.REMOVED
    yield ConfigChange(kind, dotted(path), before, after)


def _order(section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ConfigChange]:
    """Whether what is on both sides stands in another order."""
    old = [name for name in before if name in after]
    new = [name for name in after if name in before]
    return [] if old == new else [ConfigChange(ChangeKind.CHANGED, section, old, new)]


def _object(path: str) -> str:
    """`applications.chat` of `applications.chat.removal.then`."""
    return ".".join(path.split(".")[:2])


def _refuse(document: Document, marks: Marks, stored: Document) -> None:
    problems = check(document, marks=marks, stored=stored).problems
    if problems:
        raise ConfigurationError(problems)


def _save_company(document: Document, touched: set[str]) -> bool:
    if document.company is None or not any(path.startswith("company.") for path in touched):
        return False
    definition = translation.company_definition(document.company)
    return save_company(definition=definition, replan=False)


def _save_attributes(document: Document, touched: set[str]) -> bool:
    matters = False
    for name, attribute in (document.attributes or {}).items():
        if f"attributes.{name}" in touched:
            definition = translation.attribute_definition(name, attribute)
            matters |= save_attribute(definition=definition, replan=False)
    return matters


def _save_sources(document: Document, touched: set[str]) -> bool:
    for position, (slug, source) in enumerate((document.sources or {}).items()):
        if _due("sources", touched):
            save_source(definition=translation.source_definition(slug, source), position=position)
    return False


def _save_applications(document: Document, touched: set[str]) -> bool:
    matters = False
    for position, (slug, application) in enumerate((document.applications or {}).items()):
        if _due("applications", touched):
            definition = translation.application_definition(slug, application)
            matters |= save_application(definition=definition, position=position, replan=False)
    return matters


def _save_groups(document: Document, touched: set[str]) -> bool:
    matters = False
    for position, (slug, group) in enumerate((document.groups or {}).items()):
        if _due("groups", touched):
            definition = translation.group_definition(slug, group)
            matters |= save_group(definition=definition, position=position, replan=False)
    return matters


def _save_rules(document: Document, touched: set[str]) -> bool:
    matters = False
    for position, (slug, rule) in enumerate((document.rules or {}).items()):
        if _due("rules", touched):
            definition = translation.rule_definition(slug, rule)
            matters |= save_rule(definition=definition, position=position, replan=False)
    return matters


def _due(section: str, touched: set[str]) -> bool:
    """Whether to write what is in the section: if anything did change, positions may have to."""
    return any(path == section or path.startswith(f"{section}.") for path in touched)


def _record_order(change: ConfigChange) -> None:
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="configuration",
        subject_key=change.path,
        subject_label=f"Order of {change.path}",
        before=change.before,
        after=change.after,
    )


def _remove(document: Document, stored: Document, marks: Marks) -> list[bool]:
    """What is stored and no longer in a section that is given. Rules go first."""
    problems = Problems(marks)
    removers: dict[str, Callable[[str], None]] = {
        "rules": lambda slug: remove_rule(slug=slug, replan=False),
        "groups": lambda slug: remove_group(slug=slug, replan=False),
        "applications": lambda slug: remove_application(slug=slug, replan=False),
        "sources": lambda slug: remove_source(slug=slug),
        "attributes": lambda name: remove_attribute(name=name, replan=False),
    }
    done = []
    for section, remove in removers.items():
        given = getattr(document, section)
        if given is None:
            continue
        for slug in [name for name in getattr(stored, section) if name not in given]:
            try:
                remove(slug)
            except (ApplicationInUse, SourceInUse) as error:
                problems.add((section, slug), f"It is not in the document any more. {error}")
            done.append(section != "sources")
    problems.raise_any()
    return done
