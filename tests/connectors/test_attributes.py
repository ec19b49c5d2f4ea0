"""Flat attributes become SCIM resources and come back the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.connectors.scim import patch
from tenure.connectors.scim.attributes import (
    CORE_USER,
    ENTERPRISE_USER,
    flatten,
    path,
    put,
    unflatten,
)
from tenure.core.model import Value

CUSTOM = "urn:example:params:scim:schemas:extension:acme:2.0:User"
TEXTS = st.text(min_size=1, max_size=20)
LISTS = st.lists(TEXTS, min_size=1, max_size=4)
ATTRIBUTES: dict[str, st.SearchStrategy[Value]] = {
    "userName": TEXTS,
    "displayName": TEXTS,
    "name.givenName": TEXTS,
    "name.familyName": TEXTS,
    "emails.work": TEXTS,
    "emails.home": TEXTS,
    "phoneNumbers.mobile": TEXTS,
    "addresses.work": TEXTS,
    "addresses.work.locality": TEXTS,
    "addresses.work.country": TEXTS,
    "addresses.home.locality": TEXTS,
    "roles": LISTS,
    "entitlements": LISTS,
    "enterprise.department": TEXTS,
    "enterprise.employeeNumber": TEXTS,
    "enterprise.manager": TEXTS,
    f"{CUSTOM}:costCentre": st.integers(-(2**53), 2**53),
    f"{CUSTOM}:contractor": st.booleans(),
    f"{CUSTOM}:desk.floor": TEXTS,
    f"{CUSTOM}:tags": LISTS,
    f"{CORE_USER}:title": TEXTS,
}
FLAT = st.fixed_dictionaries({}, optional=ATTRIBUTES)


@given(FLAT)
def test_there_and_back(attributes: dict[str, Value]) -> None:
    assert flatten(unflatten(attributes), ATTRIBUTES) == attributes


@given(FLAT, FLAT, st.sets(st.sampled_from(sorted(ATTRIBUTES))))
def test_put_changes_what_is_named_and_nothing_else(
    before: dict[str, Value], after: dict[str, Value], cleared: set[str]
) -> None:
    changes: dict[str, Value | None] = {**after, **dict.fromkeys(cleared)}
    resource = unflatten(before)
    for name, value in changes.items():
        put(resource, path(name), value)
    wanted = {name: value for name, value in {**before, **changes}.items() if value is not None}
    assert flatten(resource, ATTRIBUTES) == wanted


@given(FLAT)
def test_what_is_cleared_leaves_nothing_behind(attributes: dict[str, Value]) -> None:
    resource = unflatten(attributes)
    for name in attributes:
        put(resource, path(name), None)
    assert resource.keys() == {"schemas"}


def test_a_resource_looks_as_in_the_rfc() -> None:
    made = unflatten(
        {
            "userName": "ann",
            "name.givenName": "Ann",
            "emails.work": "a@example.com",
            "emails.home": "b@example.com",
            "roles": ["clerk"],
            "enterprise.manager": "26118915",
            "nickName": None,
        }
    )
    assert made == {
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "userName": "ann",
        "name": {"givenName": "Ann"},
        "emails": [
            {"type": "work", "value": "a@example.com", "primary": True},
            {"type": "home", "value": "b@example.com"},
        ],
        "roles": [{"value": "clerk"}],
        ENTERPRISE_USER: {"manager": {"value": "26118915"}},
    }


@pytest.mark.parametrize(
    ("resource", "flat"),
    [
        ({"emails": {"type": "Work", "value": "a"}}, {"emails.work": "a"}),
        ({"emails": [{"type": "work"}]}, {}),
        ({"emails": "a"}, {}),
        (
            {
                "emails": [
                    {"type": "work", "value": "a"},
                    {"type": "work", "value": "b", "primary": True},
                ]
            },
            {"emails.work": "b"},
        ),
        ({"title": ""}, {}),
        ({"title": None}, {}),
        ({"roles": []}, {}),
        ({"roles": ["a", {"value": "b"}, {}, None]}, {"roles": ["a", "b"]}),
        ({"name": "Ann"}, {}),
        ({ENTERPRISE_USER: {"manager": "7"}}, {"enterprise.manager": "7"}),
        ({ENTERPRISE_USER: {"manager": {"displayName": "Bo"}}}, {}),
        ({ENTERPRISE_USER: "?"}, {}),
    ],
)
def test_whatever_an_application_makes_of_it(
    resource: dict[str, Any], flat: dict[str, Value]
) -> None:
    names = ["emails.work", "title", "roles", "name.givenName", "enterprise.manager"]
    assert flatten(resource, names) == flat


@pytest.mark.parametrize(
    "name", ["", "a..b", "name.givenName.first", "a.b.c.d", ".x", f"{CUSTOM}:"]
)
def test_what_is_no_attribute_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a SCIM attribute"):
        path(name)


def test_patch_in_three_styles() -> None:
    changes: dict[str, Value | None] = {"emails.work": "n@example.com", "phoneNumbers.mobile": None}
    current = {"emails": [{"type": "home", "value": "h@example.com"}]}
    work = {"type": "work", "value": "n@example.com"}
    assert patch.operations(changes) == [
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "n@example.com"},
        {"op": "remove", "path": 'phoneNumbers[type eq "mobile"]'},
    ]
    assert patch.operations(changes, patch.Style.PRECISE, current) == [
        {"op": "add", "path": "emails", "value": [work]}
    ]
    # The first address there is the primary one.
    assert patch.operations(changes, patch.Style.PRECISE, {}) == [
        {"op": "add", "path": "emails", "value": [{**work, "primary": True}]}
    ]
    assert patch.operations(changes, patch.Style.WHOLE, current) == [
        {"op": "replace", "path": "emails", "value": [*current["emails"], work]},
        {"op": "remove", "path": "phoneNumbers"},
    ]
    assert current == {"emails": [{"type": "home", "value": "h@example.com"}]}


def test_patch_of_plain_and_extended_attributes() -> None:
    changes: dict[str, Value | None] = {
        "active": False,
        "name.givenName": None,
        "roles": ["a"],
        "entitlements": [],
        "title": "",
        "enterprise.department": "D",
        "enterprise.manager": "7",
    }
    assert patch.operations(changes) == [
        {"op": "replace", "path": "active", "value": False},
        {"op": "remove", "path": "name.givenName"},
        {"op": "replace", "path": "roles", "value": [{"value": "a"}]},
        {"op": "remove", "path": "entitlements"},
        {"op": "remove", "path": "title"},
        {"op": "replace", "path": f"{ENTERPRISE_USER}:department", "value": "D"},
        {"op": "replace", "path": f"{ENTERPRISE_USER}:manager", "value": {"value": "7"}},
    ]


@given(
    st.lists(st.uuids().map(str), unique=True, max_size=250),
    st.lists(st.uuids().map(str), unique=True, max_size=250),
)
def test_members_go_in_small_parts(add: list[str], remove: list[str]) -> None:
    added: list[str] = []
    removed: list[str] = []
    for body in patch.member_bodies([{"value": one} for one in add], remove):
        before = len(added) + len(removed)
        for operation in body["Operations"]:
            if operation["op"] == "add":
                added += [entry["value"] for entry in operation["value"]]
            else:
                assert not added
                removed.append(operation["path"].split('"')[1])
        assert 0 < len(added) + len(removed) - before <= 100
    assert (added, removed) == (add, remove)
