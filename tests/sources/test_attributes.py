"""What a source's values become: tables, cleaning, zones, managers by any name; and what is
sensitive is told nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from tenure.audit.models import Event
from tenure.people.models import AttributeDefinition, Person
from tenure.readers.memory import forget_all, memory_source
from tenure.runs.models import RunIssue
from tenure.sources import managers
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.sources.hr import person, source

pytestmark = pytest.mark.django_db
MAPPING = {
    "employee_number": 'row["Number"]',
    "given_name": 'row["Given"]',
    "department": 'row["Department"]',
    "phone": 'row["Phone"]',
    "country": 'row["Country"]',
    "location": 'row["Location"]',
    "manager": 'row["Manager"]',
    "email": 'row["E-mail"]',
    "badge": 'row["Badge"]',
    "tags": 'row["Tags"]',
}
COLUMNS = [text.split('"')[1] for text in MAPPING.values()]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


def company(*rows: dict[str, str], **more: object) -> Source:
    AttributeDefinition.objects.create(name="badge", label="Badge", type="integer", sensitive=True)
    AttributeDefinition.objects.create(name="tags", label="Tags", type="strings")
    for number, row in enumerate(rows, start=1):
        given = {"Number": f"N{number}", "Given": f"Given{number}", **row}
        memory_source("live").put(f"id-{number}", **{**dict.fromkeys(COLUMNS, ""), **given})
    return source(reader="memory", settings={"name": "live"}, mapping=MAPPING, **more)


def test_cleaned_by_what_the_source_says() -> None:
    hr = company(
        {"Department": "eng", "Phone": "06 1 555 1234", "Country": "Hungary", "Tags": "A, b"},
        {"Department": "Legal", "Phone": "see HR", "Country": "USA", "Location": "New York"},
        value_tables={"department": {"table": {"ENG": "Engineering"}, "otherwise": "Other"}},
        clean={"phone": ["phone"], "country": ["country"], "tags": ["lower"]},
        region="HU",
        time_zones={"New York": "America/New_York"},
    )
    result = import_source(hr)
    assert [issue.message for issue in result.issues] == [
        "phone: 'see HR' is no telephone number. It is left out."
    ]
    one, two = person("N1"), person("N2")
    assert (one.attributes["department"], two.attributes["department"]) == ("Engineering", "Other")
    assert (one.attributes["phone"], "phone" in two.attributes) == ("+3615551234", False)
    assert (one.attributes["country"], one.attributes["tags"]) == ("HU", ["a", "b"])
    assert (one.time_zone, two.time_zone) == ("Europe/Budapest", "America/New_York")
    Source.objects.update(
        value_tables={"department": {"table": {"ENG": "Engineering"}, "others": "error"}}
    )
    result = import_source(hr)
    assert "department: 'Legal' is not in the table" in result.issues[0].message
    assert result.whole, "other tables, other people"


def test_managers_by_the_sources_own_ids_and_by_e_mail() -> None:
    """In whatever order they come; an id that looks like somebody else's number is none."""
    hr = company(
        {"Manager": "id-3"},
        {"Manager": "id-1", "Number": "id-3"},
        {"Manager": "boss@acme.example"},
        manager_by="id",
    )
    boss = {"Number": "N4", "E-mail": "Boss@acme.example"}
    memory_source("live").put("id-4", **{**memory_source("live").records["id-3"], **boss})
    result = import_source(hr)
    assert person("N1").manager == person("N3")
    assert person("N1").attributes["manager"] == "N3"
    assert person("id-3").manager == person("N1")
    assert [issue.key for issue in result.issues] == ["N3", "N4"]
    assert import_source(hr, full=True).counts["changed"] == 0
    assert person("N1").attributes["manager"] == "N3"
    Source.objects.update(manager_by="email")
    import_source(hr)
    assert person("N3").manager == person("N4")
    assert person("N1").manager is None


def test_of_several_with_the_address_of_a_manager_it_is_who_is_here_and_came_first() -> None:
    """In the lookup of an import, and in the one afterwards."""
    Person.objects.create(display_name="Left", employee_number="A", email="b@x.example")
    for number in "BC":
        Person.objects.create(display_name=number, employee_number=number, email="B@x.example")
    Person.objects.filter(employee_number="A").update(state="left")
    wanted = ["b@x.example", "nobody@x.example"]
    assert managers._known(Source(), managers.BY_EMAIL, wanted) == {"b@x.example": "B"}
    with connection.cursor() as cursor:
        cursor.execute(managers._BOSSES[managers.BY_EMAIL])
        assert cursor.fetchall() == [("email:b@x.example", "B")]


def test_what_is_sensitive_is_told_nowhere() -> None:
    hr = company({"Badge": "471100"}, {"Badge": "secret-99"})
    import_source(hr)
    memory_source("live").put("id-1", Badge="471200")
    import_source(hr)
    assert person("N1").attributes["badge"] == 471200
    told = [*RunIssue.objects.values_list("message", flat=True)]
    told += [str((row.before, row.after)) for row in Event.objects.all()]
    assert not [text for text in told if "4711" in text or "4712" in text or "secret" in text]
    assert RunIssue.objects.get().message == "badge: what is there is no integer."
    assert "(not shown)" in told[-1]
    assert Person.objects.count() == 1
