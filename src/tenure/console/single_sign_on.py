"""What the pages of an application's single sign-on show and take: the settings that a form can
change, as text, and back. What is not in the form stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document import Application
from tenure.configuration.document_sso import SingleSignOn
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain
from tenure.console.single_sign_on_lines import CLIENT, POLICY, Setting

__all__ = ["CLIENT", "POLICY", "Setting", "form_of", "save", "turn_off", "wanted"]
#: What is nothing without this part of it.
_NEEDS: Final = {"global_token_revocation": "address"}
_Path = tuple[Any, ...]


def form_of(
    lines: Sequence[Setting],
    stored: Mapping[str, Any] | None,
    given: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> list[Setting]:
    """These lines of a form: as they are stored, or as they were typed."""
    return [
        replace(
            item,
            value=(given or {}).get(item.name, _text(item, stored or {})),
            error=(problems or {}).get(item.name, ""),
        )
        for item in lines
    ]


def save(
    slug: str, lines: Sequence[Setting], given: Mapping[str, str], *, seen: str
) -> dict[str, str]:
    """Store what these lines of the form say. Returns what is wrong, by line of the form ("":
    elsewhere); empty where it is done. Raises `editing.Overtaken`, `LookupError`."""
    try:
        editing.edit("applications", slug, _whole(slug, lines, given), seen=seen)
    except ValidationError as error:
        return _problems(lines, error)
    except ConfigurationError as error:
        return {
            _line(lines, problem.path.replace("[", ".").replace("]", "").split(".")): (
                problem.message
            )
            for problem in error.problems
        }
    return {}


def wanted(
    slug: str, lines: Sequence[Setting], given: Mapping[str, str]
) -> tuple[SingleSignOn | None, dict[str, str]]:
    """How people would sign in by what the form says, which is not stored; and what is wrong."""
    try:
        return _whole(slug, lines, given).single_sign_on, {}
    except ValidationError as error:
        return None, _problems(lines, error)


def turn_off(slug: str, *, seen: str) -> None:
    """Nobody signs in to it from here any more. Raises `editing.Overtaken`, `LookupError`."""
    whole = {**_plain(slug), "single_sign_on": None}
    editing.edit("applications", slug, Application.model_validate(whole), seen=seen)


def _whole(slug: str, lines: Sequence[Setting], given: Mapping[str, str]) -> Application:
    plain = _plain(slug)
    return Application.model_validate(
        {**plain, "single_sign_on": _merged(lines, plain.get("single_sign_on") or {}, given)}
    )


def _plain(slug: str) -> dict[str, Any]:
    plain = editing.plain("applications", slug)
    if plain is None:
        raise LookupError(f"There is no application {slug!r}.")
    entitlements = [{"key": key, **item} for key, item in plain["entitlements"].items()]
    return {**plain, "entitlements": entitlements}


def _merged(
    lines: Sequence[Setting], stored: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, Any]:
    """What is stored, with what the form says in its place; empty is the default."""
    sso: dict[str, Any] = {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in stored.items()
    }
    for item in lines:
        *outer, name = item.path
        inside = sso
        for part in outer:
            there = inside.get(part)
            inside[part] = inside = dict(there) if isinstance(there, Mapping) else {}
        inside.pop(name, None)
        value = item.read(given.get(item.name, ""))
        if value not in ("", [], {}):
            inside[name] = value
    for name in {item.path[0] for item in lines if len(item.path) > 1} - {"oidc"}:
        part = sso[name]
        if not part or (name in _NEEDS and _NEEDS[name] not in part):
            del sso[name]
    return sso


def _text(item: Setting, sso: Mapping[str, Any]) -> str:
    value: Any = sso
    for part in item.path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return item.write(value)


def _problems(lines: Sequence[Setting], error: ValidationError) -> dict[str, str]:
    return {
        _line(lines, item["loc"]): explain(dict(item)) for item in error.errors(include_url=False)
    }


def _line(lines: Sequence[Setting], path: Iterable[Any]) -> str:
    """Which line of the form a problem at this path belongs to."""
    parts = [str(part) for part in path]
    inside = parts[parts.index("single_sign_on") + 1 :] if "single_sign_on" in parts else parts
    exact = (item.name for item in lines if inside[: len(item.path)] == list(item.path))
    first = (item.name for item in lines if inside and list(item.path[: len(inside)]) == inside)
    return next(exact, next(first, "") if inside else "")
