"""Whether a document makes sense: what it refers to exists, its expressions compile, its settings
are what connectors and readers take. Needs no database: what is stored is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from zoneinfo import available_timezones

from tenure.catalogue.filling import complete
from tenure.configuration.checking_common import chosen_kind, compiles, unknown_attribute
from tenure.configuration.checking_company import check_onboarding
from tenure.configuration.checking_removal import removal_notes
from tenure.configuration.checking_requests import check_requests
from tenure.configuration.checking_sources import check_precedence, check_source
from tenure.configuration.checking_sso import check_single_sign_on
from tenure.configuration.document import (
    SECTIONS,
    Application,
    Company,
    Document,
    Group,
    Rule,
)
from tenure.configuration.problems import NO_MARKS, Marks, Path, Problem, Problems
from tenure.configuration.settings_checking import (
    check_authorisation,
    check_secret_names,
    check_secrets,
    check_settings,
)
from tenure.connectors.base import SettingsError
from tenure.connectors.registry import TOKEN, connector_class, known_attributes, schemas
from tenure.connectors.registry import kinds as connector_kinds
from tenure.core.account_conditions import compile_account_condition, compile_account_value
from tenure.core.correlation import UID, is_attribute
from tenure.core.drift import ACTIVE, ENTITLEMENTS
from tenure.core.expressions import (
    AttributeType,
    ExpressionError,
    compile_condition,
    compile_value,
)
from tenure.core.groups import ATTRIBUTE as GROUPS
from tenure.core.mapping import IDENTIFYING
from tenure.core.model import DRIFT_DEFAULT
from tenure.core.names import candidates
from tenure.core.nearest import near
from tenure.people.attributes import MAY_BE_PRIVATE, STANDARD

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+", re.IGNORECASE)
_NAMED_GROUP = re.compile(r"""["']([^"']+)["']\s+in\s+user\.groups\b""")


@dataclass(frozen=True, slots=True)
class Checked:
    """`notes` say what could not be checked, because the document leaves it out, and what is no
    mistake and should be known."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def effective(document: Document, stored: Document | None) -> Document:
    """The document, with the sections that it does not give as they are stored."""
    if stored is None:
        return document
    given = {s: getattr(document, s) for s in SECTIONS if getattr(document, s) is not None}
    return stored.model_copy(update=given)


def check(
    document: Document, *, marks: Marks = NO_MARKS, stored: Document | None = None
) -> Checked:
    """Everything that is wrong with the document, as it would be over what is stored."""
    problems = Problems(marks)
    whole = effective(document, stored)
    notes: list[str] = []
    if document.company is not None:
        _company(document.company, problems)
    schema = _schema(whole, problems)
    if whole.company is not None:
        check_onboarding(whole.company, schema, problems)
    for slug, source in (whole.sources or {}).items():
        check_source(slug, source, schema, problems, settings=document.sources is not None)
    check_precedence(whole.sources or {}, problems)
    for slug, application in (whole.applications or {}).items():
        _application(
            slug,
            application,
            schema,
            problems,
            settings=document.applications is not None,
        )
    for slug, group in (whole.groups or {}).items():
        _group(slug, group, schema, problems)
    _requirements(whole.applications or {}, problems)
    schema |= {GROUPS: AttributeType.STRINGS}
    sensitive = {name for name, item in (whole.attributes or {}).items() if item.sensitive}
    for slug, application in (whole.applications or {}).items():
        _mapping(slug, application, schema, problems, sensitive)
    check_single_sign_on(whole.applications or {}, schema, problems)
    check_requests(whole.applications or {}, schema, problems)
    if whole.rules and whole.applications is None:
        notes.append(
            "The document has no applications: whether what the rules give exists was not checked."
        )
    for slug, rule in (whole.rules or {}).items():
        _rule(slug, rule, schema, whole.applications, problems)
        _group_names(slug, rule, whole.groups or {}, problems)
    for slug, application in (whole.applications or {}).items() if not problems.found else ():
        notes += [f"applications.{slug}.{at}: {said}" for at, said in removal_notes(application)]
    return Checked(tuple(sorted(set(problems.found))), tuple(notes))


