"""What a document means: names that exist, expressions that compile, settings that are taken."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run

import pytest

from tenure.configuration.checking import check
from tenure.configuration.problems import ConfigurationError, Problem
from tenure.configuration.reading import read_text
from tests.configuration.samples import GOOD, place, spoilt


def problems(text: str) -> tuple[Problem, ...]:
    loaded = read_text(text, name="tenure.yaml")
    return check(loaded.document, marks=loaded.marks).problems


def test_nothing_is_wrong_with_the_sample() -> None:
    assert problems(GOOD) == ()


@pytest.mark.parametrize(
    ("old", "new", "at", "path", "said"),
    [
        ("Europe/Budapest", "Europe/Budapets", "Europe/Budapets", "company.time_zone",
         "Did you mean Europe/Budapest?"),
        ("acme.example", "'@acme'", "'@acme'", "company.domain", "without @"),
        ('"{first}.{last}"', '"{fist}.{last}"', '"{fist}', "company.email_formats[0]", "{fist}"),
        ("  badge: {label", "  email: {label", "email: {label", "attributes.email",
         "standard attribute"),
        ("reader: csv", "reader: cvs", "cvs", "sources.hr.reader", "Known: csv"),
        ("{path: people.csv}", "{path: p.csv, delimiter: ab}", "ab}",
         "sources.hr.settings.delimiter", "not one character"),
        ("{path: people.csv}", "{pat: people.csv}", "people.csv}", "sources.hr.settings.pat",
         "Known: path"),
        ('      badge: row["Badge"]', '      bagde: row["Badge"]', 'row["Badge"]',
         "sources.hr.mapping.bagde", "Did you mean badge?"),
        ('employee_number: row["Employee ID"]', 'title: row["Employee ID"]',
         "mapping:\n      title", "sources.hr.mapping", "employee_number is missing"),
        ('"%Y-%m-%d", ', '"%Y-%m", ', '"%Y-%m", ', "sources.hr.dates[0]", "a day"),
        ("delete_after: P30D}", "delete_after: P30D, transfer_to: manager}", "manager}",
         "applications.chat.removal.transfer_to", "scim cannot hand over"),
        ("guard: {leavers: {percent: 2.5}}", "rehire: [[given_name, email]]", "[given_name",
         "sources.hr.rehire[0]", "email is not in the mapping of this source"),
        ("guard: {leavers: {percent: 2.5}}", "rehire: [employee_number]", "employee_number]",
         "sources.hr.rehire[0]", "what is new"),
        ("guard: {leavers: {percent: 2.5}}", "correlation: [email]", "[email",
         "sources.hr.correlation[0]", "email is not in the mapping of this source"),
        ("guard: {leavers: {percent: 2.5}}",
         "correlation: [{record: given_name, person: bagde}]", "{record",
         "sources.hr.correlation[0]", "bagde"),
        ("guard: {leavers: {percent: 2.5}}", "suggest: [[employee_number]]", "[employee_number",
         "sources.hr.suggest[0]", "put it into `correlation`"),
        ('email_formats: ["{first}.{last}"]', 'user_name_formats: ["{fist}"]', '"{fist}',
         "company.user_name_formats[0]", "{fist}"),
        ("connector: memory", "connector: mail", "mail", "applications.tracker.connector",
         "memory, "),
        ("page_size: 50", "page_size: 5000", "5000", "applications.chat.settings.page_size",
         "1000"),
        ('"${env:CHAT_URL}"', '"${CHAT_URL}"', '"${CHAT_URL}"',
         "applications.chat.settings.base_url", "not a reference"),
        ('{token: "${env:CHAT_TOKEN}"}', "{}", "secrets: {}", "applications.chat.secrets.token",
         "missing"),
        ("userName: user.email", "userName: user.emial", "user.emial",
         "applications.chat.mapping.userName", "user.email"),
        ("person: email}", "person: mail}", "mail}", "applications.chat.matching[0].person",
         "no attribute 'mail'"),
        ('["id"] == "7"', '["id"] == 7', "account[", "applications.chat.protect[0]",
         "does not work with"),
        ("title: report", "titel: report", "titel", "applications.chat.drift.titel",
         "Did you mean title?"),
        ('"group:all", {', '"group:sales", {', '{key: "group:sales"',
         "applications.chat.entitlements[1]", "here twice"),
        ('chat: ["group:all"], tracker', 'chta: ["group:all"], tracker', 'chta: ["group',
         "rules.everyone.give.chta", "Did you mean chat?"),
        ('give: {chat: ["group:sales"]}', 'give: {chat: ["group:sale"]}', '"group:sale"]',
         "rules.sales.give.chat[0]", "Did you mean group:sales?"),
        ('give: {chat: ["group:sales"]}', "give: {}", "give: {}", "rules.sales.give",
         "gives nothing"),
        ('"Sales" && has(user.badge)', '"Sales" && has(user.bagde)', "user.bagde",
         "rules.sales.when", "user.badge"),
        ("requires: [chat]", "requires: [chta]", "chta]", "applications.tracker.requires[0]",
         "Did you mean chat?"),
        ("requires: [chat]", "requires: [tracker]", "tracker]",
         "applications.tracker.requires[0]", "require each other"),
        ("'\"office\" in user.groups'", "'\"offcie\" in user.groups'", "'\"offcie\"",
         "rules.office.when", "Did you mean office?"),
        ('user.location == "Berlin"', '"x" in user.groups', '"x" in', "groups.office.when",
         "groups"),
        ("  badge: {label", "  groups: {label", "groups: {label", "attributes.groups",
         "Choose another name"),
        ('user.department == "Sales"', "user.department == 3", "==", "rules.sales.when", ""),
        ('user.department == "Sales" && has(user.badge)', "user.department", "user.department",
         "rules.sales.when", "true or false"),
    ],
)  # fmt: skip
def test_says_where_and_what(old: str, new: str, at: str, path: str, said: str) -> None:
    text = spoilt(old, new)
    found = [p for p in problems(text) if p.path == path and said in p.message]
    assert len(found) == 1, problems(text)
    if text.count(at) == 1:
        assert found[0].line == place(text, at)[0]


def test_who_somebody_is_there_is_not_made_of_what_nobody_may_read() -> None:
    text = spoilt("badge: {label: Badge number}", "badge: {label: Badge, sensitive: true}")
    text = text.replace("userName: user.email", 'userName: user.badge + "@acme.example"')
    (problem,) = problems(text)
    assert problem.path == "applications.chat.mapping.userName"
    assert "badge, which is sensitive" in problem.message


@pytest.mark.parametrize(
    "when",
    [
        'user.department == "Sales" && user.nothing == "x"',
        '\'user.department == "Sales" && user.nothing == "x"\'',
        '|\n      user.department == "Sales"\n      && user.nothing == "x"',
    ],
)
def test_an_expression_is_marked_at_the_very_character(when: str) -> None:
    text = spoilt('user.department == "Sales" && has(user.badge)', when)
    (found,) = problems(text)
    # What does not exist is the part after the dot.
    assert (found.line, found.column) == place(text, "nothing ==")


def test_in_folded_text_the_start_is_marked() -> None:
    when = '>-\n      user.department == "Sales"\n      && user.nothing == "x"'
    text = spoilt('user.department == "Sales" && has(user.badge)', when)
    (found,) = problems(text)
    assert (found.line, found.column) == place(text, ">-\n")


def test_a_literal_secret_is_refused_and_not_shown() -> None:
    text = spoilt('"${env:CHAT_TOKEN}"', "s3cret-value")
    (found,) = problems(text)
    assert found.line == place(text, "s3cret-value")[0]
    assert "Expected a reference: ${env:NAME}" in found.message
    assert "s3cret" not in str(found)


def test_two_spellings_of_a_status_cannot_mean_two_things() -> None:
    (found,) = problems(spoilt("{Active: active,", "{Active: active, ACTIVE: left,"))
    assert found.path == "sources.hr.statuses.ACTIVE"


def test_what_is_stored_stands_in_for_sections_that_are_not_given() -> None:
    stored = read_text(GOOD).document
    rules = "rules:" + GOOD.partition("rules:")[2]
    assert check(read_text(rules).document, stored=stored).problems == ()
    alone = check(read_text(rules).document)
    assert ["no applications" in note for note in alone.notes] == [True]
    # Taking an attribute away is wrong while a stored rule and a stored source use it.
    gone = check(read_text("attributes: {}").document, stored=stored).problems
    assert {p.path for p in gone} == {"sources.hr.mapping.badge", "rules.sales.when"}


def test_checking_loads_no_django() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tenure.configuration.checking import check\n"
        "from tenure.configuration.reading import read\n"
        "loaded = read(Path(sys.argv[1]))\n"
        "assert not check(loaded.document, marks=loaded.marks).problems\n"
        "assert 'django' not in sys.modules\n"
    )
    example = Path(__file__).parents[2] / "examples" / "acme" / "tenure.yaml"
    run([sys.executable, "-c", code, str(example)], check=True)


@pytest.mark.parametrize("window", ["P0D", "PT59S"])
def test_a_limit_over_no_time_is_none(window: str) -> None:
    """What comes one by one would pass it, however much it is in the end."""
    text = GOOD.replace("leavers: {percent: 2.5}", f"leavers: {{percent: 2.5, window: {window}}}")
    with pytest.raises(ConfigurationError, match="Give at least PT1M"):
        read_text(text, name="tenure.yaml")


@pytest.mark.parametrize(
    ("dialect", "policy", "told"),
    [
        (
            "{off: {by: none}}",
            "removal: {then: disable}",
            "removal: We cannot close accounts there",
        ),
        ("{off: {by: none}}", "orphans: disable", "orphans: We cannot close accounts there"),
        ("{off: {by: none}}", "leave: free", "leave: We cannot close accounts there"),
        (
            "{delete: unsupported}",
            "removal: {then: delete}",
            "Until it is done the account is closed.",
        ),
        ("{delete: unsupported}", "orphans: delete", "orphans: We cannot delete accounts there"),
        (
            "{delete: unsupported}",
            "removal: {delete_after: P30D}",
            "removal.delete_after: We cannot",
        ),
        ("{off: {final: true}}", "removal: {delete_after: P30D}", "it is gone at once"),
        ("{off: {final: true}}", "leave: disable", "without what was in it"),
    ],
)
def test_what_cannot_be_done_there_is_told_and_is_no_mistake(
    dialect: str, policy: str, told: str
) -> None:
    text = f"""
applications:
  chat:
    name: Chat
    connector: scim
    settings: {{base_url: "${{env:CHAT_URL}}", dialect: {dialect}}}
    secrets: {{token: "${{env:CHAT_TOKEN}}"}}
    mapping: {{userName: user.email}}
    {policy}
"""
    checked = check(read_text(text, name="tenure.yaml").document)
    assert checked.problems == ()
    assert any(note.startswith("applications.chat.") and told in note for note in checked.notes)


def test_what_can_be_done_is_not_talked_about() -> None:
    assert check(read_text(GOOD, name="tenure.yaml").document).notes == ()


def test_closing_members_of_an_organisation_is_told() -> None:
    text = """
applications:
  code:
    name: Code
    connector: github
    settings: {organisation: acme}
    secrets: {token: "${env:GITHUB_TOKEN}"}
    mapping: {login: user.email}
"""
    (note,) = check(read_text(text, name="tenure.yaml").document).notes
    assert note == (
        "applications.code.removal: We cannot close accounts there: each leaver is a task for a "
        "person, and gets in until it is done. Deleting them we can."
    )
