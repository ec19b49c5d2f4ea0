"""An application from the catalogue, as a block of the document. It is in report mode, so that the
first thing that happens is a look, not a change. Needs no database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tenure.catalogue import filling
from tenure.catalogue.entry import Entry
from tenure.catalogue.loading import UnknownEntry
from tenure.catalogue.loading import entry as entry_named
from tenure.catalogue.parts import Common
from tenure.configuration.checking import check
from tenure.configuration.document import Application, Attribute, Document
from tenure.configuration.exporting import as_written
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.references import EXPECTED, is_reference
from tenure.connectors.registry import connector_class

_LONGEST_NAME = 200
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


#: What a person is told of an account that they make by hand.
_TOLD = {"userName": "user.email", "displayName": "user.display_name"}


def prepare(
    entry: Entry,
    *,
    slug: str = "",
    name: str = "",
    answers: Mapping[str, str],
    secrets: Mapping[str, str] | None = None,
) -> tuple[str, Application]:
    """The application and its slug. Raises `WrongAnswers`. `secrets` are references; one that is
    not given is looked for in an environment variable named after the application. One that Tenure
    cannot speak to is managed by tasks for people."""
    slug = slug or entry.slug
    problems = named(slug, name)
    references = referenced(entry, slug, secrets or {}, problems)
    connector = connector_class(entry.connector.kind)
    more, answers = besides(entry, connector.Settings, answers, problems)
    try:
        settings = {**filling.settings(entry, answers), **more}
    except filling.WrongAnswers as error:
        problems |= error.problems
    if problems:
        raise filling.WrongAnswers(problems)
    return slug, Application.model_validate(
        {
            "name": name.strip() or entry.name,
            "connector": entry.connector.kind,
            "catalogue": entry.slug,
            "colour": entry.colour,
            "settings": settings,
            "secrets": {k: v for k, v in references.items() if k not in entry.oauth_places},
            "oauth": filling.oauth(entry, answers, references),
            "mapping": {k: v.model_dump() for k, v in entry.mapping.items()}
            if entry.automatic
            else dict(_TOLD),
            "matching": [item.model_dump() for item in entry.matching],
            "mode": "report",
            "removal": {"then": entry.off.then},
            "limits": entry.pace.model_dump(exclude_none=True),
        }
    )


def block(slug: str, application: Application) -> str:
    """The application as it stands in `tenure.yaml`, with the attributes that people need for it.
    Raises `ConfigurationError`."""
    document = Document(
        attributes=needed_attributes(application) or None, applications={slug: application}
    )
    problems = check(document).problems
    if problems:
        raise ConfigurationError(problems)
    written = as_written(document)
    plain: dict[str, Any] = written["applications"][slug]
    # Said although it is the default: it is the line that is changed when all looks well.
    plain["mode"] = "report"
    told = {"attributes": written["attributes"]} if document.attributes else {}
    return as_yaml({**told, "applications": {slug: plain}})


def needed_attributes(application: Application) -> dict[str, Attribute]:
    """What its entry says that people must have beside the standard attributes."""
    try:
        needed = entry_named(application.catalogue).attributes if application.catalogue else {}
    except UnknownEntry:
        return {}
    return {name: Attribute(label=label) for name, label in needed.items()}


def named(slug: str, name: str) -> dict[str, str]:
    """What is wrong with a slug and a name."""
    problems = {}
    if not _SLUG.fullmatch(slug):
        problems["slug"] = f"{slug!r} is none: lower-case letters, digits, - and _, such as chat-2."
    if len(name.strip()) > _LONGEST_NAME:
        problems["name"] = f"A name has at most {_LONGEST_NAME} characters."
    return problems


def besides(
    entry: Common, schema: type[BaseModel], answers: Mapping[str, str], problems: dict[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings that an entry does not ask for and its reader or connector has, such as `ca_file`;
    and the other answers. What is no text is written as in the document."""
    forms = schema.model_json_schema().get("properties", {})
    asked = {one.name for one in entry.settings}
    more: dict[str, Any] = {}
    for name in sorted(answers.keys() & forms.keys() - asked):
        try:
            plain = forms[name].get("type") == "string"
            more[name] = answers[name] if plain else YAML(typ="safe").load(answers[name])
        except YAMLError as error:
            problems[name] = f"{answers[name]!r} is no value: {str(error).splitlines()[0]}."
    return more, {name: answers[name] for name in answers if name not in forms or name in asked}


def referenced(
    entry: Common, slug: str, secrets: Mapping[str, str], problems: dict[str, str]
) -> dict[str, str]:
    """Where each secret is: as it is said, or where it is looked for otherwise."""
    references = filling.secret_references(entry, slug)
    for key, text in secrets.items():
        if key not in references:
            known = ", ".join(references) or "none"
            problems[key] = f"{entry.name} has no such secret. There is {known}."
        elif not text.strip():
            continue
        elif not is_reference(text.strip()):
            # The text is not shown: it may be the secret itself.
            problems[key] = f"A secret is never written here. Give a reference: {EXPECTED}."
        else:
            references[key] = text.strip()
    return references


def as_yaml(document: Mapping[str, Any]) -> str:
    """A part of `tenure.yaml`."""
    yaml = YAML(typ="rt")
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(dict(document), out)
    return out.getvalue().rstrip() + "\n"
