"""Whatever can be said is stored, exported and read back without a loss."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.configuration.applying import apply, compare, write
from tenure.configuration.document import (
    SECTIONS,
    Application,
    Attribute,
    Company,
    Document,
    Group,
    Rule,
    Source,
)
from tenure.configuration.exporting import export, to_yaml
from tenure.configuration.reading import read_text
from tenure.configuration.schema import json_schema
from tenure.configuration.translation import stored
from tenure.connectors.registry import kinds as connector_kinds
from tenure.core.expressions import AttributeType
from tenure.readers.registry import kinds as reader_kinds
from tests.configuration.samples import GOOD

# Characters that YAML and PostgreSQL can hold; everything that YAML might misread is in.
CHARACTERS = st.characters(
    codec="utf-8",
    exclude_categories=["Cs", "Cc", "Cn", "Co"],
    exclude_characters="\ufeff\u2028\u2029",
)
TRICKY = st.sampled_from(
    [
        "yes",
        "null",
        "~",
        "1_000",
        "0x1F",
        "7.250",
        "2026-11-24",
        "12:30",
        "- a",
        "a: b",
        "a #b",
        "'",
        '"',
        "{x}",
        "[x",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "=",
        "<<",
        ".inf",
        "1e3",
    ]
)
TEXTS = st.text(CHARACTERS, min_size=1, max_size=30).map(str.strip).filter(bool) | TRICKY
LINES = TEXTS | st.lists(TEXTS, min_size=2, max_size=3).map("\n".join)
SLUGS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
DURATIONS = st.none() | st.integers(0, 10_000_000).map(lambda s: timedelta(seconds=s))
PRICES = st.decimals(0, 99_999_999, places=4).map(Decimal)
SETTINGS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
        | TEXTS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
        max_leaves=3,
    ),
    max_size=3,
)
LIMITS = st.none() | st.fixed_dictionaries(
    {
        "percent": st.integers(0, 100) | st.floats(0, 100).map(lambda x: round(x, 2)),
        "floor": st.integers(0, 99),
    }
)


def _entitlements(keys: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    priced = st.fixed_dictionaries({"price": PRICES, "currency": st.just("EUR")})
    extra = st.just({}) | priced | st.fixed_dictionaries({"seats": st.integers(0, 99)})
    return st.tuples(*[extra.map(lambda more, key=key: {"key": key, **more}) for key in keys]).map(
        list
    )


DRIFT = st.sampled_from(["restore", "keep", "report"])
APPLICATIONS = st.fixed_dictionaries(
    {"name": TEXTS, "connector": st.just("memory"), "settings": SETTINGS},
    optional={
        "colour": st.sampled_from(["", "#aabbcc", "teal"]),
        "catalogue": st.just("slack"),
        "secrets": st.dictionaries(TEXTS, st.just("${env:TOKEN}"), max_size=2),
        "mapping": st.dictionaries(
            TEXTS,
            st.fixed_dictionaries({"value": LINES, "when": st.sampled_from(["always", "create"])}),
            max_size=4,
        ),
        "matching": st.lists(
            st.fixed_dictionaries(
                {"account": TEXTS, "person": TEXTS},
                optional={"case": st.sampled_from(["fold", "exact"])},
            ),
            max_size=2,
        ),
        "orphans": st.sampled_from(["report", "disable", "delete"]),
        "ignore": st.lists(LINES, max_size=2),
        "protect": st.lists(LINES, max_size=2),
        "drift": DRIFT | st.dictionaries(TEXTS | st.just("default"), DRIFT, max_size=3),
        "recreate": st.sampled_from(["never", "ask", "always"]),
        "reconcile_every": st.sampled_from(["never", "PT15M", "PT90M", "P1D", "P30D"]),
        "mode": st.sampled_from(["live", "report"]),
        "removal": st.fixed_dictionaries(
            {"delete_after": DURATIONS}, optional={"transfer_to": st.just("manager")}
        )
        | st.fixed_dictionaries({"then": st.sampled_from(["delete", "keep"])}),
        "leave": st.sampled_from(["keep", "disable", "free"]),
        "ahead": st.sampled_from(["enabled", "disabled"]),
        "requires": st.lists(SLUGS, max_size=2, unique=True),
        "lead": DURATIONS,
        "seat": st.none() | st.fixed_dictionaries({"price": PRICES, "currency": st.just("CHF")}),
        "guard": st.fixed_dictionaries({"removals": LIMITS}),
        "limits": st.fixed_dictionaries(
            {}, optional={"reads": st.floats(0.5, 900), "burst": st.integers(1, 99)}
        ),
        "entitlements": st.lists(
            TEXTS.filter(lambda t: "\n" not in t).map(lambda t: f"group:{t}"),
            unique=True,
            max_size=3,
        ).flatmap(_entitlements),
    },
)
SOURCES = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "reader": st.just("csv"),
        "settings": SETTINGS,
        "mapping": st.dictionaries(TEXTS, LINES, max_size=4),
    },
    optional={
        "dates": st.lists(TEXTS, max_size=2),
        "statuses": st.dictionaries(
            TEXTS, st.sampled_from(["active", "on_leave", "left"]), max_size=3
        ),
        "absence": st.sampled_from(["ignore", "leave"]),
        "guard": st.fixed_dictionaries({"leavers": LIMITS}),
        "rehire": st.lists(
            st.sampled_from(["email", ["email"], ["given_name", "x_1"]]), max_size=2
        ),
        "suggest": st.lists(st.sampled_from(["email", ["given_name", "x_1"]]), max_size=2),
        "correlation": st.lists(
            st.sampled_from(["email", {"record": "x_1", "person": "email"}]), max_size=2
        ),
    },
)
RULES = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "when": LINES,
        "give": st.dictionaries(
            SLUGS,
            st.lists(st.sampled_from(["group:a", "role:b c"]), max_size=2, unique=True),
            max_size=2,
        ),
    },
    optional={
        "description": st.just("") | LINES,
        "enabled": st.booleans(),
        "grace": DURATIONS,
    },
)
GROUPS = st.fixed_dictionaries(
    {"name": TEXTS, "people": st.lists(st.sampled_from(["7", "0012", "B-1"]), min_size=1)},
    optional={"when": st.none() | LINES},
)
DOCUMENTS = st.builds(
    Document,
    company=st.none()
    | st.builds(
        Company,
        name=TEXTS,
        domain=st.sampled_from(["", "acme.example"]),
        time_zone=st.sampled_from(["UTC", "Asia/Taipei"]),
        email_formats=st.lists(TEXTS, max_size=2),
        plans=st.sampled_from(["review", "automatic"]),
        leaver_grace=DURATIONS,
        user_name_formats=st.lists(TEXTS, max_size=2),
        on_rename=st.sampled_from(["keep", "change"]),
        name_retention=DURATIONS,
        warn_without_end=st.lists(TEXTS, max_size=2),
        task_reminders=st.sampled_from(["daily", "never"]),
        tasks_to=st.sampled_from(["", "it@acme.example"]),
    ),
    attributes=st.none()
    | st.dictionaries(
        st.from_regex(r"x_[a-z0-9_]{1,8}", fullmatch=True),
        st.builds(
            Attribute, label=TEXTS, type=st.sampled_from(AttributeType), sensitive=st.booleans()
        ),
        max_size=3,
    ),
    sources=st.none() | st.dictionaries(SLUGS, SOURCES.map(Source.model_validate), max_size=2),
    applications=st.none()
    | st.dictionaries(SLUGS, APPLICATIONS.map(Application.model_validate), max_size=2),
    groups=st.none() | st.dictionaries(SLUGS, GROUPS.map(Group.model_validate), max_size=2),
    rules=st.none() | st.dictionaries(SLUGS, RULES.map(Rule.model_validate), max_size=3),
)


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_yaml_loses_nothing(document: Document) -> None:
    again = read_text(to_yaml(document)).document
    assert again.model_dump(mode="json") == document.model_dump(mode="json")
    assert compare(document, again) == []


@pytest.mark.django_db
@given(DOCUMENTS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_the_database_loses_nothing(document: Document) -> None:
    """Checking is left out, so that expressions and settings can be any text at all."""
    whole = _store(document)
    assert compare(whole, document) == []
    again = read_text(to_yaml(whole)).document
    assert again.model_dump(mode="json") == whole.model_dump(mode="json")


def _store(document: Document) -> Document:
    """What is stored after the document was written, unchecked, to what was there."""
    with transaction.atomic():
        write(document, stored())
        after = stored()
        transaction.set_rollback(True)
    return after


def test_the_schema_knows_every_name_and_refuses_others() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(SECTIONS)
    parts = schema["$defs"]
    for model in (Company, Attribute, Source, Application, Rule):
        part = parts[model.__name__]
        assert part["additionalProperties"] is False
        assert set(part["properties"]) == set(model.model_fields)
    assert parts["Application"]["properties"]["connector"]["enum"] == list(connector_kinds())
    assert parts["Source"]["properties"]["reader"]["enum"] == reader_kinds()
    # Short forms are in it, or editors would mark them.
    entitlement = parts["Application"]["properties"]["entitlements"]["items"]["anyOf"]
    assert {"type": "string"} in entitlement


@pytest.mark.django_db
def test_the_order_of_a_mapping_is_kept() -> None:
    text = GOOD.replace("      userName: user.email\n", "")
    text = text.replace("    matching:", "      userName: user.email\n    matching:")
    apply(read_text(text).document)
    written = export()
    assert written.index("title:") < written.index("userName:")
