"""Of the accounts that could be one person's none is overlooked, however their values are written,
and hardly any other is loaded."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenure.applications.models import Account, Application
from tenure.people.models import Person
from tenure.provisioning.reconciliation.correlating import Possible

pytestmark = pytest.mark.django_db


def application(account: str = "userName") -> Application:
    return Application.objects.create(
        slug="chat",
        name="Chat",
        connector="memory",
        matching=[{"account": account, "person": "email", "case": "fold"}],
    )


def account(row: Application, value: object, name: str = "userName") -> Account:
    count = Account.objects.count()
    return Account.objects.create(
        application=row,
        remote_id=str(count),
        situation="unmatched",
        attributes={name: value, "displayName": "Somebody"},
    )


@pytest.mark.parametrize(
    ("theirs", "there"),
    [
        ("anna@acme.example", "ANNA@acme.example"),
        ("anna@acme.example", " anna@acme.example "),
        ("anna@acme.example", ["old@acme.example", "Anna@acme.example"]),
        ("kim@acme.example", "\N{KELVIN SIGN}im@acme.example"),
        ("STRASSE", "Straße"),
        ("kov\u00e1cs@acme.example", "KOVA\u0301CS@acme.example"),
        ("50%_off", "50%_OFF"),
        ("10482", 10482),
        ('o"neill', 'O"Neill'),
        ('o"neill', ['O"Neill']),
        ("1e5", 1e5),
    ],
)  # fmt: skip
def test_whoever_is_found_among_all_is_found_among_those_that_are_asked_for(
    theirs: str, there: object
) -> None:
    row = application()
    wanted = account(row, there)
    account(row, "somebody.else@acme.example")
    person = Person.objects.create(display_name="Anna", attributes={"email": theirs})
    whole, few = Possible([row]).of(person), Possible([row], [person.pk]).of(person)
    assert few == whole
    if there != 1e5:
        assert [one.account for one in few] == [str(wanted.pk)]


def test_an_expression_is_asked_of_all() -> None:
    row = application('account.userName + "@acme.example"')
    wanted = account(row, "anna")
    person = Person.objects.create(display_name="A", attributes={"email": "anna@acme.example"})
    assert [one.account for one in Possible([row], [person.pk]).of(person)] == [str(wanted.pk)]


def test_hardly_any_other_is_loaded() -> None:
    row = application()
    for number in range(20):
        account(row, f"somebody{number}@acme.example")
    person = Person.objects.create(display_name="A", attributes={"email": "a@acme.example"})
    with CaptureQueriesContext(connection) as caught:
        assert Possible([row], [person.pk]).of(person) == []
    (asked,) = [q["sql"] for q in caught if "displayName" in q["sql"] or "UPPER" in q["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(asked.partition("CURSOR FOR ")[2] or asked)
        assert cursor.fetchall() == []
    nobody = Person.objects.create(display_name="B", attributes={})
    assert Possible([row], [nobody.pk]).of(nobody) == []
