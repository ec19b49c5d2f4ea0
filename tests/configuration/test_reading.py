"""YAML to a document: the form, and the place of everything that is wrong with it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tenure.configuration.problems import ConfigurationError, Problem
from tenure.configuration.reading import read, read_text
from tests.configuration.samples import GOOD, place, spoilt


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read_text(text, name="tenure.yaml")
    return tuple(caught.value.problems)


def test_reads_what_is_right() -> None:
    document = read_text(GOOD, name="tenure.yaml").document
    assert document.applications is not None
    chat = document.applications["chat"]
    assert chat.seat is not None
    assert chat.seat.price == Decimal("7.250")
    assert chat.mapping["title"].when == "create"
    assert chat.mapping["userName"].value == "user.email"
    assert [item.key for item in chat.entitlements] == ["group:all", "group:sales"]
    assert document.rules is not None
    assert document.rules["everyone"].give == {"chat": ["group:all"], "tracker": []}


def test_sections_that_are_not_given_are_none() -> None:
    document = read_text("rules: {}").document
    assert document.rules == {}
    assert document.applications is None


@pytest.mark.parametrize(
    ("old", "new", "at", "path", "said"),
    [
        ("time_zone: Europe/Budapest", "time_zon: Europe/Budapest", "Europe", "company.time_zon",
         "Known: name, domain, time_zone"),
        ("percent: 2.5", "percent: 7000", "7000", "sources.hr.guard.leavers.percent", "100"),
        ("delete_after: P30D", "delete_after: 30 days", "30 days",
         "applications.chat.removal.delete_after", "P30D is 30 days"),
        ("recreate: never", "reconcile_every: PT5M", "PT5M", "applications.chat.reconcile_every",
         "PT5M is too often. Expected PT15M to P30D; or never"),
        ("recreate: never", "reconcile_every: P31D", "P31D", "applications.chat.reconcile_every",
         "P31D is too seldom. Expected PT15M to P30D; or never"),
        ("recreate: never", "reconcile_every: daily", "daily",
         "applications.chat.reconcile_every", "PT12H twelve hours"),
        ("recreate: never", "reconcile_every: null", "null", "applications.chat.reconcile_every",
         "Or never: only when somebody asks for it."),
        ("then: disable, delete_after", "then: delete, delete_after", "removal:",
         "applications.chat.removal", "never disables one"),
        ("price: 7.250", "price: '7,250'", "7,250", "applications.chat.seat.price",
         "is not a price"),
        ('price: "12", currency: EUR', 'price: "12"', '{key: "group:sales"',
         "applications.chat.entitlements[1]", "needs its currency"),
        ("7.250, currency: EUR", "7.250, currency: euro", "euro",
         "applications.chat.seat.currency", "such as EUR"),
        ('"group:all", {', '"all", {', '"all", {', "applications.chat.entitlements[0]",
         "kind:name"),
        ("when: create", "when: always-on", "always-on", "applications.chat.mapping.title.when",
         "'always' or 'create'"),
        ("  badge: {label", "  Badge: {label", "Badge: {label", "attributes.Badge",
         "lower-case"),
        ("name: Tracker\n", "colour: '#fff'\n", "tracker:\n", "applications.tracker.name",
         "missing"),
        ("name: Sales", "name: 2024", "2024", "rules.sales.name", "numbers go in quotes"),
        ("matching: [{account: userName, person: email}]", "matching: everybody", "everybody",
         "applications.chat.matching", "Expected a list"),
        ('secrets: {token: "${env:CHAT_TOKEN}"}', "secrets: []", "secrets: []",
         "applications.chat.secrets", "names and values"),
    ],
)  # fmt: skip
def test_says_where_and_what(old: str, new: str, at: str, path: str, said: str) -> None:
    text = spoilt(old, new)
    found = problems(text)
    assert [p.path.split(".key")[0] for p in found] == [path]
    assert (found[0].line, found[0].column) in _near(text, at)
    assert said in found[0].message


def _near(text: str, piece: str) -> set[tuple[int, int]]:
    """The place, or one before it for a quote."""
    line, column = place(text, piece)
    return {(line, column), (line, column - 1)}


def test_all_problems_come_at_once_in_order() -> None:
    text = spoilt("time_zone:", "zone:").replace("lead: P1W", "lead: soon")
    assert [p.path for p in problems(text)] == ["company.zone", "applications.chat.lead"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("rules:\n  a: [1\n", 3, "not YAML"),
        ("rules:\n\ta: 1\n", 2, "Indent with spaces"),
        ("company:\n  name: A\n  name: B\n", 3, "'name' is here twice, first in line 2"),
        ("rules:\n  a: {x: ${env:X}}\n", 2, "in quotes"),
        ("rules: {}\n---\nrules: {}\n", 2, "not YAML"),
        ("- rules\n", 1, "Expected sections"),
        ("rules:\n", 1, "write {}"),
        ("rules: &a\n  x: *a\n", 2, "contains itself"),
        ("rules:\n  x: !!python/name:os.system\n", 2, "not taken"),
        ("a: &a {x: 1}\nrules:\n  <<: *a\n", 3, "Merge keys"),
        ("rules:\n  ? [a]\n  : 1\n", 2, "piece of text"),
        ("rules:\n  a: \x07\n", 2, "may not stand"),
    ],
)
def test_bad_yaml(text: str, line: int, said: str) -> None:
    found = [p for p in problems(text) if said in p.message]
    assert [p.line for p in found] == [line]
    assert str(found[0]).startswith(f"tenure.yaml:{line}:")


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert any("values" in p.message for p in problems("\n".join(lines)))


def test_a_secret_is_never_shown() -> None:
    text = spoilt('"${env:CHAT_TOKEN}"', "12345678")
    assert "12345678" not in "\n".join(map(str, problems(text)))


def test_relative_paths_are_of_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tenure.yaml"
    file.write_text(GOOD)
    document = read(file).document
    assert document.sources is not None
    assert document.sources["hr"].settings["path"] == str(tmp_path / "people.csv")


def test_an_absolute_path_and_a_reference_stay() -> None:
    for written in ("/srv/people.csv", "${env:PEOPLE}"):
        document = read_text(spoilt("path: people.csv", f'path: "{written}"')).document
        assert document.sources is not None
        assert document.sources["hr"].settings["path"] == written


def test_a_folder_is_one_document(tmp_path: Path) -> None:
    head, _, rules = GOOD.partition("rules:\n")
    (tmp_path / "10-company.yaml").write_text(head)
    everyone, _, sales = rules.partition("  sales:\n")
    (tmp_path / "20-rules.yaml").write_text("rules:\n" + everyone)
    (tmp_path / "30-sales.yml").write_text("rules:\n  sales:\n" + sales)
    (tmp_path / "notes.txt").write_text("not: [read")
    whole = read_text(GOOD, folder=tmp_path).document
    assert read(tmp_path).document == whole


def test_a_folder_says_nothing_twice(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("\nattributes:\n  badge: {label: Badge}\n")
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path)
    (found,) = caught.value.problems
    assert (found.file, found.line, found.path) == (str(tmp_path / "b.yaml"), 3, "attributes.badge")
    assert f"{tmp_path / 'a.yaml'}, line 3" in found.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no \*\.yaml file"):
        read(tmp_path)
    with pytest.raises(ConfigurationError, match="No such file"):
        read(tmp_path / "missing.yaml")
    bad = tmp_path / "latin.yaml"
    bad.write_bytes("rules: {}\n# árvíz".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"latin\.yaml:2:1: This is not UTF-8"):
        read(bad)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "tenure.yaml"
    file.write_bytes(b"\xef\xbb\xbfrules: {}\n")
    assert read(file).document.rules == {}
