"""A specification that cannot be right is refused, and each mistake is named by its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tenure.connectors.base import ConnectorConfig, SettingsError
from tenure.connectors.registry import known_attributes, open_connector, schemas
from tenure.connectors.rest.compiling import SpecError
from tenure.connectors.rest.reading import program_of, read_program
from tenure.connectors.rest.skeleton import skeleton
from tests.connectors.rest.scripted import SPEC, spec

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "connectors").glob("*.yaml"))


def problems(written: dict[str, Any]) -> list[str]:
    try:
        program_of(written)
    except SpecError as error:
        return [str(one) for one in error.problems]
    return []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "name: "),
        ({"nmae": 1}, "nmae: There is no such name here"),
        ({"base_url": "{settings.ulr}"}, "base_url: There is no settings.ulr: did you mean url"),
        ({"auth": {"kind": "bearr"}}, "auth: There is no such kind"),
        ({"auth": {}}, "auth: `kind` is missing"),
        ({"auth": {"kind": "basic"}}, "auth.user: This is missing"),
        ({"auth": {"kind": "bearer"}}, "auth.token: There is no secrets.token"),
        ({"auth": {"kind": "header", "headers": {"A": "{x}"}}}, "auth.headers.A: There is no name"),
        ({"settings": {"spec": {"title": "x"}}}, "Settings cannot be called spec"),
        ({"settings": {"copy": {"title": "x"}}}, "Settings cannot be called copy"),
        ({"settings": {"url": {"title": "x", "pattern": "("}}}, "settings.url.pattern: "),
        ({"account": {"id": "a..b"}}, "account.id: 'a..b' is no place"),
        ({"account": {"attributes": {}}}, "account.attributes: "),
        ({"account": {"attributes": {"a": {}}}}, "account.attributes.a: Give `path`"),
        ({"account": {"attributes": {"a": "."}}}, "account.attributes.a: The thing itself"),
        ({"account": {"attributes": {"a": "=itm.x"}}}, "account.attributes.a.read: There is no"),
        ({"account": {"active": {"path": "x", "open": 1, "closed": 2}}}, "account.active: Give"),
        ({"requests": {"list": {"request": "GTE /x"}}}, "requests.list.request: 'GTE /x' is no"),
        ({"requests": {"get": {"request": "GET users"}}}, "requests.get.request: The path"),
        ({"requests": {"get": {"request": "GET /{name}"}}}, "requests.get.request: There is no"),
        ({"requests": {"get": []}}, "requests.get: "),
        ({"requests": {"get": {"request": "GET /x", "body": {}}}}, "requests.get: A GET has no"),
        (
            {"requests": {"delete": [{"request": "GET /x"}, {"request": "DELETE /{idd}"}]}},
            "requests.delete[1].request: There is no name or function 'idd': did you mean id",
        ),
        (
            {"requests": {"update": {"request": "PUT /x", "body": {"a": {"b": "=wole"}}}}},
            "requests.update.body.a.b: There is no name",
        ),
        (
            {"requests": {"update": {"request": "PUT /x", "form": {"a": "1"}, "body": {}}}},
            "requests.update: A request has one of body, form, multipart and xml",
        ),
        ({"requests": {"find": {"mail": {"request": "GET /x"}}}}, "requests.find.mail: Accounts"),
        ({"requests": {"create": {"request": "RPC x"}}}, "requests.create.request: RPC needs"),
        (
            {"requests": {"create": {"request": "POST /x", "paging": {"by": "link"}}}},
            "requests.create.paging: Only what lists",
        ),
        (
            {"requests": {"list": {"request": "GET /x", "paging": {"by": "cursor"}}}},
            "requests.list.paging: Paging by cursor needs `next`",
        ),
        (
            {"requests": {"list": {"request": "GET /x", "paging": {"by": "link", "next": "n"}}}},
            "requests.list.paging: Paging by link has no `next`",
        ),
        ({"errors": {"rules": [{"means": "stop"}]}}, "errors.rules[0]: This fits every answer"),
        ({"errors": {"rules": [{"status": 99, "means": "stop"}]}}, "errors.rules[0].status"),
        ({"errors": {"rules": [{"matches": "(", "means": "stop"}]}}, "errors.rules[0].matches: "),
        (
            {"errors": {"rules": [{"when": "=bdy.x", "means": "stop"}]}},
            "errors.rules[0].when: There is no name or function 'bdy.x': did you mean body",
        ),
        ({"entitlements": {"group": {}}}, "entitlements.group: Give `list`"),
        (
            {"entitlements": {"group": {"values": {"a": "A"}, "field": "x"}}},
            "entitlements.group: `field` and `change` belong together",
        ),
        (
            {
                "entitlements": {
                    "group": {
                        "values": {"a": "A"},
                        "add": {"request": "PUT /{members}"},
                    }
                }
            },
            "entitlements.group.add.request: There is no name or function 'members': did you mean",
        ),
        ({"cannot": {"fly": "x"}}, "cannot.fly: There is no verb 'fly'"),
    ],
)
def test_mistakes(changes: dict[str, Any], told: str) -> None:
    found = problems(spec(**changes))
    assert any(line.startswith(told) or told in line for line in found), found


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert problems(SPEC) == []


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_are_right_and_name_their_sources(file: Path) -> None:
    program = read_program(file)
    assert program.spec.sources
    assert all(one.startswith("https://") for one in program.spec.sources)
    assert program.spec.about
    assert all(one.title for one in program.spec.settings.values())


@pytest.mark.parametrize("auth", ["bearer", "header", "basic", "session", "client_credentials"])
@pytest.mark.parametrize("paging", ["number", "offset", "cursor", "link", "url", "none"])
def test_every_beginning_is_right(auth: Any, paging: Any, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(skeleton("New", auth=auth, paging=paging), encoding="utf-8")
    program = read_program(file)
    assert program.spec.auth.kind == auth
    (listing,) = program.verb("list")
    assert (listing.pages.spec.by if listing.pages else "none") == paging


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [", r":1:8: This is not YAML"),
        ("- a", "Expected name:, base_url:"),
        ("name: a\nname: b", r":2:1: 'name' is here twice"),
        ("name: a\nbase_url: x\nrequests:\n  lst: {}\n", r":4:3: requests\.lst: There is no such"),
    ],
)
def test_a_file_says_where(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=rf"bad\.yaml{told}|bad\.yaml: {told}"):
        read_program(file)
    with pytest.raises(SpecError, match=r"none\.yaml: The file cannot be read"):
        read_program(tmp_path / "none.yaml")


FORM = spec(
    settings={
        "url": {"title": "Address", "kind": "url", "example": "https://x.example"},
        "region": {"title": "Region", "choices": ["eu", "us"], "default": "eu"},
        "code": {"title": "Code", "pattern": "[A-Z]{3}", "example": "ABC", "optional": True},
        "many": {"title": "Many", "kind": "number", "default": 5},
        "loud": {"title": "Loud", "kind": "yes_no", "default": False},
    },
    secrets={
        "key": {"title": "Key", "hint": "From there."},
        "other": {"title": "O", "optional": True},
    },
)


def test_forms_are_made_from_it() -> None:
    settings, secrets = schemas("rest", {"spec": FORM})
    shown = settings.model_json_schema()["properties"]
    assert {"spec", "spec_file", "allow_http", "timeouts", "url", "region"} <= shown.keys()
    assert shown["region"]["enum"] == ["eu", "us"]
    assert shown["url"]["title"] == "Address"
    assert settings.model_json_schema()["required"] == ["url"]
    assert secrets.model_json_schema()["required"] == ["key"]
    assert secrets.model_json_schema()["properties"]["key"]["description"] == "From there."
    assert known_attributes("rest", {"spec": FORM}) == frozenset({"userName"})
    assert known_attributes("scim", {}) is None


@pytest.mark.parametrize(
    ("settings", "secrets", "told"),
    [
        ({}, {"key": "abc"}, "setting url: is missing"),
        ({"url": "x"}, {"key": "abc"}, "setting url: the address is not a URL"),
        ({"url": "http://169.254.169.254"}, {"key": "abc"}, "setting url: .*metadata"),
        ({"url": "https://x.example", "region": "asia"}, {"key": "abc"}, "setting region: "),
        ({"url": "https://x.example", "code": "ab"}, {"key": "abc"}, r"setting code: .*\[A-Z\]"),
        ({"url": "https://x.example", "many": "x"}, {"key": "abc"}, "setting many"),
        ({"url": "https://x.example", "more": "x"}, {"key": "abc"}, "setting more: is not known"),
        ({"url": "https://x.example"}, {}, "secret key: is missing"),
        ({"url": "https://x.example"}, {"key": " "}, "secret key: .*not empty"),
        ({"url": "https://x.example"}, {"key": "a", "z": "b"}, "secret z: is not known"),
    ],
)
def test_wrong_values_are_named(settings: Any, secrets: Any, told: str) -> None:
    config = ConnectorConfig("Odd", {"spec": FORM, **settings}, secrets)
    with pytest.raises(ValueError, match=rf"^Odd \(rest\): .*{told}"):
        open_connector("rest", config)


def test_an_attribute_that_it_does_not_have_is_named() -> None:
    config = ConnectorConfig(
        "Odd", {"spec": SPEC, "url": "https://x.example"}, {}, frozenset({"userName", "nick"})
    )
    with pytest.raises(ValueError, match=r"no attribute nick in the specification.*userName"):
        open_connector("rest", config)


def test_a_specification_is_needed_once() -> None:
    for settings in ({}, {"spec": SPEC, "spec_file": "x.yaml"}):
        with pytest.raises(SettingsError, match="Give the specification"):
            schemas("rest", settings)
    without = {key: value for key, value in SPEC.items() if key != "name"}
    with pytest.raises(ValueError, match=r"Odd \(rest\): setting spec\.name: This is missing"):
        open_connector("rest", ConnectorConfig("Odd", {"spec": without}))