def _company(company: Company, problems: Problems) -> None:
    if company.time_zone not in available_timezones():
        problems.add(
            ("company", "time_zone"),
            f"There is no time zone {company.time_zone!r}. Expected an IANA name such as "
            f"Europe/Budapest.{near(company.time_zone, available_timezones())}",
        )
    if company.domain and not _DOMAIN.fullmatch(company.domain):
        problems.add(
            ("company", "domain"),
            f"{company.domain!r} is not a domain. Expected one such as acme.example, without @.",
        )
    for name in ("email_formats", "user_name_formats"):
        for index, form in enumerate(getattr(company, name)):
            try:
                candidates([form], {})
            except ValueError as error:
                problems.add(("company", name, index), str(error))


def _schema(whole: Document, problems: Problems) -> dict[str, AttributeType]:
    schema = {name: kind for name, (_, kind) in STANDARD.items()}
    for name, attribute in (whole.attributes or {}).items():
        if name == GROUPS:
            problems.add(
                ("attributes", name),
                f"{name} holds the groups that somebody is in. Choose another name.",
            )
        elif name in STANDARD and (name not in MAY_BE_PRIVATE or not attribute.sensitive):
            problems.add(
                ("attributes", name),
                f"{name} is a standard attribute and need not be added. Choose another name. "
                f"Only to keep one private it is named here, with sensitive: true: "
                f"{', '.join(MAY_BE_PRIVATE)}.",
            )
        elif name in STANDARD and attribute.type is not STANDARD[name][1]:
            problems.add(
                ("attributes", name, "type"),
                f"{name} is a standard attribute, and its type is {STANDARD[name][1].value}.",
            )
        else:
            schema[name] = attribute.type
    return schema


def _application(
    slug: str,
    application: Application,
    schema: Mapping[str, AttributeType],
    problems: Problems,
    *,
    settings: bool,
) -> None:
    path: Path = ("applications", slug)
    if settings:
        found = chosen_kind(
            application.connector,
            connector_kinds(),
            connector_class,
            (*path, "connector"),
            problems,
        )
        if found is not None:
            _connection(application, path, problems)
            if application.removal.transfer_to and not hasattr(found, "transfer"):
                problems.add(
                    (*path, "removal", "transfer_to"),
                    f"{application.connector} cannot hand over what an account owns. Leave it out, "
                    "and do it by hand.",
                )
        check_secrets(application.secrets, (*path, "secrets"), problems)
        check_authorisation(application, path, problems)
    if application.connector == "scim" and "userName" not in application.mapping:
        # RFC 7643, section 4.1.1: every SCIM server requires it.
        problems.add(
            (*path, "mapping"),
            "userName is missing: no SCIM account can be made without it. Map it, as in "
            "userName: user.email.",
        )
    _accounts(application, schema, path, problems)
    seen: set[str] = set()
    for index, item in enumerate(application.entitlements):
        if item.key in seen:
            place = (*path, "entitlements", index)
            problems.add(place, f"{item.key} is here twice. Keep one of them.")
        seen.add(item.key)
    if application.keeps_owner and application.keeps_owner not in seen:
        problems.add(
            (*path, "keeps_owner"),
            f"{application.keeps_owner!r} is none of the entitlements of this application: name it "
            "there too, so that who has it is read.",
        )


def _connection(application: Application, path: Path, problems: Problems) -> None:
    """Settings, secrets and mapped attributes are those of this connector and its settings."""
    kind = application.connector
    settings = complete(application.catalogue, kind, application.settings)
    try:
        forms = schemas(kind, settings)
        known = known_attributes(kind, settings)
    except SettingsError as error:
        for way, message in error.problems:
            problems.add((*path, "settings", *way), message)
        return
    check_settings(settings, forms[0], (*path, "settings"), problems)
    given = {TOKEN: "", **application.secrets} if application.oauth else application.secrets
    check_secret_names(given, forms[1], (*path, "secrets"), problems)
    for name in application.mapping.keys() - known if known is not None else ():
        problems.add(
            (*path, "mapping", name),
            f"Accounts have no attribute {name!r} there.{near(name, known or ())} Known: "
            f"{', '.join(sorted(known or ()))}.",
        )


def _mapping(
    slug: str,
    application: Application,
    schema: Mapping[str, AttributeType],
    problems: Problems,
    sensitive: AbstractSet[str],
) -> None:
    for name, mapped in application.mapping.items():
        path: Path = ("applications", slug, "mapping", name)
        compiles(partial(compile_value, mapped.value, schema), path, problems)
        if name in IDENTIFYING and sensitive:
            told = sensitive & _read(mapped.value, schema)
            for attribute in sorted(told):
                problems.add(
                    path,
                    f"{name} says whose account it is, in every list and letter: it cannot be made "
                    f"of {attribute}, which is sensitive. Use another attribute.",
                )


