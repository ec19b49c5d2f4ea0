"""What is stored, as YAML that says the same when it is applied. What has its default is left out,
so that what is there is what somebody decided. Secrets are references and stay so."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from tenure.configuration.document import SECTIONS, Document


def export() -> str:
    """The whole configuration. `apply` of it changes nothing."""
    # Here, so that a document can be written without a database.
    from tenure.configuration.translation import stored

    return to_yaml(stored())


def to_yaml(document: Document) -> str:
    """A document as YAML: sections in their order, a line for each simple thing."""
    plain = as_written(document)
    return "\n".join(yaml_of({name: plain[name]}) for name in SECTIONS if name in plain)


def yaml_of(plain: dict[str, Any]) -> str:
    """Plain values as YAML, as this project writes it."""
    yaml = YAML(typ="rt")
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda data: True
    out = StringIO()
    yaml.dump(plain, out)
    return out.getvalue()


def as_written(document: Document) -> dict[str, Any]:
    """The document as a person would write it: short forms, and no defaults."""
    plain = document.model_dump(mode="json", exclude_defaults=True)
    for source in (plain.get("sources") or {}).values():
        for line in ("rehire", "suggest"):
            if line in source:
                rules = source[line]
                source[line] = [names[0] if len(names) == 1 else names for names in rules]
        if "correlation" in source:
            source["correlation"] = [
                rule["record"] if rule["record"] == rule["person"] else rule
                for rule in source["correlation"]
            ]
        for name, kinds in source.get("clean", {}).items():
            source["clean"][name] = kinds[0] if len(kinds) == 1 else kinds
        for name, table in source.get("values", {}).items():
            if set(table) == {"table"} and "table" not in table["table"]:
                source["values"][name] = table["table"]
        if (source.get("schedule") or {}).get("continuous"):
            source["schedule"] = "continuous"
    for application in (plain.get("applications") or {}).values():
        if "mapping" in application:
            application["mapping"] = {
                name: line["value"] if set(line) == {"value"} else line
                for name, line in application["mapping"].items()
            }
        if set(application.get("drift", ())) == {"default"}:
            application["drift"] = application["drift"]["default"]
        if "entitlements" in application:
            application["entitlements"] = [
                item["key"] if set(item) == {"key"} else item
                for item in application["entitlements"]
            ]
    return plain
