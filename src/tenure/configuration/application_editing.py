"""One application, changed in a form: from plain values through the document's own checks, and a
few of its parts at a time, so that two people who change different parts do not stand in each
other's way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.applying import ConfigChange
from tenure.configuration.document import Application
from tenure.configuration.editing import Overtaken
from tenure.configuration.problems import ConfigurationError, dotted
from tenure.configuration.reading import explain

SECTION = "applications"


class NotTaken(ValueError):
    """What was typed cannot be kept. `problems` is path within the application -> why."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("\n".join(f"{path}: {text}" for path, text in problems.items()))


def validated(values: Mapping[str, Any]) -> Application:
    """The application of these plain values. Raises `NotTaken`."""
    whole = dict(values)
    offered = whole.get("entitlements")
    if isinstance(offered, Mapping):
        whole["entitlements"] = [{"key": key, **item} for key, item in offered.items()]
    try:
        return Application.model_validate(whole)
    except ValidationError as error:
        found = {dotted(tuple(item["loc"])): explain(dict(item)) for item in error.errors()}
        raise NotTaken(found) from error


def change(
    slug: str,
    values: Mapping[str, Any],
    *,
    base: Mapping[str, Any],
    keys: Collection[str],
) -> list[ConfigChange]:
    """Make these parts (`keys`) of the application what `values` says. `base` is the application as
    the editor saw it: where somebody changed another part since, both changes stay. Raises
    `NotTaken`, and `Overtaken` where one of these very parts is not what it was."""
    seen = editing.version(base)
    wanted = dict(values)
    for _ in range(5):
        try:
            return editing.edit(SECTION, slug, validated(wanted), seen=seen)
        except Overtaken as overtaken:
            now = overtaken.now
            if now is None or any(now.get(key) != base.get(key) for key in keys):
                raise
            wanted = {**now, **{key: values[key] for key in keys}}
            seen = editing.version(now)
        except ConfigurationError as error:
            raise NotTaken(_within(slug, error)) from error
    raise Overtaken(SECTION, slug, editing.plain(SECTION, slug))


def _within(slug: str, error: ConfigurationError) -> dict[str, str]:
    head = f"{SECTION}.{slug}"
    found: dict[str, str] = {}
    for problem in error.problems:
        inside = problem.path == head or problem.path.startswith(f"{head}.")
        path = problem.path[len(head) + 1 :] if inside else problem.path
        found.setdefault(path, problem.message)
    return found