def _read(text: str, schema: Mapping[str, AttributeType]) -> frozenset[str]:
    """The attributes that the expression reads; none where it does not compile."""
    try:
        return compile_value(text, schema).attributes
    except ExpressionError:
        return frozenset()


def _requirements(applications: Mapping[str, Application], problems: Problems) -> None:
    """What is required exists, and nothing requires itself, however far round."""
    for slug, application in applications.items():
        for index, name in enumerate(application.requires):
            path: Path = ("applications", slug, "requires", index)
            if name not in applications:
                problems.add(path, f"There is no application {name!r}.{near(name, applications)}")
            elif slug in _behind(name, applications):
                problems.add(
                    path,
                    f"{slug} and {name} require each other: neither could ever be first. "
                    "Take one of the two out.",
                )


def _behind(slug: str, applications: Mapping[str, Application]) -> set[str]:
    """The application and everything that it requires, directly or not."""
    found: set[str] = set()
    open_ends = [slug]
    while open_ends:
        name = open_ends.pop()
        if name not in found and name in applications:
            found.add(name)
            open_ends += applications[name].requires
    return found


def _group(
    slug: str, group: Group, schema: Mapping[str, AttributeType], problems: Problems
) -> None:
    if group.when is not None:
        path: Path = ("groups", slug, "when")
        compiles(partial(compile_condition, group.when, schema), path, problems)


def _group_names(slug: str, rule: Rule, groups: Mapping[str, Group], problems: Problems) -> None:
    """A group that a rule names and that does not exist would silently give nobody anything."""
    for name in _NAMED_GROUP.findall(rule.when):
        if name not in groups:
            problems.add(
                ("rules", slug, "when"),
                f"There is no group {name!r}.{near(name, groups)} Add it to groups:.",
            )


def _accounts(
    application: Application,
    schema: Mapping[str, AttributeType],
    path: Path,
    problems: Problems,
) -> None:
    """What says which accounts are whose, and which are left alone."""
    for index, pair in enumerate(application.matching):
        place = (*path, "matching", index)
        if pair.person.isidentifier() and pair.person not in {*schema, UID}:
            problems.add((*place, "person"), unknown_attribute(pair.person, schema))
            continue
        if "." in pair.person or not pair.person.isidentifier():
            compiles(partial(compile_value, pair.person, schema), (*place, "person"), problems)
        if not is_attribute(pair.account):
            compiles(partial(compile_account_value, pair.account), (*place, "account"), problems)
    for name in ("ignore", "protect"):
        for index, condition in enumerate(getattr(application, name)):
            compiles(partial(compile_account_condition, condition), (*path, name, index), problems)
    known = {*application.mapping, DRIFT_DEFAULT, ACTIVE, ENTITLEMENTS}
    for name in application.drift.keys() - known:
        problems.add(
            (*path, "drift", name),
            f"{name} is not in the mapping, so nothing of ours can differ from it."
            f"{near(name, known)} Expected a mapped attribute, {DRIFT_DEFAULT}, {ACTIVE} or "
            f"{ENTITLEMENTS}.",
        )


def _rule(
    slug: str,
    rule: Rule,
    schema: Mapping[str, AttributeType],
    applications: Mapping[str, Application] | None,
    problems: Problems,
) -> None:
    path: Path = ("rules", slug)
    compiles(partial(compile_condition, rule.when, schema), (*path, "when"), problems)
    if not rule.give:
        problems.add(
            (*path, "give"),
            "This rule gives nothing. Name an application, such as chat: [].",
        )
    for name, keys in rule.give.items() if applications is not None else ():
        application = (applications or {}).get(name)
        if application is None:
            problems.add(
                (*path, "give", name),
                f"There is no application {name!r}.{near(name, applications or ())}",
            )
            continue
        offered = {item.key for item in application.entitlements}
        for index, key in enumerate(keys):
            if key not in offered:
                problems.add(
                    (*path, "give", name, index),
                    f"{name} has no entitlement {key!r}.{near(key, offered)} Add it to "
                    f"applications.{name}.entitlements, or correct the rule.",
                )
