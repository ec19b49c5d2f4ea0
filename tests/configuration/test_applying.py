"""Documents and the database: what differs, what is applied, and all of it or nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenure.applications.models import Account, Application, Entitlement
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.configuration.applying import ChangeKind, ConfigChange, apply, diff
from tenure.configuration.document import Document
from tenure.configuration.exporting import export
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import Loaded, read_text
from tenure.people.models import AttributeDefinition, Person
from tenure.people.services import company, schema
from tenure.rules.models import AccessRule
from tenure.sources.models import Source, SourceRecord
from tests.configuration.samples import GOOD, place, spoilt

pytestmark = pytest.mark.django_db


def loaded(text: str) -> Loaded:
    return read_text(text, name="tenure.yaml", folder=Path("/srv/hr"))


def document(text: str) -> Document:
    return loaded(text).document


def paths(changes: list[ConfigChange]) -> list[str]:
    return [f"{change.kind} {change.path}" for change in changes]


@pytest.fixture
def applied() -> None:
    apply(document(GOOD))


@pytest.fixture
def person() -> Person:
    return Person.objects.create(employee_number="1", display_name="Anna Nagy", generation=5)


def test_everything_is_stored(applied: None) -> None:
    assert company().name == "Acme"
    assert company().email_formats == ["{first}.{last}"]
    assert schema()["badge"] == "string"
    source = Source.objects.get(slug="hr")
    assert source.settings == {"path": "/srv/hr/people.csv"}
    assert source.guard == {"leavers": {"percent": 2.5, "floor": 5, "window": 86400}}
    chat = Application.objects.get(slug="chat")
    assert chat.settings["base_url"] == "${env:CHAT_URL}"
    assert chat.secrets == {"token": "${env:CHAT_TOKEN}"}
    assert chat.mapping[0] == {
        "attribute": "userName",
        "expression": "user.email",
        "when": "always",
    }
    assert chat.mapping[1]["when"] == "create"
    assert chat.delete_after == timedelta(days=30)
    assert chat.lead == timedelta(days=7)
    assert (chat.seat_price, chat.seat_currency) == (Decimal("7.25"), "EUR")
    sales = Entitlement.objects.get(application=chat, key="group:sales")
    assert (sales.kind, sales.name, sales.price, sales.seats) == ("group", "sales", 12, 50)
    assert AccessRule.objects.get(slug="everyone").gives == {"chat": ["group:all"], "tracker": []}
    assert list(Application.objects.values_list("slug", flat=True)) == ["chat", "tracker"]


def test_a_second_time_changes_nothing(applied: None, person: Person) -> None:
    events = Event.objects.count()
    assert diff(document(GOOD)) == []
    assert apply(document(GOOD)) == []
    assert Event.objects.count() == events
    person.refresh_from_db()
    assert person.generation == 5


def test_an_export_applies_to_nothing(applied: None) -> None:
    text = export()
    assert diff(read_text(text).document) == []
    assert "7.25" in text
    assert "delete_after: P30D" in text


def test_a_difference_is_told_leaf_by_leaf(applied: None) -> None:
    text = (
        GOOD.replace("delete_after: P30D", "delete_after: P60D")
        .replace("price: 7.250", "price: 7.5")
        .replace('"group:all", {key', '"group:all", "role:admin", {key')
        .replace("  domain: acme.example\n", "")
        .replace("  tracker:\n    name: Tracker", "  tracker:\n    colour: teal\n    name: T")
    )
    changes = diff(document(text))
    assert paths(changes) == [
        "changed company.domain",
        "changed applications.chat.removal.delete_after",
        "changed applications.chat.seat.price",
        "added applications.chat.entitlements.role:admin",
        "changed applications.tracker.name",
        "changed applications.tracker.colour",
    ]
    assert changes[1] == ConfigChange(
        ChangeKind.CHANGED, "applications.chat.removal.delete_after", "P30D", "P60D"
    )
    assert apply(document(text)) == changes
    assert diff(document(text)) == []


def test_a_whole_object_is_one_change(applied: None) -> None:
    sales = GOOD[GOOD.index("  sales:\n") :]
    changes = diff(document(GOOD.replace(sales, sales.replace("  sales:", "  selling:"))))
    assert paths(changes) == ["removed rules.sales", "added rules.selling"]
    assert changes[1].after["when"].startswith("user.department")


def test_order_is_a_change(applied: None) -> None:
    head, _, rules = GOOD.partition("rules:\n")
    everyone, sales = rules[: rules.index("  sales:")], rules[rules.index("  sales:") :]
    text = f"{head}rules:\n{sales}{everyone}"
    (change,) = apply(document(text))
    assert (change.path, change.before, change.after) == (
        "rules",
        ["everyone", "office", "sales"],
        ["sales", "everyone", "office"],
    )
    assert list(AccessRule.objects.values_list("slug", flat=True)) == [
        "sales",
        "everyone",
        "office",
    ]
    assert diff(document(text)) == []
    assert Event.objects.latest("id").subject_key == "rules"


def test_sections_that_are_not_given_stay(applied: None) -> None:
    rules = "rules:\n" + GOOD.partition("rules:\n")[2].partition("  sales:")[0]
    assert paths(apply(document(rules))) == ["removed rules.sales"]
    assert Application.objects.count() == 2
    assert apply(document("rules: {}"))[0].path == "rules.everyone"
    assert AccessRule.objects.count() == 0


def test_a_bad_document_changes_nothing(applied: None) -> None:
    events, before = Event.objects.count(), export()
    text = spoilt("name: Acme", "name: Other").replace("user.department ==", "user.departmnt ==")
    with pytest.raises(ConfigurationError) as caught:
        apply(document(text), marks=loaded(text).marks)
    assert [p.path for p in caught.value.problems] == ["rules.sales.when"]
    with pytest.raises(ConfigurationError):
        diff(document(text))
    assert (Event.objects.count(), export()) == (events, before)


def test_an_application_with_accounts_stays(applied: None) -> None:
    chat = Application.objects.get(slug="chat")
    account = Account.objects.create(application=chat, remote_id="1", situation="linked")
    before = export()
    # The company changes in the same document: that must be undone as well.
    text = (
        GOOD.replace("name: Acme", "name: Other")
        .replace("  chat:\n", "  talk:\n")
        .replace("chat:", "talk:")
        .replace("[chat]", "[talk]")
    )
    given = loaded(text)
    with pytest.raises(ConfigurationError) as caught:
        apply(given.document, marks=given.marks)
    (problem,) = caught.value.problems
    assert problem.path == "applications.chat"
    assert problem.line == place(text, "applications:")[0]
    assert "1 account. Take it out of every rule" in problem.message
    assert export() == before
    account.situation = "deleted"
    account.save()
    with pytest.raises(ConfigurationError, match="evidence"):
        apply(given.document)
    account.delete()
    assert "removed applications.chat" in paths(apply(given.document))


def test_a_source_that_alone_knows_somebody_stays(applied: None, person: Person) -> None:
    source = Source.objects.get(slug="hr")
    SourceRecord.objects.create(source=source, key="1", digest=b"x", person=person)
    with pytest.raises(ConfigurationError, match="1 person is known from HR alone"):
        apply(document("sources: {}"))
    other = Source.objects.create(slug="other", name="Other", reader="csv", mapping={})
    SourceRecord.objects.create(source=other, key="1", digest=b"x", person=person)
    both = GOOD.replace("  hr:\n    name: HR\n", "  other:\n    name: HR\n")
    assert "removed sources.hr" in paths(apply(document(both)))


def test_what_the_application_has_is_kept_when_it_is_no_longer_managed(applied: None) -> None:
    Entitlement.objects.filter(key="group:sales").update(remote_id="g-1")
    text = spoilt(', {key: "group:sales", price: "12", currency: EUR, seats: 50}', "")
    text = text.replace('["group:sales"]', '["group:all"]')
    assert "removed applications.chat.entitlements.group:sales" in paths(apply(document(text)))
    left = Entitlement.objects.get(key="group:sales")
    assert (left.managed, left.price, left.remote_id) == (False, None, "g-1")
    apply(document(GOOD))
    left.refresh_from_db()
    assert (left.managed, left.price, left.remote_id) == (True, 12, "g-1")


def test_an_entitlement_that_was_never_made_is_forgotten(applied: None) -> None:
    text = spoilt(', {key: "group:sales", price: "12", currency: EUR, seats: 50}', "")
    apply(document(text.replace('["group:sales"]', '["group:all"]')))
    assert not Entitlement.objects.filter(key="group:sales").exists()


@pytest.mark.parametrize(
    ("old", "new", "raised"),
    [
        ("name: Tracker", "name: T", False),
        ("price: 7.250", "price: 8", False),
        ("name: Acme", "name: Other", False),
        ('dates: ["%Y-%m-%d", ', "dates: [", False),
        ("lead: P1W", "lead: P2W", True),
        ("userName: user.email", "userName: user.employee_number", True),
        ('"Sales" && has', '"Support" && has', True),
        ('["{first}.{last}"]', '["{f}{last}"]', True),
        ("label: Badge number}", "label: Badge number, type: integer}", True),
    ],
)
def test_everybody_is_planned_anew_once_when_it_matters(
    applied: None, person: Person, old: str, new: str, raised: bool
) -> None:
    assert apply(document(spoilt(old, new)))
    person.refresh_from_db()
    assert person.generation == (6 if raised else 5)


def test_generations_are_raised_in_one_statement(person: Person) -> None:
    with CaptureQueriesContext(connection) as queries:
        apply(document(GOOD))
    raising = [q for q in queries if q["sql"].startswith('UPDATE "people_person"')]
    assert len(raising) == 1
    person.refresh_from_db()
    assert person.generation == 6


def test_each_change_is_recorded_with_before_and_after(applied: None) -> None:
    newest = Event.objects.latest("id").pk
    with acting("tester"):
        apply(document(spoilt("delete_after: P30D", "delete_after: P1D")))
    (event,) = Event.objects.filter(pk__gt=newest)
    assert event.action == Action.CONFIGURATION_CHANGED
    assert (event.actor, event.subject_kind, event.subject_key) == ("tester", "application", "chat")
    assert event.application == "chat"
    assert event.before == {"delete_after": "P30DT00H00M00S"}
    assert event.after == {"delete_after": "P1DT00H00M00S"}
    apply(document("rules: {}"))
    removed = Event.objects.filter(subject_kind="rule", after__isnull=True).latest("id")
    assert removed.before is not None
    assert removed.before["name"] in {"Everyone", "Sales"}


def test_the_trail_has_references_and_no_secrets(applied: None) -> None:
    event = Event.objects.get(subject_kind="application", subject_key="chat")
    assert event.before is None
    assert event.after is not None
    assert event.after["secrets"] == {"token": "${env:CHAT_TOKEN}"}


def test_an_attribute_goes(applied: None) -> None:
    text = GOOD.replace("attributes:\n  badge: {label: Badge number}\n", "attributes: {}\n")
    text = text.replace('      badge: row["Badge"]\n', "").replace(" && has(user.badge)", "")
    apply(document(text))
    assert not AttributeDefinition.objects.filter(name="badge").exists()
