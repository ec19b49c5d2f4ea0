"""`tenure accounts take`: shown first, done with a reason."""

from __future__ import annotations

from tenure.applications.models import Account
from tenure.people.models import Person
from tests.cli.conftest import Tenure
from tests.provisioning.company import Company, apply


def test_an_account_is_taken_once_it_was_shown(company: Company, tenure: Tenure) -> None:
    company.people(2)
    apply()
    one, other = Person.objects.order_by("pk")
    account = Account.objects.get(person=one)
    words = ("accounts", "take", f"chat/{account.user_name}", other.employee_number)
    shown = tenure(*words, "--dry-run", "--json").document
    assert (shown["done"], shown["from"]) == (False, one.employee_number)
    assert {line["kind"] for line in shown["plan"]["operations"]} >= {"create"}
    assert "Say why" in tenure(*words).err
    assert "say --yes" in tenure(*words, "--reason", "hers").err
    assert tenure(*words, "--reason", "hers", "--yes").code == 0
    account.refresh_from_db()
    assert account.person == other
    assert "already" in tenure(*words, "--reason", "hers", "--yes").err
