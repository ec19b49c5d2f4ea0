"""Forms from JSON Schema: the settings and secrets of a reader or connector as fields; and what was
typed, back as settings. Knows none of them by name.

A text, a number, a choice, yes or no, and lists of texts (one a line) have fields of their own;
anything deeper is written as YAML, and checked by the same model in the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from io import StringIO
from textwrap import dedent
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tenure.configuration.exporting import yaml_of
from tenure.configuration.references import has_reference

#: Secrets in PEM or OpenPGP's armour.
_KEYS = frozenset({"certificate", "private_key", "pgp_key"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `kind`: text, number, choice, switch, lines, yaml, date, secret, or key: a secret
    of several lines."""

    name: str
    label: str
    hint: str
    value: str
    kind: str = "text"
    example: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    error: str = ""


def fields(
    schema: type[BaseModel],
    values: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
    *,
    prefix: str = "set-",
    skip: frozenset[str] = frozenset(),
) -> list[Field]:
    """A field for each setting, with what it is at present."""
    whole = schema.model_json_schema()
    parts = whole.get("$defs", {})
    required = set(whole.get("required", ()))
    found = []
    for name, plain in whole.get("properties", {}).items():
        if name in skip:
            continue
        part = _resolved(plain, parts)
        kind = _kind(part)
        value = values.get(name, part.get("default"))
        examples = part.get("examples") or [""]
        found.append(
            Field(
                name=f"{prefix}{name}",
                label=str(part.get("title") or name.replace("_", " ").capitalize()),
                hint=str(part.get("description", "")),
                value=_shown(value, kind),
                kind=kind,
                example=str(examples[0]),
                choices=tuple(str(item) for item in part.get("enum", ())),
                required=name in required,
                error=(errors or {}).get(name, ""),
            )
        )
    return found


def secret_fields(
    schema: type[BaseModel],
    references: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> list[Field]:
    """A field for each secret. What is kept is never shown, only where it is."""
    whole = schema.model_json_schema()
    required = set(whole.get("required", ()))
    return [
        Field(
            name=f"secret-{name}",
            label=str(part.get("title") or name.replace("_", " ").capitalize()),
            hint=str(part.get("description", "")),
            value=str(references.get(name, "")),
            kind=secret_kind(name),
            required=name in required,
            error=(errors or {}).get(name, ""),
        )
        for name, part in whole.get("properties", {}).items()
    ]


def with_error(one: Field, error: str) -> Field:
    """The same field, with what is wrong with it."""
    return replace(one, error=error)


def secret_kind(name: str) -> str:
    """Whether a secret has lines of its own, as keys do."""
    return "key" if name in _KEYS else "secret"


def secret_text(text: str) -> str:
    """A secret as it was typed. A key that was copied out of a JSON file has its line breaks as
    that file writes them; of a service account's whole key file it is the key in it."""
    plain = text.replace("\r\n", "\n").strip()
    if plain.startswith("{") and '"private_key"' in plain:
        with suppress(ValueError):
            found = json.loads(plain)
            plain = str(found["private_key"]).strip() if "private_key" in found else plain
    return plain.replace("\\n", "\n") if plain.startswith("-----BEGIN") else plain


def settings(
    schema: type[BaseModel],
    given: Mapping[str, str],
    *,
    prefix: str = "set-",
    was: Mapping[str, Any] | None = None,
    skip: frozenset[str] = frozenset(),
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed as settings, without what has its default; and what is wrong, by name. What
    is typed as it was shown of `was`, and what is in no field (`skip`), stays as it is there."""
    whole = schema.model_json_schema()
    parts = whole.get("$defs", {})
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    before = was or {}
    for name, plain in whole.get("properties", {}).items():
        part = _resolved(plain, parts)
        text = str(given.get(f"{prefix}{name}", "")).replace("\r\n", "\n").strip()
        kind = _kind(part)
        if name in skip or (name in before and text == _shown(before[name], kind).strip()):
            found |= {name: before[name]} if name in before else {}
            continue
        try:
            value = _typed(text, kind, part)
        except MarkedYAMLError as error:
            errors[name] = _unreadable(error)
            continue
        except (ValueError, YAMLError) as error:
            errors[name] = str(error).splitlines()[0]
            continue
        if value is not None and value != part.get("default"):
            found[name] = value
    errors |= {k: v for k, v in problems(schema, found).items() if k not in errors}
    return found, errors


def problems(schema: type[BaseModel], values: Mapping[str, Any]) -> dict[str, str]:
    """Name -> what is wrong with it. What a reference stands for is known only at use."""
    later = {name for name, value in values.items() if has_reference(value)}
    try:
        schema.model_validate(dict(values))
    except ValidationError as error:
        return {
            name: _told(one["type"], one["msg"])
            for one in error.errors(include_url=False, include_context=False)
            if (name := str(one["loc"][0]) if one["loc"] else "as_a_whole") not in later
        }
    return {}


def _unreadable(error: MarkedYAMLError) -> str:
    """What is wrong with a YAML text, and where in the field."""
    mark = error.problem_mark or error.context_mark
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"This is no YAML: {error.problem or error.context or 'it cannot be read'}{where}."


def _told(kind: str, message: str) -> str:
    if kind == "missing":
        return "This is needed."
    text = message.removeprefix("Value error, ")
    return f"{text[:1].upper()}{text[1:]}."


def _resolved(part: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Without references, and of `x or nothing` the x."""
    found = dict(part)
    if "$ref" in found:
        found = {**parts.get(str(found.pop("$ref")).rpartition("/")[2], {}), **found}
    if "allOf" in found and len(found["allOf"]) == 1:
        found = {**_resolved(found.pop("allOf")[0], parts), **found}
    some = [item for item in found.get("anyOf", ()) if item.get("type") != "null"]
    if len(some) == 1:
        found.pop("anyOf")
        found = {**_resolved(some[0], parts), **found}
    if "const" in found:
        found["enum"] = [found["const"]]
    return found


def _kind(part: Mapping[str, Any]) -> str:
    if part.get("enum"):
        return "choice"
    match part.get("type"):
        case "boolean":
            return "switch"
        case "integer" | "number":
            return "number"
        case "string":
            return "text"
        case "array" if _of_texts(part):
            return "lines"
    return "yaml"


def _of_texts(part: Mapping[str, Any]) -> bool:
    items = part.get("items", {})
    return isinstance(items, Mapping) and items.get("type") == "string"


def _shown(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "switch":
        return "yes" if value is True else str(value) if isinstance(value, str) else ""
    if kind == "lines":
        return "\n".join(str(item) for item in value) if isinstance(value, list) else str(value)
    if kind == "yaml":
        if value in ({}, []):
            return ""
        if isinstance(value, str):
            return value
        # Without the indentation: what is typed loses it in its first line only.
        return dedent(yaml_of({"": value})[3:].strip("\n"))
    return str(value)


def _typed(text: str, kind: str, part: Mapping[str, Any]) -> Any:
    if kind == "switch":
        return text == "yes"
    if not text:
        return None
    if has_reference(text):
        return text
    if kind == "number":
        whole = part.get("type") == "integer"
        try:
            return int(text) if whole else float(text)
        except ValueError:
            raise ValueError(f"{text!r} is no {'whole number' if whole else 'number'}.") from None
    if kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind == "yaml":
        return _plain(YAML(typ="safe", pure=True).load(StringIO(text)))
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
