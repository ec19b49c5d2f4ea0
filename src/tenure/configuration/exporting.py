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
    yaml = YAML(typ="rt")
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda data: True
    plain = as_written(document)
    parts = []
    for section in SECTIONS:
        if section in plain:
            out = StringIO()
            yaml.dump({section: plain[section]}, out)
            parts.append(out.getvalue())
    return "\n".join(parts)


def as_written(document: Document) -> dict[str, Any]:
    """The document as a person would write it: short forms, and no defaults."""
    plain = document.model_dump(mode="json", exclude_defaults=True)
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
