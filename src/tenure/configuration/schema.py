"""JSON Schema of the document, for editors: names, types, descriptions and defaults.

With the YAML language server, a first line `# yaml-language-server: $schema=tenure.schema.json`
gives completion and marks mistakes while typing.
"""

from __future__ import annotations

from typing import Any

from tenure.configuration.document import Document
from tenure.connectors.registry import kinds as connector_kinds
from tenure.readers.registry import kinds as reader_kinds


def json_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12. Kinds of connectors and readers are those of this version."""
    schema = Document.model_json_schema(by_alias=True, mode="validation")
    parts = schema["$defs"]
    parts["Application"]["properties"]["connector"]["enum"] = sorted(connector_kinds())
    parts["Source"]["properties"]["reader"]["enum"] = sorted(reader_kinds())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tenure configuration",
        **{key: value for key, value in schema.items() if key != "title"},
    }
