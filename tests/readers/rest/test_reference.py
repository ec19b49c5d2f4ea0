"""The reference names everything that can stand in a specification, and its examples are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tenure.readers.registry import schemas
from tenure.readers.rest.spec import PeopleSpec
from tests.house.test_docs import examples, fields, named

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = DOCS / "reference" / "rest-sources.md"
CONNECTOR = DOCS / "reference" / "rest-connector.md"
HOW_TO = DOCS / "how-to" / "people-from-an-hr-system.md"


def test_every_key_of_a_specification_is_in_the_reference() -> None:
    text = REFERENCE.read_text(encoding="utf-8") + CONNECTOR.read_text(encoding="utf-8")
    # `is` is what `kind` of a column is written as.
    assert sorted({name for name in fields(PeopleSpec) if not named(name, text)}) == []


@pytest.mark.parametrize("page", [REFERENCE, HOW_TO])
def test_the_specifications_that_are_shown_are_right(page: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    shown = [yaml.load(text) for text in examples(page.read_text(encoding="utf-8"))]
    specifications = [one for one in shown if "people" in one]
    assert specifications
    for spec in specifications:
        schemas("rest", {"spec": spec})
