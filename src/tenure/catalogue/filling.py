"""An entry and an administrator's answers: what the connector is told. All that is wrong with the
answers is said at once, by the name of the setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.catalogue.entry import Entry, filled, wrong_value
from tenure.catalogue.loading import UnknownEntry
from tenure.catalogue.loading import entry as entry_named
from tenure.catalogue.loading import source as source_named
from tenure.catalogue.parts import Common, Setting, read_back, texts_in
from tenure.catalogue.source_entry import SourceEntry


class WrongAnswers(ValueError):
    """Answers that are missing or wrong: setting or secret -> what is to be done about it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name}: {text}" for name, text in problems.items()))
        self.problems = dict(problems)


def settings(entry: Entry, answers: Mapping[str, str]) -> dict[str, Any]:
    """The connector's settings. Raises `WrongAnswers`."""
    told: dict[str, Any] = filled(entry.connector.settings, answered(entry, answers))
    if entry.connector.dialect:
        told["dialect"] = entry.connector.dialect
    return told


def complete(catalogue: str, kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings with the specification of the entry that the application was made from, or with its
    instructions for people, where they bring none of their own: so that what is mended in the
    catalogue is mended everywhere."""
    own = {"rest": {"spec", "spec_file"}, "manual": {"instructions"}}.get(kind)
    if own is None or not catalogue or settings.keys() & own:
        return settings
    try:
        found = entry_named(catalogue)
    except UnknownEntry:
        return settings
    if kind == "manual":
        return {"instructions": _steps(found), **settings}
    spec = found.connector.spec
    return {"spec": spec, **settings} if spec else settings


def complete_source(catalogue: str, kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same of a source of people."""
    if kind != "rest" or not catalogue or settings.keys() & {"spec", "spec_file"}:
        return settings
    try:
        found = source_named(catalogue)
    except UnknownEntry:
        return settings
    return {"spec": specification(found), **settings} if found.reader.spec else settings


def specification(entry: SourceEntry) -> dict[str, Any]:
    """The specification of a source: what is written, with the entry's name, settings, secrets."""
    asked = {"title", "hint", "example", "pattern", "default", "choices"}
    secrets = {
        one.name: one.model_dump(include={"title", "hint", "optional"})
        for one in entry.secrets
        if one.name not in entry.oauth_places
    }
    if entry.reader.oauth:
        secrets["token"] = {"title": "Token", "hint": "It comes by authorising."}
    return {
        "name": entry.name,
        "about": entry.interface,
        "settings": {
            one.name: {k: v for k, v in one.model_dump(include=asked, mode="json").items() if v}
            for one in _read_with(entry)
        },
        "secrets": secrets,
        **entry.reader.spec,
    }


def source_settings(entry: SourceEntry, answers: Mapping[str, str]) -> dict[str, Any]:
    """The reader's settings. Raises `WrongAnswers`."""
    values = answered(entry, answers)
    if entry.reader.settings:
        told: dict[str, Any] = filled(entry.reader.settings, values)
        return told
    return {one.name: values[one.name] for one in _read_with(entry)}


def told(
    entry: SourceEntry, settings: Mapping[str, Any], oauth: Mapping[str, Any]
) -> dict[str, str]:
    """The answers, and the references of secrets, by which a source was made: what its settings say
    of them, or how it is authorised."""
    names = {one.name for one in entry.settings} | {one.name for one in entry.secrets}
    found = {name: str(value) for name, value in settings.items() if name in names}
    for templates, values in ((entry.reader.settings, settings), (entry.reader.oauth, oauth)):
        for key, template in templates.items():
            value = values.get(key)
            if isinstance(template, str) and isinstance(value, str):
                found = {**read_back(template, value), **found}
    return found


def _read_with(entry: SourceEntry) -> list[Setting]:
    """The settings that the reader is told, not only where it is authorised."""
    texts = " ".join(texts_in(entry.reader.spec))
    return [
        one
        for one in entry.settings
        if one.name not in entry.oauth_places or f"settings.{one.name}" in texts
    ]


def _steps(entry: Entry) -> str:
    """What the entry says of provisioning, as one text."""
    return " ".join(step.text.replace("**", "") for step in entry.instructions.provisioning)[:4000]


def oauth(
    entry: Entry | SourceEntry, answers: Mapping[str, str], references: Mapping[str, str]
) -> dict[str, Any] | None:
    """How it is authorised by OAuth; None where not by OAuth. Raises `WrongAnswers`."""
    said = entry.reader.oauth if isinstance(entry, SourceEntry) else entry.connector.oauth
    if not said:
        return None
    told: dict[str, Any] = filled(said, {**answered(entry, answers), **references})
    return told


def answered(entry: Common, answers: Mapping[str, str]) -> dict[str, str]:
    """A value for every setting. Raises `WrongAnswers`.

    A value with a reference (`${env:NAME}`) is known only at use, so its form is not checked.
    """
    known = {setting.name: setting for setting in entry.settings}
    problems = {
        name: f"{entry.name} has no such setting. There is {', '.join(known) or 'none'}."
        for name in answers
        if name not in known
    }
    values = {}
    for name, setting in known.items():
        value = answers.get(name, "").strip() or setting.default
        values[name] = value
        if not value:
            problems[name] = f"{setting.title} is missing, such as {setting.example}."
        elif "${" not in value and (wrong := wrong_value(setting, value)):
            problems[name] = f"{value!r} {wrong}"
    if problems:
        raise WrongAnswers(problems)
    return values


def examples(entry: Common) -> dict[str, str]:
    """Answers that are right in form, for documentation and tests."""
    return {setting.name: setting.example for setting in entry.settings}


def secret_references(entry: Common, slug: str) -> dict[str, str]:
    """Where secrets are looked for unless somebody says otherwise: `${env:SLACK_TOKEN}`."""
    stem = slug.upper().replace("-", "_")
    stem = stem if not stem[:1].isdigit() else f"APP_{stem}"
    return {secret.name: f"${{env:{stem}_{secret.name.upper()}}}" for secret in entry.secrets}
