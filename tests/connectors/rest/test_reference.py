"""The reference names everything that can stand in a specification."""

from __future__ import annotations

import re
from pathlib import Path

from tenure.connectors.rest.spec import Spec
from tenure.connectors.rest.spec_requests import MEANINGS
from tests.house.test_docs import fields, named

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "rest-connector.md"


def test_every_key_of_a_specification_is_in_the_reference() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert sorted({name for name in fields(Spec) if not named(name, text)}) == []
    assert [word for word in MEANINGS if f"`{word}`" not in text] == []


def test_the_reference_has_no_kind_that_is_gone() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.split("## Signing in")[1].split("## Accounts")[0]
    told = set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))
    found = re.findall(r"kind: Literal\[\"(\w+)\"\]", Path(spec_auth()).read_text(encoding="utf-8"))
    assert told - {"kind"} == set(found)


def spec_auth() -> str:
    from tenure.connectors.rest import spec_auth as module

    return module.__file__
